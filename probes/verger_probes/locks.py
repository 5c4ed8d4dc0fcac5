"""Locks on files. The system's `flock` is the truth; the text inside is for people.

Not here: ending those who hold one; see the kernel's `process/tree.py`. Standard library only.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verger_probes.identity import boot_id, start_ticks

_TEXT_BYTES = 200


class Held(Exception):
    """Another process holds the lock; `holder` is what it wrote about itself."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path.name} is held by {holder}")
        self.path = path
        self.holder = holder


class LockReplaced(OSError):
    """The file that is locked is no longer the file at the path: somebody removed or replaced it."""


@dataclass(frozen=True)
class FileLock:
    """An exclusive lock that is held as long as the descriptor, or a copy of it in a child, stays open."""

    path: Path
    descriptor: int

    def check(self) -> None:
        """Raises LockReplaced unless the path still leads to the file that is locked."""
        held = os.fstat(self.descriptor)
        try:
            named = os.stat(self.path)  # noqa: PTH116 - each second for each run, and a Path takes twice as long
        except FileNotFoundError:
            raise LockReplaced(f"{self.path} was removed while it was held") from None
        if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino):
            raise LockReplaced(f"{self.path} was replaced while it was held")

    def release(self) -> None:
        """Gives the lock up, here; a child that inherited the descriptor keeps it."""
        os.pwrite(self.descriptor, b" " * _TEXT_BYTES, 0)
        os.close(self.descriptor)


def acquire(path: Path, **more: int) -> FileLock:
    """The lock at `path`, taken at once or not at all; `more` is signed beside the holder. Raises Held."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise Held(path, holder) from None
        lock = FileLock(path, descriptor)
        try:
            lock.check()
        except LockReplaced:
            # Between open and flock the file was replaced: what we hold guards nothing.
            lock.release()
            continue
        _sign(descriptor, more)
        return lock


def is_held(path: Path) -> bool:
    """Whether the process that last took the lock at `path` is still alive, without touching the lock.

    /proc/locks would be nearer to the truth, but names devices as no file of btrfs or overlayfs does.
    """
    try:
        holder = _said(path.read_bytes())
        known = (holder["start_ticks"], holder["boot_id"])
        return bool(known == (start_ticks(holder["pid"]), boot_id()))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sign(descriptor: int, more: dict[str, int]) -> None:
    pid = os.getpid()
    text = json.dumps({"pid": pid, "start_ticks": start_ticks(pid), "boot_id": boot_id()} | more)
    # Written in place: the lock is held already, and a reader takes this text as a hint only.
    os.pwrite(descriptor, text.ljust(_TEXT_BYTES).encode() + b"\n", 0)


def _holder(descriptor: int) -> str:
    try:
        return f"pid {int(_said(os.pread(descriptor, 400, 0))['pid'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _said(text: bytes) -> dict[str, Any]:
    # Only the first line: a longer text that stood in the file before is written over, not cut.
    said: dict[str, Any] = json.loads(text.partition(b"\n")[0])
    return said
