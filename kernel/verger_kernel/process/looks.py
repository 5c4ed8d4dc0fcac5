"""What the processes of a job use, at one look: CPU, writes, memory, how many they are.

Not here: how often one looks and what is too much; see `watch.py` and `rules/limits.py`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from verger_kernel.process import table
from verger_kernel.process.table import Row
from verger_kernel.process.tree import Tree

_NEAR = 0.8

Counts = Mapping[tuple[int, int], int]
"""What each process has used so far, by its identity."""


class Seen(NamedTuple):
    """One look. CPU and writes are totals since the first, of processes that are gone, too."""

    cpu_s: float
    written_bytes: int
    memory_bytes: int
    processes: int


class Looks:
    """Looks at one tree, again and again."""

    def __init__(self, tree: Tree, memory_bytes_max: int) -> None:
        self._tree = tree
        self._near_bytes = memory_bytes_max * _NEAR
        self._rows: list[Row] = []
        self._newest = b""
        self._cpu: Counts = {}
        self._written: Counts = {}
        self._cpu_ticks = self._written_bytes = 0

    def look(self, *, whole: bool = False) -> Seen:
        """What there is now. Blocks; reads all of /proc only if `whole` or if any process began since."""
        newest = table.newest_pid()
        if whole or newest != self._newest or not newest:
            self._rows = self._tree.living()
        else:
            self._rows = [now for row in self._rows if (now := _again(row)) is not None]
        self._newest = newest
        cpu = {row.identity: row.cpu_ticks for row in self._rows}
        written = {row.identity: table.written_bytes(row.pid) for row in self._rows}
        self._cpu_ticks += growth(self._cpu, cpu)
        self._written_bytes += growth(self._written, written)
        self._cpu, self._written = cpu, written
        return Seen(
            cpu_s=self._cpu_ticks / table.TICKS_PER_S,
            written_bytes=self._written_bytes,
            memory_bytes=self._memory_bytes(),
            processes=len(self._rows),
        )

    def _memory_bytes(self) -> int:
        """The resident memory of all; near the limit, pages that they share count once."""
        resident = sum(row.rss_bytes for row in self._rows)
        if resident < self._near_bytes:
            return resident
        return sum(_share(row) for row in self._rows)


def _again(row: Row) -> Row | None:
    now = table.row(row.pid)
    return now if now and now.living and now.identity == row.identity else None


def _share(row: Row) -> int:
    share = table.own_share_bytes(row.pid)
    if share is not None:
        return share
    # It is about to be gone and holds nothing any more, or we may not ask.
    now = _again(row)
    return now.rss_bytes if now else 0


def growth(before: Counts, now: Counts) -> int:
    """By how much the processes used more than `before`, or a little less: never what was counted already.

    What one that is gone had used, whoever waited for it has now. If nobody did, that much of what the others did
    meanwhile is missed, but nothing of what new ones did.
    """
    new = sum(used for identity, used in now.items() if identity not in before)
    more = sum(used - before[identity] for identity, used in now.items() if identity in before)
    gone = sum(used for identity, used in before.items() if identity not in now)
    return new + max(0, more - gone)
