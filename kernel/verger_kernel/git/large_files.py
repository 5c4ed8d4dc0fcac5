"""Large files that git-lfs keeps beside git: which files of an index only stand for one, and where its bytes lie here.

Not here: showing them to a job; see `perform/bringing.py`. Nothing is fetched, and git-lfs itself never runs.
"""

import hashlib
import os
import stat
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from verger_kernel.git.command import Git
from verger_kernel.git.trees import contents, staged
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.scope import PLAIN

STORE = Path("lfs", "objects")
"""Where git-lfs keeps the bytes, in the git folder."""
_POINTER = lazy(
    # None with an extension: what that makes of the bytes, only its program knows.
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n"
)
_POINTER_BYTES_MAX = 1024


class Pointer(msgspec.Struct, frozen=True):
    """What a file says that stands for a large one: SHA-256 in hex, and bytes."""

    sha256: str
    size: int


def pointer(data: bytes) -> Pointer | None:
    """The large file that `data`, the whole content of a file, stands for; None where it is no pointer."""
    found = _POINTER.fullmatch(data) if len(data) < _POINTER_BYTES_MAX else None
    return Pointer(found[1].decode(), int(found[2])) if found else None


def large_files(git: Git, index: Path) -> dict[str, Path]:
    """Where the bytes really lie that files of `index` stand for, by path; what was never fetched is left out.

    Only files that attributes in `index` give to the filter `lfs`. Three git processes, none in a repository where
    git-lfs keeps nothing. Every large file is read once in a process, for bytes that are no longer what they were
    are left out, too.
    """
    store = git.git_dir / STORE
    if not store.is_dir() or not index.is_file():
        return {}
    looks = index.stat()
    asked = _pointers(git, index, (looks.st_ino, looks.st_size, looks.st_mtime_ns))
    store = store.resolve()
    places = {path: _held(_place(store, one), one) for path, one in asked.items()}
    return {path: place for path, place in places.items() if place}


def unfetched(git: Git, index: Path) -> tuple[str, ...]:
    """The files of `index` that stand for bytes that are not here, or not as many, sorted. Three git processes."""
    store = git.git_dir / STORE
    asked = _read(git, index).items()
    return tuple(sorted(path for path, one in asked if not _is_there(_place(store, one), one)))


def _is_there(place: Path, wanted: Pointer) -> bool:
    try:
        looks = place.lstat()
    except OSError:
        return False
    return stat.S_ISREG(looks.st_mode) and looks.st_size == wanted.size


def _place(store: Path, wanted: Pointer) -> Path:
    name = wanted.sha256
    return store / name[:2] / name[2:4] / name


# What is looked at changes with each record only.
@lru_cache(maxsize=2)
def _pointers(git: Git, index: Path, _looks: tuple[int, int, int]) -> dict[str, Pointer]:
    return _read(git, index)


def _read(git: Git, index: Path) -> dict[str, Pointer]:
    """The files of `index` that stand for large ones, by path. Three git processes."""
    ids = {path: one.id for path, one in staged(git, index).items() if one.mode in PLAIN}
    asked = b"".join(os.fsencode(path) + b"\0" for path in ids)
    words = ("check-attr", "-z", "--cached", "--stdin", "filter")
    fields = os.fsdecode(git.run(*words, index=index, stdin=asked)).split("\0")
    paths = [path for path, value in zip(fields[0::3], fields[2::3], strict=False) if value == "lfs"]
    held = contents(git, (ids[path] for path in paths), size_max=_POINTER_BYTES_MAX)
    found = {path: pointer(held.get(ids[path], b"")) for path in paths}
    return {path: one for path, one in found.items() if one}


def _held(place: Path, wanted: Pointer) -> Path | None:
    """Where `place` really is, if it holds what is wanted."""
    if not _is_there(place, wanted):
        return None
    try:
        looks = place.lstat()
        real, digest = _known(place, (looks.st_ino, looks.st_mtime_ns, looks.st_ctime_ns))
        return real if digest == wanted.sha256 else None
    except OSError:
        return None


# Of all of them, however many: to forget one is to read it again for every call.
@cache
def _known(place: Path, _looks: tuple[int, int, int]) -> tuple[Path, str]:
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return place.resolve(), hashlib.file_digest(file, "sha256").hexdigest()
