"""The lines of what an agent printed, none of them too long to be held.

Not here: lines that are still being printed; see `perform/listening.py`.
"""

from collections.abc import Iterator
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
