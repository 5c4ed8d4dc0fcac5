"""`verger daemon …` and `verger settings show`: what is typed about the daemon itself, and what it goes by.

Not here: runs (`supervise.py`), and the daemon, which is another program.
"""

import sys

from verger_client import wire
from verger_client.supervise import answered
from verger_client.words import Usage

HELP = """\
usage: verger daemon status [--json]     where the daemon listens, what it is at and since when
       verger daemon start               have a daemon at work
       verger daemon stop [--kernels]    end the daemon; kernels go on, and the next daemon finds them again, unless
                                         --kernels is given or the daemon is a unit: then they are stopped first
       verger daemon restart             put a new daemon in its place; kernels go on
       verger daemon logs [--follow]     what the daemon wrote
       verger daemon install             make it a unit of systemd, for you
           --system USER                 of the machine instead, for that user; by root
           --now                         enable and start it as well
           --print                       show the units, and write nothing
           --force                       in the place of files that are not ours, or were changed
       verger daemon uninstall           take the units away; --system USER, --force
       verger settings show [--json]     every setting of the daemon, and which place it came from

A daemon is started by the first verger supervise run, by verger daemon start, or by hand: vergerd.
Where it is a unit, all of this goes through systemctl and journalctl.
Settings: the defaults, then daemon.toml, then VERGERD_*, then the options of vergerd.

example: verger daemon install --now
"""
_FLAGS = {
    ("daemon", "status"): {"--json"},
    ("daemon", "start"): set[str](),
    ("daemon", "stop"): {"--kernels"},
    ("daemon", "restart"): set[str](),
    ("daemon", "logs"): {"--follow"},
    ("daemon", "install"): {"--system", "--now", "--print", "--force"},
    ("daemon", "uninstall"): {"--system", "--force"},
    ("settings", "show"): {"--json"},
}
"""The options of each command. A value follows `--system`, and no other."""


def daemon(argv: list[str]) -> int:
    """Runs the command that `argv` spells, with `daemon` or `settings` in it; answers with the exit code."""
    if {"--help", "-h"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    return answered(lambda: _carry_out(argv), "verger daemon --help")


def _carry_out(argv: list[str]) -> int:
    command, flags = _taken(argv)
    match command:
        case "settings", _:
            return _settings(as_json="--json" in flags)
        case _, "install" | "uninstall" as verb:
            from verger_client import installing

            user, force = flags.get("--system", ""), "--force" in flags
            if verb == "uninstall":
                return installing.uninstall(user, force=force)
            return installing.install(user, now="--now" in flags, show="--print" in flags, force=force)
        case _, verb:
            return _serve(verb, flags)


def _serve(verb: str, flags: dict[str, str]) -> int:
    from verger_client import service

    match verb:
        case "status":
            return service.status(as_json="--json" in flags)
        case "start":
            return service.start()
        case "stop":
            return service.stop(kernels="--kernels" in flags)
        case "restart":
            return service.restart()
    return service.logs(follow="--follow" in flags)


def _taken(argv: list[str]) -> tuple[tuple[str, str], dict[str, str]]:
    """The command that is typed, and its options. Raises Usage."""
    words = list(argv)
    flags: dict[str, str] = {}
    plain: list[str] = []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name == "-C":
            # The same everywhere: there is one daemon for all folders.
            del words[:1]
        elif name == "--system":
            flags[name] = value if equals else words.pop(0) if words else ""
            if not flags[name] or flags[name].startswith("-"):
                raise Usage("--system needs the name of a user")
        elif name.startswith("-") and not equals:
            flags[name] = ""
        else:
            plain.append(f"{name}{equals}{value}")
    command = (plain[0], plain[1]) if len(plain) == 2 else ("", "")
    if not flags.keys() <= _FLAGS.get(command, {""}) or command not in _FLAGS:
        raise Usage(f"{' '.join(argv)!a} is no command about the daemon")
    return command, flags


def _settings(*, as_json: bool) -> int:
    try:
        result = wire.daemon().ask("daemon.settings")
    except wire.Silent:
        raise
    except wire.NoDaemon:
        from verger_client.starting import become_settings

        sys.stderr.write("no daemon listens; what one that is started here would go by:\n")
        sys.stderr.flush()
        become_settings(as_json=as_json)
    sys.stdout.write((result if as_json else wire.text(result, "text")) + "\n")
    return 0
