"""`supervise run`, `resume` and `logs`: what is asked of the daemon to begin, and what a kernel wrote.

Not here: staying with the run that was begun (`staying.py`).
"""

import json
import os
import sys
import time

from verger_client import wire
from verger_client.starting import connected
from verger_client.staying import Stay, Wishes
from verger_client.supervise import asked_of
from verger_client.words import Usage, Words, is_text

_INTERRUPTED = 130
_BEGUN_S = 60.0
"""Longer than a kernel may take to greet the daemon."""
_POLL_S = 0.2


def begin(words: Words) -> int:
    """The exit code of the run; 0 once it has begun and is detached from."""
    wishes = _wishes(words)
    daemon = connected(autostart=wishes.autostart)
    asked: dict[str, object] = {"words": words.rest, "environment": _environment()}
    if words.verb == "run":
        method, asked = "run.start", asked | {"directory": words.directory}
    else:
        method, asked = "run.resume", asked | asked_of(words)
    try:
        begun = json.loads(daemon.ask(method, asked, deadline_s=_BEGUN_S))
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted while the run was begun: see verger supervise list\n")
        return _INTERRUPTED
    stay = Stay(begun, asked_of(words), wishes)
    return stay.until_begun(daemon) if "--detach" in words.flags else stay.until_over(daemon)


def logs(words: Words) -> int:
    """`supervise logs`: what the kernel wrote on one of its streams, and with --follow what it goes on to write."""
    daemon = wire.daemon()
    stream = "stderr" if "--stderr" in words.flags else "stdout"
    offset, invocation = 0, ""
    while True:
        place = {"stream": stream, "invocation": invocation, "offset": offset}
        found = json.loads(daemon.ask("run.logs", asked_of(words) | place))
        invocation, offset = found["invocation"], found["offset"]
        sys.stdout.write(found["chunk"])
        sys.stdout.flush()
        if not found["chunk"] and (found["ended"] or "--follow" not in words.flags):
            return 0
        if not found["chunk"]:
            time.sleep(_POLL_S)


def _wishes(words: Words) -> Wishes:
    limit_s = _seconds(words.flags.get("--max-wait-seconds"))
    waits = "--wait" in words.flags or limit_s is not None
    follow = "--follow" in words.flags
    if "--detach" in words.flags and (waits or follow):
        raise Usage("--detach does not go together with --wait, --max-wait-seconds and --follow")
    return Wishes(waits=waits, limit_s=limit_s, follow=follow, autostart="--no-autostart" not in words.flags)


def _environment() -> dict[str, str]:
    """What the kernel is to have of the variables here: all that is text."""
    odd = sorted(ascii(name) for name, value in os.environ.items() if not is_text(name + value))
    if odd:
        sys.stderr.write(f"the kernel will be without {', '.join(odd)}, which is no UTF-8\n")
    return {name: value for name, value in os.environ.items() if is_text(name + value)}


def _seconds(words: str | None) -> float | None:
    if words is None:
        return None
    # All that float() takes but nan, inf and what is below 0.
    if words.replace(".", "", 1).isdecimal() and words.isascii():
        return float(words)
    raise Usage(f"--max-wait-seconds needs a number of seconds, not {words!a}")
