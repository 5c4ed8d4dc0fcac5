"""Staying with a run that the daemon watches: its steps as they happen, until it ends, waits, or the person leaves.

Not here: the run. Whatever becomes of this process, the daemon and the kernel go on.
"""

import json
import os
import sys
import time
from typing import Any

from verger_client import wire
from verger_client.starting import connected
from verger_client.supervise import Usage, Words

_BLOCKED, _GATE, _PARKED, _INTERRUPTED = 21, 20, 75, 130
_RETURNS_S = 30.0
"""How long a daemon that went away is waited for, or started again."""


def begin(words: Words) -> int:
    """`supervise run` and `supervise resume`; answers with the exit code of the run, 0 once detached."""
    limit_s = _seconds(words.flags.get("--max-wait-seconds"))
    autostart = "--no-autostart" not in words.flags
    daemon = connected(autostart=autostart)
    asked: dict[str, Any] = {
        "directory": words.directory,
        "words": words.rest,
        "environment": _environment(),
    }
    if words.verb == "resume":
        asked["run"] = words.run or "latest"
    begun = json.loads(daemon.ask("run.start" if words.verb == "run" else "run.resume", **asked))
    sys.stderr.write(begun["text"] + "\n")
    run = begun["run_id"]
    if "--detach" in words.flags:
        return 0
    stay = _Stay(run, words.directory, waits="--wait" in words.flags or limit_s is not None, limit_s=limit_s)
    try:
        return stay.until_over(daemon, autostart=autostart)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\ndetached: run {run} goes on, watched by the daemon; see: verger supervise status {run}\n"
        )
        return _INTERRUPTED


def logs(words: Words) -> int:
    """`supervise logs`: what the kernel wrote on one of its streams, and with --follow what it goes on to write."""
    daemon = wire.Connection(wire.socket_path())
    stream = "stderr" if "--stderr" in words.flags else "stdout"
    asked = {"directory": words.directory, "run": words.run or "latest", "stream": stream}
    offset, invocation = 0, ""
    while True:
        more = {"invocation": invocation} if invocation else {}
        found = json.loads(daemon.ask("run.logs", offset=offset, **asked, **more))
        invocation, offset = found["invocation"], found["offset"]
        sys.stdout.write(found["chunk"])
        sys.stdout.flush()
        if not found["chunk"] and (found["ended"] or "--follow" not in words.flags):
            return 0
        if not found["chunk"]:
            time.sleep(0.2)


class _Stay:
    """What was shown so far of one run, so that nothing is shown twice when the daemon had to be found again."""

    def __init__(self, run: str, directory: str, *, waits: bool, limit_s: float | None) -> None:
        self._run = run
        self._directory = directory
        self._waits = waits
        self._limit_s = limit_s
        self._shown = 0

    def until_over(self, daemon: wire.Connection, *, autostart: bool) -> int:
        """Shows the run until it is over; finds the daemon again when it goes away. The exit code of the run."""
        while True:
            try:
                return self._followed(daemon)
            except wire.NoDaemon:
                sys.stderr.write("the daemon went away; the kernel goes on without it, looking for another\n")
                daemon = self._again(autostart=autostart)

    def _again(self, *, autostart: bool) -> wire.Connection:
        end = time.monotonic() + _RETURNS_S
        while True:
            try:
                return connected(autostart=autostart)
            except wire.NoDaemon:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _followed(self, daemon: wire.Connection) -> int:
        daemon.ask("run.watch", directory=self._directory, run=self._run, since=self._shown)
        waited_since: float | None = None
        while True:
            left_s = self._left(waited_since)
            try:
                said = json.loads(daemon.line(left_s))["params"]
            except wire.NoDaemon:
                if left_s is not None and self._left(waited_since) == 0:
                    return _PARKED
                raise
            code = self._show(said)
            if code is None:
                continue
            if code in (_GATE, _BLOCKED) and self._waits:
                waited_since = waited_since or time.monotonic()
                continue
            return code

    def _left(self, since: float | None) -> float | None:
        if since is None or self._limit_s is None:
            return None
        return max(0.0, self._limit_s - (time.monotonic() - since))

    def _show(self, said: dict[str, Any]) -> int | None:
        """Shows one event; the exit code of the run once no kernel is at work on it."""
        self._shown = max(self._shown, said.get("record", 0))
        if text := said.get("text"):
            sys.stderr.write(text + "\n")
        if said["type"] != "run.rested":
            return None
        if result := said.get("result"):
            sys.stdout.write(result + "\n")
        return int(said["exit_code"])


def _environment() -> dict[str, str]:
    """What the kernel is to have of the variables here: all that is text."""
    return {name: value for name, value in os.environ.items() if _is_text(name + value)}


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _seconds(words: str | None) -> float | None:
    if words is None:
        return None
    try:
        return max(0.0, float(words))
    except ValueError:
        raise Usage(f"--max-wait-seconds needs a number, not {words!r}") from None
