"""The lines of what an agent printed or kept for itself, none of them too long to be held.

Not here: lines that are still being printed; see `perform/listening.py`. A report; see `outcome.py`.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LINE_BYTES_MAX = 8 << 20
"""A longer line is passed over: no event that counts is half as long, for a report is not."""


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of `file` from where it stands, in order; those that are too long are left out."""
    is_rest = False
    while part := file.readline(LINE_BYTES_MAX):
        ends = part.endswith(b"\n") or len(part) < LINE_BYTES_MAX
        if ends and not is_rest:
            yield part
        is_rest = not ends


def lines_kept(path: Path) -> Iterator[bytes]:
    """The lines of a file that lies where an agent can write: none of what is no plain file. Raises OSError."""
    # Not blocking: a named pipe would be waited for, as long as nobody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return
    with os.fdopen(descriptor, "rb") as file:
        yield from lines(file)
