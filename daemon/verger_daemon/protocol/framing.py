"""Bytes in, lines out, however the bytes were cut.

Not here: what a line says; see `session.py`.
"""

LINE_BYTES_MAX = 1 << 20
"""What a line may hold before its line feed. Nothing longer is kept."""

_AT_ONCE = 64
"""Lines that are cut off together: faster than one by one, and few enough that short ones take no room."""


class LineTooLong(Exception):
    """More than LINE_BYTES_MAX bytes came without a line feed: where the next line begins is not known."""


class Lines:
    """The lines of one stream. It holds at most one unfinished line and what was fed and not taken."""

    def __init__(self) -> None:
        self._chunk = b""
        self._begun = bytearray()
        self._whole: list[bytes] = []
        """The next lines, the next one last."""

    def feed(self, chunk: bytes) -> None:
        """Adds what came, cut anywhere."""
        self._chunk = self._chunk + chunk if self._chunk else chunk

    def take(self) -> bytes | None:
        """The next line, without its line feed; None when it is not whole yet. Raises LineTooLong."""
        if not self._whole and not self._cut():
            return None
        line = self._whole.pop()
        if len(line) > LINE_BYTES_MAX:
            raise LineTooLong
        return line

    @property
    def is_empty(self) -> bool:
        """Whether every byte that came was taken as part of a line."""
        return not (self._begun or self._chunk or self._whole)

    def _cut(self) -> bool:
        if not self._chunk:
            return False
        *lines, self._chunk = self._chunk.split(b"\n", _AT_ONCE)
        if not lines:
            self._begun += self._chunk
            self._chunk = b""
            if len(self._begun) > LINE_BYTES_MAX:
                self._begun.clear()
                raise LineTooLong
            return False
        if self._begun:
            lines[0] = bytes(self._begun + lines[0])
            self._begun.clear()
        lines.reverse()
        self._whole = lines
        return True
