"""`vergerd`: one daemon, from its start to the exit code.

Not here: its command line; see `cli.py`.
"""

import gc
import sys


def main() -> int:
    """The exit code of this process."""
    # Modules are no garbage: neither to look for while they are imported, nor ever after.
    gc.disable()
    from verger_daemon.cli import main as daemon

    gc.freeze()
    gc.enable()
    return daemon()


if __name__ == "__main__":
    sys.exit(main())
