"""`verger supervise …`: what is asked of the daemon, and how its answer is shown. The words for people are its own.

Not here: the connection (`wire.py`) and staying with a run (`attach.py`). What `status` needs not is imported later.
"""

import os
import sys
from _collections_abc import Callable

from verger_client import wire
from verger_client.words import Usage, Words

HELP = """\
usage: verger supervise VERB ...

run FILE       as verger run, watched by the daemon: it proves that the run is alive, and stays when you leave
resume [RUN]   as verger resume, watched by the daemon; a run that is at work is attached to
status [RUN]   what is proved right now, beside what the run has saved
list           the runs of this repository that the daemon knows
stop [RUN]     end the kernel of a run with all that it started; verger supervise resume goes on
logs [RUN]     what the kernel itself wrote; agents and commands: verger logs

RUN is a run id, the beginning of one, or latest.
run, resume    --detach       leave as soon as the run has begun; its id is on standard output
               --follow       JSON Lines on standard output, as verger run --follow; the last is the result
               --wait         stay while a person is asked, until the run went on and ended
               --max-wait-seconds N   the same, for at most N seconds: then 75
               --no-autostart refuse where no daemon listens; all else is as for verger run and verger resume
status         --exit-code    0 live_attached, 10 waiting, 11 unproven, 12 at its end, 13 only what was saved
               --prove        ask the kernel's own socket as well who listens there
list           --all          of all repositories
status, list   --json         or --format json
logs           --stderr       the other stream
               --follow       go on while the kernel lives
Ctrl-C while you stay with a run only detaches; the run goes on.

example: verger supervise run playbook.md --next --auto-advance
"""

_STOPPED_S = 660.0
"""Longer than a daemon may be told to wait for the end of a kernel."""
_ENVIRONMENT, _USAGE, _INTERRUPTED = 6, 2, 130
"""Of verger_probes.exits, which would import enum."""


def supervise(argv: list[str]) -> int:
    """Runs the command that `argv` spells, with `supervise` in it; answers with the exit code."""
    if {"--help", "-h"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    return answered(lambda: _carry_out(Words(argv)), "verger supervise --help")


def answered(command: Callable[[], int], usage: str) -> int:
    """The exit code of `command`; what it raises is a line and a hint, and `usage` the hint for a wrong line."""
    try:
        code = command()
        sys.stdout.flush()
    except Usage as error:
        return _say(f"error: {error}; hint: {usage}", _USAGE)
    except wire.Refused as refused:
        return _say(f"error: {refused.what}; hint: {refused.hint}", refused.exit_code)
    except wire.NoDaemon as nobody:
        return _say(f"error: {nobody.why}; hint: {nobody.hint}", _ENVIRONMENT)
    except KeyboardInterrupt:
        return _say("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads has seen enough; Python must not try once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return code


def asked_of(words: Words, *, run: bool = True) -> dict[str, str]:
    """What every question about a run says, or one about all runs of a repository."""
    found = {"directory": words.directory, "state": _state()}
    return found | {"run": words.run or "latest"} if run else found


def _state() -> str:
    """The folder of all runs; `verger_probes.places.state_home`. Empty where nothing says it: the daemon's then."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return os.path.normpath(f"{state}/verger")
    home = os.environ.get("HOME", "")
    return os.path.normpath(f"{home}/.local/state/verger") if home.startswith("/") else ""


def _carry_out(words: Words) -> int:
    return _VERBS[words.verb](words)


def _status(words: Words) -> int:
    try:
        daemon = wire.daemon()
        prove = "--prove" in words.flags
        result = daemon.ask("run.status", {**asked_of(words), "prove": prove})
    except wire.NoDaemon as nobody:
        return _saved_only(words, nobody)
    code = wire.number(result, "exit_code")
    if prove:
        from verger_client.proving import proved

        result, code = proved(result, code, as_json=words.as_json)
    else:
        result = result if words.as_json else wire.text(result, "text")
    sys.stdout.write(result + "\n")
    return code if "--exit-code" in words.flags else 0


def _saved_only(words: Words, nobody: wire.NoDaemon) -> int:
    """With no daemon that answers, nothing is proved: what the run has saved is shown, and that it is no more."""
    from verger_client.unproved import shown

    return shown(words, nobody)


def _list(words: Words) -> int:
    asked = {} if "--all" in words.flags else asked_of(words, run=False)
    result = wire.daemon().ask("run.list", asked)
    sys.stdout.write((result if words.as_json else wire.text(result, "text")) + "\n")
    return 0


def _stop(words: Words) -> int:
    result = wire.daemon().ask("run.stop", asked_of(words), deadline_s=_STOPPED_S)
    sys.stdout.write(wire.text(result, "text") + "\n")
    return 0


def _logs(words: Words) -> int:
    from verger_client.attach import logs

    return logs(words)


def _begin(words: Words) -> int:
    from verger_client.attach import begin

    return begin(words)


_VERBS: dict[str, Callable[[Words], int]] = {
    "status": _status,
    "list": _list,
    "stop": _stop,
    "logs": _logs,
    "run": _begin,
    "resume": _begin,
}


def _say(line: str, code: int) -> int:
    sys.stderr.write(line + "\n")
    return code
