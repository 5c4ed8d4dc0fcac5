"""`vergerd`: says what the daemon will be; until then it refuses, so that no run is believed supervised.

Not here: supervision. The kernel keeps the limits of its policy without any daemon.
"""

import sys

from verger_probes.exits import Exit
from verger_probes.version import VERSION

HELP = """\
usage: vergerd [--help | --version]

The daemon will keep kernels alive and within limits, and prove which of them are.
It is not part of this version yet.
"""

NOT_YET = """\
Cannot start the daemon, which will keep kernels alive and within limits: it is not part of this version yet.
Hint: verger run FILE --next carries a playbook without it.
"""


def main() -> int:
    """The exit code: 0 for --help and --version, else the refusal's."""
    match sys.argv[1:]:
        case ["--help" | "-h"]:
            sys.stdout.write(HELP)
            return Exit.DONE
        case ["--version"]:
            sys.stdout.write(f"vergerd {VERSION}\n")
            return Exit.DONE
        case _:
            sys.stderr.write(NOT_YET)
            return Exit.ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
