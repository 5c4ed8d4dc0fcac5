"""`verger`: the front door. It answers --version and --help and hands every kernel command to the kernel.

Not here: what any command does. Only sys and os are imported at the top, because every command pays for them.
"""

import os
import sys

HELP = """\
usage: verger [-C DIR] COMMAND ...

try     demo                  a whole run in a throw-away repository: no keys, no network
        playbook lint FILE    what is wrong with a playbook, and how to mend it
run     list-items FILE       the items of a playbook
        show-item FILE        one item, whole
        run FILE              carry a reviewed playbook, item by item
        resume [RUN]          go on where a run stopped or was killed
        refresh-run RUN       move an idle run onto a newer commit
decide  mark-manual-gate RUN  record a person's decision on an item
watch   status [RUN]          where a run stands
        doctor [RUN]          what is wrong with environment, playbook and run

`verger COMMAND --help` says more. Exit codes: docs/exit-codes.md.
"""

NO_DAEMON = """\
Cannot supervise a run: the daemon is not part of this version yet.
Hint: verger run FILE --next carries a playbook without it, and keeps the limits of its policy itself.
"""


def main() -> int:
    """The exit code of what the client itself answers; for a kernel command it becomes the kernel."""
    argv = sys.argv[1:]
    match argv[:1]:
        case []:
            return _usage_error()
        case ["--help" | "-h" | "help"]:
            return _say(HELP)
        case ["--version"]:
            return _say(f"verger {_version()}\n")
    if _command(argv) == "supervise":
        return _refuse_to_supervise()
    return _become_kernel(argv)


def _command(argv: list[str]) -> str:
    """The first word that is neither an option nor the folder of `-C`; empty when there is none."""
    words = iter(argv)
    for word in words:
        if word == "-C":
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""


def _become_kernel(argv: list[str]) -> int:
    # -P: a folder of that name where the user stands, perhaps a stranger's repository, is never imported.
    try:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "verger_kernel", *argv])
    except (OSError, ValueError) as error:
        return _cannot_start(error)


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


def _refuse_to_supervise() -> int:
    from verger_probes.exits import Exit

    sys.stderr.write(NO_DAEMON)
    return Exit.ENVIRONMENT


def _cannot_start(error: Exception) -> int:
    from verger_probes.exits import Exit

    hint = "Hint: install Verger again; the Python it was installed with must still be there."
    sys.stderr.write(f"Cannot start the kernel with {sys.executable or 'no Python'}: {error}. {hint}\n")
    return Exit.ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
