"""The files a job writes its output to: opened, measured, cut to the limit, and cleaned of secrets for keeping.

Not here: when too much is too much; see `rules/limits.py`.
"""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from verger_kernel.process.openings import Openings, openings_watched
from verger_kernel.process.redaction import LOOKAHEAD_BYTES, redacted

# Appending, though each file begins empty: `echo > /dev/stderr` in a job opens the file a second time,
# and without it the two would write over each other.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Streams:
    """The open output files of one job; `out` and `err` are one descriptor when the two go to one file."""

    def __init__(self, out: int, err: int, openings: Openings) -> None:
        self.out = out
        self.err = err
        self._openings = openings
        self._was_cut = False
        self._last = (0, 0)
        self.bytes_max = 0
        """The most that the files held at any look."""

    def growth(self) -> int:
        """By how many bytes the files changed since the last look; a file that was cut has changed, too."""
        now = self._sizes()
        before, self._last = self._last, now
        self._was_cut |= now[0] < before[0]
        self.bytes_max = max(self.bytes_max, sum(now))
        return sum(abs(new - old) for new, old in zip(now, before, strict=True))

    def reopened(self) -> bool | None:
        """Whether the first file was opened a second time and written to, or cut; None where nobody could look."""
        # It can be cut without being opened.
        return True if self._was_cut else self._openings.to_write()

    def settle(self, bytes_max: int, kept: Path | None = None) -> None:
        """Cleans the files of secrets and cuts them to `bytes_max` in all. Blocks.

        `kept` becomes a copy of the first, whatever stands at its own path by then. Raises OSError.
        """
        self.growth()
        for fd, size, share in zip(
            (self.out, self.err), self._last, shares(self._last, bytes_max), strict=True
        ):
            if size:
                _clean(fd, size, share)
        if kept:
            self._copy(kept)

    def _copy(self, kept: Path) -> None:
        os.lseek(self.out, 0, os.SEEK_SET)
        with os.fdopen(os.open(kept, _FLAGS, 0o600), "wb") as file, io.FileIO(self.out, closefd=False) as out:
            shutil.copyfileobj(out, file)

    def _sizes(self) -> tuple[int, int]:
        out = os.fstat(self.out).st_size
        return out, 0 if self.err == self.out else os.fstat(self.err).st_size


def _clean(fd: int, size: int, share: int) -> None:
    """Leaves of a file of `size` bytes the first `share`, without secrets. Raises OSError."""
    is_cut = share < size
    with io.FileIO(fd, closefd=False) as file:
        file.seek(0)
        # Further than what is kept: of a secret that the cut goes through, its beginning must go as well.
        data = _read(file, share + LOOKAHEAD_BYTES if is_cut else size)
    clean = redacted(data)
    if is_cut:
        if clean == data:
            os.ftruncate(fd, share)
            return
        # Where not all was read, a piece of a secret may stand at the end.
        beyond = len(redacted(data[-LOOKAHEAD_BYTES:])) if len(data) < size else 0
        clean = clean[: min(share, max(0, len(clean) - beyond))]
    if clean != data:
        os.ftruncate(fd, 0)
        with io.FileIO(fd, "ab", closefd=False) as file:
            _write(file, clean)


def _read(file: io.FileIO, count: int) -> bytes:
    parts = []
    while count > 0 and (part := file.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def streams_opened(stdout: Path, stderr: Path | None) -> Iterator[Streams]:
    """Both files, new or emptied, for the owner alone. Raises OSError."""
    with ExitStack() as closing:
        fds = []
        for path in (stdout, stderr):
            if path is not None:
                fds.append(os.open(path, _FLAGS, 0o600))
                closing.callback(os.close, fds[-1])
        yield Streams(fds[0], fds[-1], closing.enter_context(openings_watched(fds[0])))


def shares(sizes: tuple[int, int], bytes_max: int) -> tuple[int, int]:
    """How much of each of two files is kept: one that fits into half stays whole, the other gets the rest."""
    first, second = sizes
    half = bytes_max // 2
    if first <= half:
        return first, min(second, bytes_max - first)
    if second <= half:
        return min(first, bytes_max - second), second
    return half, bytes_max - half
