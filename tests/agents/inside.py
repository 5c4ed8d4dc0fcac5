"""Inside of the namespace: brings loopback up, drops what could be a credential, and becomes the command it is given.

Not here: who makes the namespace; see `run.py`.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS = 0x8914
UP_AND_RUNNING = 0x41
KEPT = ("PATH", "HOME", "LANG", "TERM", "TMPDIR", "REAL_AGENTS_IN", "PYTHONPATH")


def main(command: list[str]) -> None:
    """Never comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])
