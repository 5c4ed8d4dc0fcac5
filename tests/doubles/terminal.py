"""A terminal in which a command is typed: what it showed, byte for byte, and what stood on the screen at the end.

Not here: commands whose streams are no terminal; see `workplace.py`.
"""

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.doubles.workplace import PATIENCE_S, Workplace

ERASE = "\r\x1b[K"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Terminal:
    """A command at a terminal of its own. `shown` is all that was written to it so far."""

    process: "subprocess.Popen[bytes]"
    master: int
    shown: str = ""
    _raw: bytes = field(default=b"", repr=False)

    def until(self, words: str) -> None:
        """Reads on until `words` were shown."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in self.shown:
            assert time.monotonic() < deadline, f"{words!r} was not shown in time: {self.shown!r}"
            assert self._read(), f"{words!r} was never shown: {self.shown!r}"

    def end(self) -> int:
        """Reads to the end; answers with the exit code."""
        while self._read():
            continue
        return self.process.wait(PATIENCE_S)

    def frames(self) -> list[str]:
        """Every line that was ever to be seen, without its colours."""
        plain = _COLOUR.sub("", self.shown)
        return [part for line in plain.split("\r\n") for part in line.split(ERASE)]

    def screen(self) -> list[str]:
        """What stands there at the end, line by line, without its colours."""
        return [line.split(ERASE)[-1] for line in _COLOUR.sub("", self.shown).split("\r\n")]

    def _read(self) -> bool:
        try:
            found = os.read(self.master, 1 << 16)
        except OSError as error:
            # Linux says so when the last process closed its end.
            assert error.errno == errno.EIO
            return False
        self._raw += found
        self.shown = self._raw.decode("utf-8", "replace")
        return bool(found)


@contextmanager
def at_terminal(
    place: Workplace, *argv: str, columns: int = 80, out: bool = False, **environment: str
) -> Iterator[Terminal]:
    """`verger ARGV` with standard error, and with `out` standard output too, at a terminal `columns` wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        (sys.executable, "-P", "-m", "verger_kernel", *argv),
        cwd=place.repository,
        env=place.environment(**{"TERM": "xterm", **environment}),
        stdin=subprocess.DEVNULL,
        stdout=slave if out else subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)
