"""`verger daemon status|stop` and `verger settings show`: the daemon itself, and what it goes by.

Not here: runs (`supervise.py`), and the daemon, which is another program.
"""

import os
import select
import sys

from verger_client import wire
from verger_client.supervise import answered
from verger_client.words import Usage

HELP = """\
usage: verger daemon status [--json]    where the daemon listens, what it is at and since when
       verger daemon stop               end the daemon; kernels go on, and the next daemon finds them again
       verger settings show [--json]    every setting of the daemon, and which place it came from

A daemon is started by the first verger supervise run, or by hand: vergerd.
Settings: the defaults, then daemon.toml, then VERGERD_*, then the options of vergerd.

example: verger daemon status --json
"""
_LEAVES_S = 30


def daemon(argv: list[str]) -> int:
    """Runs the command that `argv` spells, with `daemon` or `settings` in it; answers with the exit code."""
    if {"--help", "-h"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    return answered(lambda: _carry_out(argv), "verger daemon --help")


def _carry_out(argv: list[str]) -> int:
    words = [word for word in argv if word != "--json"]
    while words[:1] == ["-C"]:
        # The same everywhere: there is one daemon for all folders.
        del words[:2]
    as_json = "--json" in argv
    match words:
        case ["daemon", "status"]:
            return _show("daemon.status", as_json=as_json)
        case ["daemon", "stop"] if not as_json:
            return _stop()
        case ["settings", "show"]:
            return _settings(as_json=as_json)
    raise Usage(f"{' '.join(argv)!a} is no command about the daemon")


def _show(method: str, *, as_json: bool) -> int:
    result = wire.daemon().ask(method)
    sys.stdout.write((result if as_json else wire.text(result, "text")) + "\n")
    return 0


def _settings(*, as_json: bool) -> int:
    try:
        return _show("daemon.settings", as_json=as_json)
    except wire.Silent:
        raise
    except wire.NoDaemon:
        from verger_client.starting import become_settings

        sys.stderr.write("no daemon listens; what one that is started here would go by:\n")
        sys.stderr.flush()
        become_settings(as_json=as_json)


def _stop() -> int:
    asking = wire.daemon()
    pid, _ = asking.peer()
    leaving = os.pidfd_open(pid)
    sys.stdout.write(wire.text(asking.ask("daemon.shutdown"), "text") + "\n")
    sys.stdout.flush()
    asking.close()
    # Whoever starts another next must not find this one still holding the lock.
    if not select.select([leaving], [], [], _LEAVES_S)[0]:
        sys.stderr.write(f"pid {pid} still runs after {_LEAVES_S} s\n")
        return 1
    return 0
