"""The processes of one job, found again wherever they went: children, sessions, orphans.

Not here: ending them, see `ending.py`; their memory and streams over time, see `runner.py`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio

from verger_kernel.process import ending, table
from verger_kernel.process.cgroups import Leaf, leaves_of
from verger_kernel.process.table import Row
from verger_kernel.rules.ids import EFFECT, RUN
from verger_probes.prctl import become_subreaper


def adopt_orphans() -> bool:
    """Makes orphans of our descendants our children, instead of init's. False where the system cannot."""
    _orphans_come_to.clear()
    if become_subreaper():
        _orphans_come_to.add(os.getpid())
    return bool(_orphans_come_to)


_orphans_come_to: set[int] = set()
"""The pid of this process once every orphan below it becomes its child; a fork of it does not inherit that."""


def nothing_descends() -> bool:
    """Whether no process descends from this one: it has no child, and every orphan would be one. One system call.

    False also where orphans do not come here.
    """
    if os.getpid() not in _orphans_come_to:
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


class Tree:
    """The processes of one job: what descends from `main`, is in its session or its leaf, or bears its marker.

    Without a leaf, an orphan that put all of this away is known by elimination: it is our child, and we did not start
    it. So while one job runs alone, nothing else may start a process in a session of its own. Of jobs that overlap, the
    last one answers for the orphans of all.
    """

    def __init__(self, marker: str, leaf: Leaf | None = None) -> None:
        self._marker = marker
        self._leaf = leaf
        self._main: Row | None = None
        self._seen: set[tuple[int, int]] = set()
        self.began_ticks = 0
        """When the first of the jobs that overlap with this one began."""

    def grow_from(self, main: Row) -> None:
        """Names the first process, whose pid names the session."""
        self._main = main
        self._seen = {main.identity}
        self.began_ticks = self.began_ticks or main.ticks

    def living(self) -> list[Row]:
        """The processes of the job that run now; zombies that fell to us are reaped. Reads all of /proc."""
        rows = table.rows()
        mine = self._claimed(rows)
        self._seen = {rows[pid].identity for pid in mine}
        main = self._main.pid if self._main else 0
        reap(rows, mine - {main})
        found = [rows[pid] for pid in sorted(mine) if rows[pid].living]
        if self._leaf:
            self._take_in(found, self._leaf)
        return found

    def _take_in(self, found: list[Row], leaf: Leaf) -> None:
        """Puts those into the leaf that began before the first process was put there."""
        inside = leaf.pids()
        for row in found:
            if row.pid not in inside:
                leaf.take(row.pid)

    def is_over(self) -> None:
        """Says that the job was swept, so that one that overlaps with it may be the last."""
        _trees.discard(self)

    def _claimed(self, rows: dict[int, Row]) -> set[int]:
        if self._main is None:
            return set()
        mine = {pid for pid, row in rows.items() if row.identity in self._seen}
        later = [row for row in rows.values() if row.ticks >= self._main.ticks and row.pid not in mine]
        mine |= {row.pid for row in later if table.carries(row.pid, EFFECT, self._marker)}
        if self._leaf:
            mine |= self._leaf.pids() & rows.keys()
        mine |= self._left_over(rows)
        first = rows.get(self._main.pid, self._main)
        # While a session bears a number, nobody gets it anew: who has it now is a stranger, and none is left of ours.
        return closure(rows, mine, sessions={first.pid} if first.identity == self._main.identity else set())

    def _left_over(self, rows: dict[int, Row]) -> set[int]:
        # While other jobs run, their first processes and those of their git commands look just like an orphan.
        if _trees != {self}:
            return set()
        parent, session = os.getpid(), os.getsid(0)
        ours = (row for row in rows.values() if row.ppid == parent and row.sid != session)
        return {row.pid for row in ours if row.ticks >= self.began_ticks}


_trees: set[Tree] = set()
"""Of the jobs that run now."""


@contextmanager
def tree_kept(marker: str, leaf: Leaf | None = None) -> Iterator[Tree]:
    """A tree for the job that bears `marker`, known to all others before its first process exists."""
    tree = Tree(marker, leaf)
    tree.began_ticks = min((other.began_ticks for other in _trees if other.began_ticks), default=0)
    _trees.add(tree)
    try:
        yield tree
    finally:
        _trees.discard(tree)


async def end_survivors(run_marker: str, lock: Path) -> int:
    """Ends what a dead kernel left of its run: who has `lock` open, bears `run_marker` or is in its leaves, and below.

    Returns how many. Never this process, nor what it descends from. Raises Unendable.
    """
    known: set[tuple[int, int]] = set()
    leaves = leaves_of(run_marker)

    def living() -> list[Row]:
        rows = table.rows()
        known.update(rows[pid].identity for leaf in leaves for pid in leaf.pids() & rows.keys())
        found = _survivors(rows, run_marker, lock, known)
        known.update(rows[pid].identity for pid in found)
        reap(rows, found)
        return [rows[pid] for pid in sorted(found) if rows[pid].living]

    ended = await ending.end(living, whose=f"run {run_marker}", kill=[leaf.kill for leaf in leaves])
    for leaf in leaves:
        await anyio.to_thread.run_sync(leaf.remove)
    return len(ended)


def survivors(run_marker: str, lock: Path) -> list[Row]:
    """Who would be ended by `end_survivors`, a kernel at work among them; nobody is."""
    rows = table.rows()
    known = {rows[pid].identity for leaf in leaves_of(run_marker) for pid in leaf.pids() & rows.keys()}
    return [rows[pid] for pid in _survivors(rows, run_marker, lock, known) if rows[pid].living]


def _survivors(rows: dict[int, Row], run_marker: str, lock: Path, known: set[tuple[int, int]]) -> set[int]:
    spared = table.lineage(rows)
    file = lock.stat() if lock.exists() else None
    found = {
        pid
        for pid, row in rows.items()
        if row.identity in known
        or table.carries(pid, RUN, run_marker)
        or (file is not None and table.holds(pid, file))
    }
    return closure(rows, found - spared, sessions=set()) - spared


def closure(rows: dict[int, Row], pids: set[int], *, sessions: set[int]) -> set[int]:
    """`pids` with all that descends from them or is in `sessions` or in a session that one of them leads."""
    found = set(pids)
    while True:
        led = {pid for pid in found if rows[pid].sid == pid} | sessions
        more = {pid for pid, row in rows.items() if row.ppid in found or row.sid in led} - found
        if not more:
            return found
        found |= more


def reap(rows: dict[int, Row], known: set[int]) -> None:
    """Takes away zombies among our children that no other code waits for: `known` ones and plain orphans."""
    parent, own_session = os.getpid(), os.getsid(0)
    for row in rows.values():
        if row.living or row.ppid != parent:
            continue
        # Whom we start ourselves is in our session or leads one: anything else was handed down to us.
        if row.pid in known or row.sid not in (own_session, row.pid):
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, row.pid, os.WEXITED | os.WNOHANG)
