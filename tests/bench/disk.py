"""The disk that the bench runs on: what is used of it, by kind, and what one sync costs there.

Not here: how many syncs there are; see `counting.py`.
"""

import os
import stat
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_IN_REPOSITORY = {"reports": "reports", "worktrees": "trees", "verify": "trees", "layers": "layers"}


def used_bytes(*folders: Path) -> int:
    """What the files and folders below `folders` take on the disk; one file under many names counts once."""
    return sum(looks.st_blocks * 512 for _, looks in _found(*folders))


def used_by_kind(state: Path, git: Path) -> "Counter[str]":
    """What a state folder and a git folder take on the disk, in bytes, by what it is kept for; folders count.

    A file under many names counts once, under the one that is first in the alphabet.
    """
    used: Counter[str] = Counter()
    for place, looks in _found(state, git):
        kind = _kind(place.relative_to(state).parts) if place.is_relative_to(state) else _git_kind(place, git)
        used[kind] += looks.st_blocks * 512
    return used


def _found(*folders: Path) -> Iterator[tuple[Path, os.stat_result]]:
    known: set[tuple[int, int]] = set()
    for place in sorted(place for folder in folders for place in folder.rglob("*")):
        looks = place.lstat()
        if (looks.st_dev, looks.st_ino) not in known:
            known.add((looks.st_dev, looks.st_ino))
            yield place, looks


def _git_kind(place: Path, git: Path) -> str:
    return "git objects" if place.relative_to(git).parts[0] == "objects" else "git refs and the rest"


def _kind(parts: tuple[str, ...]) -> str:
    """`parts` lead from the state folder: program, repository, then `runs`, run, `items`, item, attempt."""
    room, of_run = parts[2:3], parts[4:]
    if room != ("runs",):
        return _IN_REPOSITORY.get("".join(room), "state folder")
    if of_run[:1] != ("items",):
        return "journal" if of_run == ("journal.jsonl",) else "run"
    of_attempt = of_run[3:]
    return of_attempt[0] if of_attempt and "." not in of_attempt[0] else "item"


def bytes_written(*folders: Path) -> int:
    """The length of all files below `folders`, which says how much of their blocks they fill."""
    return sum(looks.st_size for _, looks in _found(*folders) if stat.S_ISREG(looks.st_mode))


def sync_ms(folder: Path, times: int) -> float:
    """One sync of 300 new bytes in `folder`: the mean of the medians for a file that grows and for new files."""
    growing = [_synced_s(folder / "growing") for _ in range(times)]
    new = [_synced_s(folder / f"new-{number}") for number in range(times)]
    return statistics.mean((statistics.median(growing), statistics.median(new))) * 1000


def _synced_s(path: Path) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, b"." * 300)
        began = time.perf_counter()
        os.fsync(descriptor)
        return time.perf_counter() - began
    finally:
        os.close(descriptor)
