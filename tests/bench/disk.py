"""The disk that the bench runs on: what is used of it, and what one sync costs there.

Not here: how many syncs there are; see `counting.py`.
"""

import os
import statistics
import time
from pathlib import Path


def used_bytes(*folders: Path) -> int:
    """What the files and folders below `folders` take on the disk."""
    places = (place for folder in folders for place in folder.rglob("*"))
    return sum(place.lstat().st_blocks * 512 for place in places)


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
