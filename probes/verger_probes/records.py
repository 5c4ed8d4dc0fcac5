"""One small JSON record on disk: written whole or not at all, read whole or refused.

Not here: what a record means, and its schema; whoever reads it decodes it. Standard library only.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path

RECORD_BYTES_MAX = 64 * 1024 * 1024
# A process killed between the temporary file and the rename leaves one of these beside the record.
TEMPORARY_PREFIX = ".record-"


class RecordRefused(Exception):
    """A record is there but cannot be a whole one. The text names the file, the reason and the way out."""


def write_record(path: Path, data: bytes, *, durable: bool) -> None:
    """Replaces the record in one step: a reader, or a crash, sees the old bytes or the new, never a mixture.

    With `durable` the new bytes survive a power loss once this returns, without it the death of the process.
    Mode 0600. A link at `path` is replaced, not followed. Raises OSError naming `path`; if only the last
    step, the sync of the folder, failed, the new record stands but may not be durable.
    """
    try:
        _replace(path, data, durable=durable)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, f"cannot write record {path}: {error.strerror}") from error


def read_record(path: Path, *, bytes_max: int = RECORD_BYTES_MAX) -> bytes:
    """The whole record. Raises RecordRefused when what is there is a link, no regular file, too large, empty,
    or holds a NUL (a power loss leaves those of an unsynced file), and OSError when it cannot be opened.
    """
    fd = _open(path)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise _refused(path, "it is no regular file")
    with os.fdopen(fd, "rb") as file:
        data = file.read(min(found.st_size, bytes_max + 1))
    why = _flaw(data, bytes_max)
    if why:
        raise _refused(path, why)
    return data


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable: what was made, renamed or removed stays so after a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _replace(path: Path, data: bytes, *, durable: bool) -> None:
    # Its own name in every thread and process: two writers of one record never share a draft.
    draft = f"{path.parent}/{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            if durable:
                os.fsync(fd)
        os.replace(draft, path)  # noqa: PTH105 - a Path made for it would cost more than the rename
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise


def _open(path: Path) -> int:
    # Not blocking: a named pipe in the record's place must be refused, not waited for.
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _refused(path, "it is a symbolic link") from error


def _flaw(data: bytes, bytes_max: int) -> str:
    if len(data) > bytes_max:
        return f"it is larger than {bytes_max} bytes"
    if not data:
        return "it is empty"
    if b"\0" in data:
        return "it holds NUL bytes, as after a power loss"
    return ""


def _refused(path: Path, why: str) -> RecordRefused:
    hint = "Hint: move it aside and restore it from a copy, or let its owner write it again."
    return RecordRefused(f"Cannot read record {path}: {why}. {hint}")
