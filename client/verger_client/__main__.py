"""`verger`: the front door. It answers --version and --help and hands every kernel command to the kernel.

Not here: what any command does. Only sys is imported at the top, because every command pays for it.
"""

import sys

HELP = """\
usage: verger [-C DIR] COMMAND ...

try     demo                   a whole run in a throw-away repository: no keys, no network
        playbook new FILE      write a playbook; lint, fmt and explain look at one
run     run FILE               carry a reviewed playbook, item by item
        resume [RUN]           go on where a run stopped or was killed
        supervise run FILE     the same, watched by a daemon that proves it is alive; it goes on when you leave
decide  mark-manual-gate RUN   record a person's decision on an item
        diff [RUN] [ITEM]      what a run or an item changed
watch   status [RUN]           where a run stands
        supervise status [RUN] whether it is alive right now, beside where it stands
        doctor [RUN]           what is wrong with environment, playbook and run

More: list-items, show-item, refresh-run, logs, where, completion, daemon, settings; supervise resume, list, stop, logs.
`verger help --all` says what they do, `verger COMMAND --help` more of one, with an example.
RUN is a run id, the beginning of one, or latest. Exit codes: docs/exit-codes.md.
"""
_REST = """
commands that ask the daemon:
    supervise           run, resume, status, list, stop, logs: runs that a daemon watches
    daemon              status, start, stop, restart, logs, install, uninstall: the daemon itself
    settings            show: every setting of the daemon, and where it came from
"""


def main() -> int:
    """The exit code of what the client itself answers; for a kernel command it becomes the kernel."""
    if not sys.flags.safe_path:
        # What -P does: beside a script, and where the user stands, any file may bear the name of a module.
        del sys.path[0]
    argv = sys.argv[1:]
    match argv:
        case []:
            return _usage_error()
        case ["help", "--all"]:
            sys.argv[1:] = ["--help"]
            return _become_kernel() or _say(_REST)
        case ["help", command]:
            sys.argv[1:] = argv = [command, "--help"]
        case ["--help" | "-h" | "help", *_]:
            return _say(HELP)
        case ["--version", *_]:
            return _say(f"verger {_version()}\n")
    match _command(argv):
        case "supervise":
            return _supervise(argv)
        case "daemon" | "settings":
            return _daemon(argv)
    return _become_kernel()


def _command(argv: list[str]) -> str:
    """The first word that is neither an option nor the folder of `-C`; empty when there is none."""
    words = iter(argv)
    for word in words:
        if word == "-C":
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def _become_kernel() -> int:
    from verger_kernel.__main__ import main as kernel

    return kernel()


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _version() -> str:
    from verger_probes.version import VERSION

    return VERSION


def _usage_error() -> int:
    from verger_probes.exits import Exit

    sys.stderr.write(HELP)
    return Exit.USAGE


def _supervise(argv: list[str]) -> int:
    from verger_client.supervise import supervise

    return supervise(argv)


def _daemon(argv: list[str]) -> int:
    from verger_client.daemon import daemon

    return daemon(argv)


if __name__ == "__main__":
    sys.exit(main())
