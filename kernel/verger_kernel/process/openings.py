"""Whether anybody opened a file to write to it while it was watched, as Linux tells it.

Not here: what it means that somebody did; see `agents/reading.py`.

A program's standard output is a file of ours, and whatever the program starts can open it a second time, by
`/proc/PID/fd/1`: then lines can be added to it, or all of it be replaced. Nothing forbids that among processes of one
user. But it does not go unseen: to close a file that was open for writing is an event, and who was ended has closed it.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CLOSE_WRITE = 8


class Openings:
    """The watch over one file. Descriptors that were open for writing when it began are not noticed."""

    def __init__(self, inotify: int | None) -> None:
        self._inotify = inotify

    def to_write(self) -> bool | None:
        """Whether the file was opened for writing, and closed since; None where nobody could watch it."""
        if self._inotify is None:
            return None
        with suppress(BlockingIOError):
            return bool(os.read(self._inotify, 4096))
        return False


@contextmanager
def openings_watched(file: int) -> Iterator[Openings]:
    """The watch over the file that is open as `file`, which must stay open as long as that."""
    inotify = _watching(file)
    try:
        yield Openings(inotify)
    finally:
        if inotify is not None:
            os.close(inotify)


def _watching(file: int) -> int | None:
    libc = ctypes.CDLL(None)
    try:
        # No user has more than some hundred of them, and macOS has none.
        inotify: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if inotify >= 0 and libc.inotify_add_watch(inotify, b"/proc/self/fd/%d" % file, _CLOSE_WRITE) >= 0:
            return inotify
    except AttributeError:
        return None
    if inotify >= 0:
        os.close(inotify)
    return None
