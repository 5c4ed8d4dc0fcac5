"""The git folder that our git works in beside an index of its own: no hook, no configuration but the format.

Not here: the `.git` of a worktree (`worktrees.py`), and running git (`command.py`).
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from verger_kernel.git.settings import FORMATS

_EXCLUDES = ("info/exclude", "info/attributes")


def own_folder(index: Path, repository: Path, object_format: str) -> Path:
    """The folder beside `index`, with the excludes and attributes of the git folder `repository` and nothing else.

    It stays for the next command: whatever else it holds by then, it is made anew. Raises OSError.
    """
    folder = _place_of(index)
    wanted = {"HEAD": b"ref: refs/heads/none\n", "config": FORMATS[object_format].encode()}
    for name in _EXCLUDES:
        data = _content(repository / name)
        if data is not None:
            wanted[name] = data
    if _holds(folder, wanted):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("", "refs", "info"):
        (folder / name).mkdir(parents=True)
    for name, data in wanted.items():
        (folder / name).write_bytes(data)
    return folder


def forget(index: Path) -> None:
    """Removes `index`, its lock and its folder."""
    index.unlink(missing_ok=True)
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    shutil.rmtree(_place_of(index), ignore_errors=True)


def _place_of(index: Path) -> Path:
    return index.with_name(f"{index.name}.git")


def _holds(folder: Path, wanted: dict[str, bytes]) -> bool:
    """Whether `folder` is a folder of exactly these files, besides `refs` and `info`."""
    found = set(_entries(folder, ""))
    return found == {"refs/", "info/", *wanted} and all(
        _content(folder / name) == data for name, data in wanted.items()
    )


def _entries(folder: Path, inner: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder / inner))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield f"{inner}{entry.name}/"
            yield from _entries(folder, f"{inner}{entry.name}/")
        else:
            yield f"{inner}{entry.name}"


def _content(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
