"""The journal on disk: one record appended at a time, and made durable where it must last.

Not here: what a record is and how far a file is believed; see `rules/chain.py`.
"""

import os
import stat
from pathlib import Path

from verger_kernel.disk.durable import read_file
from verger_kernel.rules.chain import Reading, line, read
from verger_kernel.rules.events import Event
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.lasting import lasts
from verger_kernel.rules.now import Now


class JournalBroken(OSError):
    """A record that may or may not be on disk: this process must stop, and a later one will read what is there."""


class Journal:
    """An open journal whose end is known. After one failed append it takes no other."""

    def __init__(self, path: Path, seq: int, head: Digest) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._length = os.fstat(self._descriptor).st_size
        self._broken = False
        self.seq = seq
        self.head = head

    def append(self, now: Now, event: Event) -> None:
        """Commits `event`: on return no death of this process undoes it, nor a power cut if it `lasts`.

        Raises JournalBroken, and from then on always.
        """
        if self._broken:
            raise JournalBroken("the journal failed before; nothing more is written by this process")
        record, head = line(self.seq + 1, self.head, now, event)
        # Whether a failed write or sync reached the disk cannot be known: the kernel may have dropped the
        # dirty page and cleared the error, so a second fdatasync would report a success that never happened.
        self._broken = True
        try:
            self._check()
            if os.write(self._descriptor, record) != len(record):
                raise JournalBroken("a record was written only in part")
            if lasts(event):
                os.fdatasync(self._descriptor)
        except OSError as error:
            raise JournalBroken(f"cannot append record {self.seq + 1}: {error}") from error
        self._broken = False
        self._length += len(record)
        self.seq, self.head = self.seq + 1, head

    def _check(self) -> None:
        # An agent of the same user can write here: what it left must not be built upon.
        held = os.fstat(self._descriptor)
        if stat.S_ISREG(held.st_mode) and (held.st_size != self._length or held.st_nlink == 0):
            raise JournalBroken("somebody else changed the journal while this process held it")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


def read_journal(path: Path) -> Reading:
    """The believed beginning of the journal at `path`; an absent one is empty."""
    try:
        return read(read_file(path))
    except FileNotFoundError:
        return Reading([], [], "")


def cut(path: Path, length: int) -> None:
    """Cuts an unbelievable tail off, durably."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, length)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
