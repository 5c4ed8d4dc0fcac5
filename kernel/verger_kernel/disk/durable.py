"""Files and folders that are there after a power cut.

Not here: small JSON records written whole (`verger_probes.records`) and the journal (`journal.py`).
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from verger_probes.records import sync_folder


def make_folder(path: Path) -> None:
    """Makes `path`, 0700, and syncs every folder that got a new entry, up to the first one that was there."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


class Unsynced:
    """The files below `root` that must be durable before the next record that lasts, and not sooner.

    A file that is written three times by then is synced once, and so is a folder of many files. For many threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: set[Path] = set()
        self._named: set[Path] = set()
        self._order = Lock()

    def note(self, *files: Path) -> None:
        """Has `files` and their names made durable by the next `sync`."""
        with self._order:
            self._files.update(files)

    def sync(self) -> None:
        """Makes what was noted durable. Raises OSError, and then what was noted may or may not be; a file that is gone
        is passed over: that it is missing is told by whoever looks for it.
        """
        with self._order:
            files, self._files = self._files, set()
            folders: set[Path] = set()
            for file in files:
                with suppress(FileNotFoundError):
                    sync_file(file)
                    folders.update(self._folders(file))
            for folder in folders:
                sync_folder(folder)

    def _folders(self, file: Path) -> Iterator[Path]:
        """The folders whose entries lead to `file`, without those that are known to be durable."""
        folder = file.parent
        yield folder
        while folder != self._root and folder not in self._named:
            self._named.add(folder)
            folder = folder.parent
            yield folder


def read_file(path: Path) -> bytes:
    """The whole content of a regular file. Raises OSError for anything else: a pipe would be waited for."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return path.read_bytes()


def sync_file(path: Path) -> None:
    """Makes the content of `path` durable."""
    # Not blocking: a pipe that somebody put there would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
