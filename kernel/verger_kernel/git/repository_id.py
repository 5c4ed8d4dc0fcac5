"""The lasting name of a repository: it survives a move, and a copy does not share it.

Not here: what is kept under that name; see `disk/layout.py`.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from verger_kernel.git.checkout import NoRepository, Repository
from verger_probes.decoding import decoded
from verger_probes.records import RecordRefused, read_record, sync_folder, write_record

_ID_BYTES = 16


class _Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who an id was given to: the common git directory by its path and by its inode."""

    id: str
    common_dir: str
    inode: int


def repository_id(repository: Repository, *, create: bool) -> str | None:
    """The 32 hex digits that name the repository; None if it has no name yet and `create` is false.

    A moved repository keeps its name. In a copy, the recorded path and inode still lead to the original, so
    it gets a name of its own. Raises NoRepository when the record cannot be read.
    """
    common_dir = repository.common_dir
    if not create:
        owner = _read(common_dir)
        return owner.id if owner and not _is_copy(owner, common_dir) else None
    with _naming(common_dir):
        owner = _read(common_dir)
        known = owner.id if owner and not _is_copy(owner, common_dir) else secrets.token_hex(_ID_BYTES)
        mine = _owner(known, common_dir)
        if mine != owner:
            write_record(_record(common_dir), msgspec.json.encode(mine) + b"\n", durable=True)
        return known


@contextmanager
def _naming(common_dir: Path) -> Iterator[None]:
    # Two first runs at one moment must agree on one name: the folder itself is the lock.
    folder = _record(common_dir).parent
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        sync_folder(common_dir)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _record(common_dir: Path) -> Path:
    return common_dir / "verger" / "repository-id"


def _read(common_dir: Path) -> _Owner | None:
    path = _record(common_dir)
    try:
        return decoded(read_record(path), _Owner)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (RecordRefused, msgspec.DecodeError) as error:
        hint = "remove the file if no run of this repository is worth keeping, else restore it"
        raise NoRepository(f"cannot read the repository's name in {path}: {error}", hint) from None


def _owner(name: str, common_dir: Path) -> _Owner:
    return _Owner(id=name, common_dir=str(common_dir), inode=common_dir.stat().st_ino)


def _is_copy(owner: _Owner, common_dir: Path) -> bool:
    """True if the directory that the name was given to still stands elsewhere.

    The path must lead to the recorded inode: what was put where a moved original once stood is no original.
    """
    original = Path(owner.common_dir)
    try:
        if original.samefile(common_dir) or original.stat().st_ino != owner.inode:
            return False
        theirs = _read(original)
    except (OSError, NoRepository):
        return False
    return theirs is not None and theirs.id == owner.id
