"""The few questions to Linux that Python has no name for: namespaces, mounts, their flags.

Not here: what they are asked for; see `inside.py` and `inner_root.py`. No module of Verger's is imported by any of the
three, and of Python's as few as can be: each costs every command its time.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    # At run time it would cost every command 8 ms.
    from typing import Any

NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
RDONLY = 1
_AT_RECURSIVE, _AT_FDCWD, _MOUNT_SETATTR = 0x8000, -100, 442
MACHINE = os.uname().machine

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any, what: str) -> int:
    """The answer of the function `name` of the C library. Raises OSError, with `what` for its file name."""
    answer: int = getattr(libc, name)(*arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", what)
    return answer


def mount(source: str, at: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mounts. Raises OSError."""
    arguments = (os.fsencode(source), os.fsencode(at), kind and kind.encode(), ctypes.c_ulong(flags))
    call("mount", *arguments, options.encode() or None, what=at)


def restrict(at: str, taken: int, given: int = 0, *, recursive: bool = False) -> None:
    """Takes RDONLY, NOSUID or NODEV rights from the mount at `at`, and gives some back. Raises OSError."""
    wanted = taken.to_bytes(8, sys.byteorder) + given.to_bytes(8, sys.byteorder) + bytes(16)
    where = (_AT_FDCWD, os.fsencode(at), _AT_RECURSIVE if recursive else 0)
    call("syscall", _MOUNT_SETATTR, *where, wanted, ctypes.c_size_t(32), what=at)


def write(place: str, text: str) -> None:
    """Writes to a file that is there already. Raises OSError."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
