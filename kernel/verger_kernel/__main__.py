"""`verger-kernel`: one invocation, from the command line to the exit code.

Not here: the command line itself; see `cli.py`. Errors of the user are one line and a hint, never a traceback.
"""

import os
import sys

from verger_probes.exits import Exit

from verger_kernel.cli import dispatch
from verger_kernel.errors import CommandError


def main() -> int:
    """The exit code of this process."""
    try:
        code = dispatch(sys.argv[1:])
        sys.stdout.flush()
    except CommandError as error:
        return _say(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader left; nothing more can be said, and Python must not try to at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.DONE)
    return code


def _say(error: CommandError) -> int:
    print(f"error: {error.what}; hint: {error.hint}", file=sys.stderr)
    for detail in error.lines:
        print(f"  {detail}", file=sys.stderr)
    return int(error.code)


if __name__ == "__main__":
    sys.exit(main())
