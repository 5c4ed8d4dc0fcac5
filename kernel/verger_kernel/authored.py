"""Files that a person works on: made whole or not at all, replaced in one step.

Not here: records of Verger's own; see `verger_probes/records.py`.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verger_kernel.disk.durable import sync_file
from verger_probes.records import sync_folder


def create(path: Path, data: bytes) -> None:
    """Makes the file `path`, with the mode that new files of this user have.

    Raises FileExistsError when anything has that name, a broken link too, and OSError when it cannot be made.
    """
    with _draft(path, data) as draft:
        # A link, unlike a rename, never takes the place of what is there.
        os.link(draft, path)
        sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Replaces the content of the file `path` in one step; its mode stays. Behind a link that of the file it leads to.

    Raises OSError when it may not be written to or is no regular file.
    """
    target = path.resolve(strict=True)
    descriptor = os.open(target, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    os.close(descriptor)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    with _draft(target, data) as draft:
        draft.chmod(stat.S_IMODE(mode))
        draft.replace(target)
        sync_folder(target.parent)


@contextmanager
def _draft(path: Path, data: bytes) -> Iterator[Path]:
    """A durable file that holds `data`, on the disk of `path`; what is left of it goes at the end."""
    with tempfile.TemporaryDirectory(prefix=".verger-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        draft.write_bytes(data)
        sync_file(draft)
        yield draft
