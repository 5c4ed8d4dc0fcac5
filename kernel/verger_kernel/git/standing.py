"""How a folder stands at one moment: where it stands the same later, nothing in there was changed.

Not here: what was changed; see `changed.py`, `worktrees.py` and `tripwire.py`. No git process.
"""

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

_SETTLED_NS = 1_000_000_000
FILE_BYTES_MAX = 1 << 30
"""Git reads, packs and hashes a new file whole, at some 50 MB a second."""


class Standing(NamedTuple):
    """`digest` is of every name below the folder, `.git` too, with its inode, mode, owner, size and times.

    It is empty where something cannot be read, and then equals no other. `large` are the files of more than
    FILE_BYTES_MAX, by their path in the folder; `changed` counts those whose ctime is later than the moment asked for,
    and `changed_bytes` what they hold.
    """

    digest: str
    large: frozenset[bytes]
    changed: int
    changed_bytes: int

    def is_that_of(self, other: "Standing") -> bool:
        """Whether nothing was changed in between: who changes a file moves its ctime, which nobody can set back."""
        return bool(self.digest) and self.digest == other.digest


def standing(folder: Path, since_ns: int = 0) -> Standing:
    """How `folder` stands now. `since_ns` is a moment of the disk's clock, such as the time of a file."""
    digest, large, changed, changed_bytes = hashlib.sha256(), set(), 0, 0
    root = os.fsencode(folder)
    pending, whole = [root], True
    while pending:
        for entry, looks in _looked_at(pending.pop()):
            if looks is None:
                whole = False
            elif stat.S_ISDIR(looks.st_mode):
                pending.append(entry)
            elif stat.S_ISREG(looks.st_mode):
                if looks.st_ctime_ns > since_ns:
                    changed, changed_bytes = changed + 1, changed_bytes + looks.st_size
                if looks.st_size > FILE_BYTES_MAX:
                    large.add(entry[len(root) + 1 :])
            if looks:
                digest.update(_line(entry, looks))
    return Standing(digest.hexdigest() if whole else "", frozenset(large), changed, changed_bytes)


class Reader:
    """Reads small files again and again, from memory where inode, size, mode and both times are what they were."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], bytes]] = {}

    def __call__(self, path: Path) -> bytes:
        """What `path` holds; a link is followed. Raises OSError."""
        looks = path.stat()
        key = (looks.st_dev, looks.st_ino, looks.st_mode, looks.st_size, looks.st_mtime_ns, looks.st_ctime_ns)
        known = self._known.get(path)
        if known and known[0] == key:
            return known[1]
        data = path.read_bytes()
        if time.time_ns() - looks.st_ctime_ns > _SETTLED_NS:
            # One that was changed just now can change again within a tick of the disk's clock.
            self._known[path] = (key, data)
        return data


def _looked_at(folder: bytes) -> list[tuple[bytes, os.stat_result | None]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.path, entry.stat(follow_symlinks=False)) for entry in entries)
    except OSError:
        return [(folder, None)]


def _line(path: bytes, looks: os.stat_result) -> bytes:
    numbers = (looks.st_ino, looks.st_mode, looks.st_uid, looks.st_gid, looks.st_size)
    return b"%s\0%d %o %d %d %d %d %d\0" % (path, *numbers, looks.st_mtime_ns, looks.st_ctime_ns)
