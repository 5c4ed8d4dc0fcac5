"""`verger supervise …`: what is asked of the daemon, and how its answer is shown. The words for people are its own.

Not here: the connection (`wire.py`) and staying with a run (`attach.py`). What `status` needs not is imported later.
"""

import os
import sys
from collections.abc import Callable

from verger_client import wire

HELP = """\
usage: verger supervise VERB ...

run FILE       as verger run, watched by the daemon: it proves that the run is alive, and stays when you leave
resume [RUN]   as verger resume, watched by the daemon
status [RUN]   what is proved right now, beside what the run has saved
list           every run that the daemon knows
stop [RUN]     end the kernel of a run; verger supervise resume goes on
logs [RUN]     what the kernel itself wrote; agents and commands: verger logs

RUN is a run id, the beginning of one, or latest.
run, resume   --detach        do not stay; --wait stays even while a person is asked
              --max-wait-seconds N   how long to stay while a person or evidence is waited for
              --no-autostart  refuse where no daemon listens; all else is as for verger run and verger resume
status        --exit-code     0 live_attached, 10 waiting, 11 unproven, 12 at its end, 13 only what was saved
              --prove         ask the kernel's own socket as well who listens there
status, list  --json
logs          --stderr        the other stream; --follow goes on while the kernel lives
Ctrl-C while you stay with a run only detaches; the run goes on.
"""

_FLAGS = {
    "status": {"--exit-code": False, "--prove": False, "--json": False, "--format": True},
    "list": {"--json": False, "--format": True, "--all": False},
    "stop": {},
    "logs": {"--stderr": False, "--follow": False},
    "run": {"--detach": False, "--wait": False, "--no-autostart": False, "--max-wait-seconds": True},
    "resume": {"--detach": False, "--wait": False, "--no-autostart": False, "--max-wait-seconds": True},
}
"""The flags of each verb that are not the kernel's, with whether a value follows."""

_ENVIRONMENT, _USAGE = 6, 2
"""Of verger_probes.exits, which would import enum."""


class Usage(Exception):
    """The command line cannot be understood; `str()` says why."""


class Words:
    """A command line of `supervise`, taken apart: the verb's own flags, the run, and the words for the kernel."""

    def __init__(self, argv: list[str]) -> None:
        self.directory = os.getcwd()
        self.flags: dict[str, str] = {}
        self.run = ""
        self.rest: list[str] = []
        words = list(argv)
        if words[:1] == ["-C"]:
            self._enter(words[1])
            del words[:2]
        # Who comes here was asked for `supervise`; what stands between is an option of verger itself.
        del words[: words.index("supervise") + 1]
        self.verb = words.pop(0) if words else ""
        if self.verb not in _FLAGS:
            raise Usage(
                f"there is no verger supervise {self.verb}" if self.verb else "supervise needs a verb"
            )
        while words:
            self._take(words)

    def _take(self, words: list[str]) -> None:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        known = _FLAGS[self.verb]
        if name == "-C":
            self._enter(words.pop(0) if words else "")
        elif name in known:
            if known[name] and not equals:
                if not words:
                    raise Usage(f"{name} needs a value")
                value = words.pop(0)
            self.flags[name] = value
        elif name == "--run-id" and self.verb != "run":
            self._name(value if equals else words.pop(0) if words else "")
        elif self.verb in ("run", "resume") and (word.startswith("-") or self.verb == "run" or self.run):
            # The kernel knows its own words, and their values, and refuses what it does not know.
            self.rest.append(word)
        elif word.startswith("-"):
            raise Usage(f"verger supervise {self.verb} does not know {word}")
        else:
            self._name(word)

    def _name(self, run: str) -> None:
        if self.run or not run:
            raise Usage("name one run: an id, the beginning of one, or latest")
        self.run = run

    def _enter(self, folder: str) -> None:
        self.directory = os.path.normpath(os.path.join(self.directory, folder))
        if not folder or not os.path.isdir(self.directory):
            raise Usage(f"cannot work in {folder!r}: it is no folder")

    @property
    def as_json(self) -> bool:
        """Whether programs read the answer."""
        return "--json" in self.flags or self.flags.get("--format") == "json"


def supervise(argv: list[str]) -> int:
    """Runs the command that `argv` spells, with `supervise` in it; answers with the exit code."""
    if {"--help", "-h"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    try:
        words = Words(argv)
        return _VERBS[words.verb](words)
    except Usage as error:
        return _say(f"error: {error}; hint: verger supervise --help", _USAGE)
    except wire.Refused as refused:
        return _say(f"error: {refused.what}; hint: {refused.hint}", refused.exit_code)
    except wire.NoDaemon as nobody:
        return _say(f"error: {nobody.why}; hint: {nobody.hint}", _ENVIRONMENT)


def _status(words: Words) -> int:
    try:
        daemon = wire.Connection(wire.socket_path())
        result = daemon.ask(
            "run.status", directory=words.directory, run=words.run or "latest", prove="--prove" in words.flags
        )
    except wire.NoDaemon as nobody:
        return _saved_only(words, nobody)
    sys.stdout.write((result if words.as_json else wire.text(result, "text")) + "\n")
    return wire.number(result, "exit_code") if "--exit-code" in words.flags else 0


def _saved_only(words: Words, nobody: wire.NoDaemon) -> int:
    """With no daemon that answers, nothing is proved: what the run has saved is shown, and that it is no more."""
    from verger_client.unproved import shown

    return shown(words, nobody)


def _list(words: Words) -> int:
    result = wire.Connection(wire.socket_path()).ask("run.list", directory=words.directory)
    sys.stdout.write((result if words.as_json else wire.text(result, "text")) + "\n")
    return 0


def _stop(words: Words) -> int:
    daemon = wire.Connection(wire.socket_path())
    sys.stdout.write(
        wire.text(daemon.ask("run.stop", directory=words.directory, run=words.run or "latest"), "text")
    )
    sys.stdout.write("\n")
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
