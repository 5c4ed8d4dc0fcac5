"""How a folder stands at one moment: where it stands the same later, nothing in there was changed.

Not here: what was changed; see `changed.py`, `worktrees.py` and `tripwire.py`. No git process.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

FILE_BYTES_MAX = 1 << 30
"""Git reads, packs and hashes a new file whole, at some 50 MB a second."""


class Standing(NamedTuple):
    """`digest` is of every name below the folder, `.git` too, with its inode, mode, owner, size and times.

    It is empty where something cannot be read, and then equals no other. `large` are the files of more than
    FILE_BYTES_MAX, by their path in the folder; `changed` counts those whose ctime is later than the moment asked for.
    """

    digest: str
    large: frozenset[bytes]
    changed: int

    def is_that_of(self, other: "Standing") -> bool:
        """Whether nothing was changed in between: who changes a file moves its ctime, which nobody can set back."""
        return bool(self.digest) and self.digest == other.digest


def standing(folder: Path, since_ns: int = 0) -> Standing:
    """How `folder` stands now. `since_ns` is a moment of the disk's clock, such as the time of a file."""
    digest, large, changed = hashlib.sha256(), set(), 0
    root = os.fsencode(folder)
    pending, whole = [root], True
    while pending:
        for entry, looks in _looked_at(pending.pop()):
            if looks is None:
                whole = False
            elif stat.S_ISDIR(looks.st_mode):
                pending.append(entry)
            elif stat.S_ISREG(looks.st_mode):
                changed += looks.st_ctime_ns > since_ns
                if looks.st_size > FILE_BYTES_MAX:
                    large.add(entry[len(root) + 1 :])
            if looks:
                digest.update(_line(entry, looks))
    return Standing(digest.hexdigest() if whole else "", frozenset(large), changed)


def _looked_at(folder: bytes) -> list[tuple[bytes, os.stat_result | None]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.path, entry.stat(follow_symlinks=False)) for entry in entries)
    except OSError:
        return [(folder, None)]


def _line(path: bytes, looks: os.stat_result) -> bytes:
    numbers = (looks.st_ino, looks.st_mode, looks.st_uid, looks.st_gid, looks.st_size)
    return b"%s\0%d %o %d %d %d %d %d\0" % (path, *numbers, looks.st_mtime_ns, looks.st_ctime_ns)
