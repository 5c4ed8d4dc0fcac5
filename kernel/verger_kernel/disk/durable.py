"""Files and folders that are there after a power cut.

Not here: small JSON records written whole (`verger_probes.records`) and the journal (`journal.py`).
"""

import errno
import os
import stat
from pathlib import Path

from verger_probes.records import sync_folder


def make_folder(path: Path) -> None:
    """Makes `path`, 0700, and syncs every folder that got a new entry, up to the first one that was there."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def read_file(path: Path) -> bytes:
    """The whole content of a regular file. Raises OSError for anything else: a pipe would be waited for."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return path.read_bytes()


def sync_file(path: Path) -> None:
    """Makes the content of `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
