"""Removes folders that an agent filled, however deep, read-only or full of links, and only below their root.

Not here: when a folder may go, and what of it is kept first; see `worktrees.quarantine`.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path


class RemovalRefused(Exception):
    """A folder that Verger will not remove. `hint` says what to look at."""

    def __init__(self, target: Path, root: Path) -> None:
        super().__init__(f"cannot remove {target}: it does not lie inside {root} by a path without links")
        self.hint = "look for a symbolic link on the way to it, and for a moved state folder"


def remove(target: Path, root: Path) -> None:
    """Removes `target` and all that lies in it; nothing happens if it is not there.

    Links are removed, never followed. Raises RemovalRefused unless `target` lies below `root` and no folder
    between the two is a link.
    """
    check_inside(target, root)
    with suppress(FileNotFoundError):
        remove_entry(target)


def check_inside(target: Path, root: Path) -> None:
    """Raises RemovalRefused unless `target` lies below `root` and no folder between the two is a link."""
    if root not in target.parents or ".." in target.parts:
        raise RemovalRefused(target, root)
    for folder in target.parents:
        if folder == root:
            return
        if folder.is_symlink():
            raise RemovalRefused(target, root)


def remove_entry(path: Path) -> None:
    """Removes one file, link or whole folder that the caller knows to be inside its root."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        path.unlink()
        return
    path.chmod(0o700)
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _empty(top)
    finally:
        os.close(top)
    path.rmdir()


def _empty(top: int) -> None:
    # Folders are lifted to the top before they are emptied: no depth exhausts paths, descriptors or stack.
    # A prefix that nobody can have foreseen, so that no name is taken.
    prefix = os.urandom(8).hex()
    names = (f".going-{prefix}-{number}" for number in count())
    while entries := list(os.scandir(top)):
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _lift_contents(entry.name, top, names)
                os.rmdir(entry.name, dir_fd=top)
            else:
                os.unlink(entry.name, dir_fd=top)


def _lift_contents(name: str, top: int, names: Iterator[str]) -> None:
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for inner in list(os.scandir(folder)):
            if inner.is_dir(follow_symlinks=False):
                # Moving a folder rewrites its `..`, which needs the right to write in it.
                os.chmod(inner.name, 0o700, dir_fd=folder)
                os.rename(inner.name, next(names), src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(inner.name, dir_fd=folder)
    finally:
        os.close(folder)
