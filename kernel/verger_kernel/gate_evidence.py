"""The files that a person named with a decision: digested when it is recorded, and looked at again later.

Not here: external evidence, which an item needs before it can begin; see `disk/evidence.py`.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from verger_kernel.errors import CommandError
from verger_kernel.rules.gates import EvidenceFile
from verger_kernel.rules.ids import Digest
from verger_probes.exits import Exit


def taken(path: Path) -> EvidenceFile:
    """The file at `path` with its digest. Raises CommandError for a link, for no file, and for an empty one."""
    try:
        if path.is_symlink():
            raise _refused(path, f"is a link to {path.readlink()}", "name the file itself")
        digest, size = _read(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise _refused(
            path, f"is no file that can be read: {why}", "name a file that you can read, or leave it out"
        ) from None
    if not size:
        raise _refused(path, "is empty", "name the file that was looked at, or leave it out")
    return EvidenceFile(path=str(path.resolve()), sha256=digest)


def changed(files: Iterable[EvidenceFile]) -> tuple[str, ...]:
    """Those of `files` that are gone, or no longer what they were when the decision was recorded, each in words."""
    return tuple(f"{file.path} {why}" for file in files if (why := _change(file)))


def _change(file: EvidenceFile) -> str:
    try:
        digest, _size = _read(Path(file.path))
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "" if digest == file.sha256 else "was changed"


def _read(path: Path) -> tuple[Digest, int]:
    # Not blocking: a named pipe must be refused, not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
        return Digest(hashlib.file_digest(file, "sha256").hexdigest()), file.tell()


def _refused(path: Path, why: str, hint: str) -> CommandError:
    return CommandError(f"evidence {path} {why}", hint, Exit.INPUT)
