"""`verger-kernel`: one invocation, from the command line to the exit code.

Not here: the command line itself; see `cli.py`. Errors of the user are a line and a hint, never a traceback. What is
imported in a function is not paid for by a view that was drawn before.
"""

import gc
import os
import sys
from collections.abc import Callable

from verger_kernel.errors import CommandError
from verger_kernel.remembered import said
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def main() -> int:
    """The exit code of this process."""
    # A umask without the owner's own bits would make every executable of a checkout look changed by the worker.
    os.umask(os.umask(0o077) & 0o077)
    # Modules are no garbage, and to look for it 250 times while they are imported is a quarter of the start.
    gc.disable()
    _open_streams()
    code = _code(_supervised if sys.argv[1:2] == ["--supervised"] else _dispatched)
    _let_go()
    return code


def _code(call: Callable[[], int]) -> int:
    code = int(Exit.DONE)
    try:
        code = call()
        sys.stdout.flush()
    except CommandError as error:
        return _say(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads has seen enough; what was done is done.
        return code
    except OSError as error:
        what = f"the system refused: {error}"
        return _say(CommandError(what, "mend that, then try again", Exit.ENVIRONMENT))
    except Exception as error:
        return _say(_defect(error))
    return code


def _open_streams() -> None:
    # A stream that the caller closed leaves its number to the first file opened: a journal as our stdout.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(spare)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    # Names of files and texts of agents are shown, whatever the terminal's encoding lacks.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIO that is a wrapper


def _supervised() -> int:
    # Before everything else, for a daemon waits: what a command needs is imported while it can be asked already.
    from verger_kernel.supervised.threads import carry_out

    del sys.argv[1]
    descriptor = sys.argv.pop(1) if sys.argv[1:] else ""
    return carry_out(descriptor, lambda: _code(_dispatched))


def _dispatched() -> int:
    words = said(sys.argv[1:])
    if words is not None:
        print(words)
        return int(Exit.DONE)
    from verger_kernel.cli import dispatch

    try:
        return dispatch(sys.argv[1:])
    except SystemExit as left:
        # argparse leaves so after --help and --version; what it said must still be flushed under our eyes.
        return int(left.code or 0)


def _let_go() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Nobody takes the rest; Python must not try once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _defect(error: Exception) -> CommandError:
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    return CommandError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a defect of Verger, please report the lines below; a run that began can be resumed",
        Exit.UNEXPECTED,
        tuple(lines),
    )


def _say(error: CommandError) -> int:
    lines = [f"error: {printable(error.what)}; hint: {printable(error.hint)}"]
    try:
        print(*lines, *(f"  {printable(detail)}" for detail in error.lines), sep="\n", file=sys.stderr)
    except OSError:
        # Nobody listens; the exit code says enough.
        return int(error.code)
    return int(error.code)


if __name__ == "__main__":
    sys.exit(main())
