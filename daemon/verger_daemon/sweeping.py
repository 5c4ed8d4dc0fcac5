"""After a kernel that died: what it left running is found and ended, so that nothing of a run outlives it.

Not here: how processes are ended (`verger_kernel.process.ending`), which is the same for a kernel's own jobs.
"""

import os

from anyio import to_thread

from verger_daemon.invocations import STARTED
from verger_daemon.rules import watch_events as v
from verger_daemon.watching import Watched
from verger_kernel.disk.layout import RunFolder
from verger_kernel.process import ending, table
from verger_kernel.process.ending import Unendable
from verger_kernel.process.table import Row
from verger_kernel.process.tree import closure, end_survivors, reap, survivors
from verger_probes.locks import Held, acquire


async def swept(run: Watched) -> str:
    """Ends what the last kernel of `run` left running, and puts that on record; why it could not, else empty."""
    if run.observer is None:
        return ""
    try:
        ended = await _sweep(run.observer.folder)
    except Unendable as error:
        return f"{error}; hint: {error.hint}"
    if ended:
        reason = f"ended {ended} process(es) that its kernel left running"
        run.feed(v.Acted(kind="sweep_survivors", reason=reason))
    return ""


async def _sweep(folder: RunFolder) -> int:
    """Ends all that bears the mark of the run, holds its tree or was handed down to us; answers with how many.

    A run that another process has taken is left to it. Raises Unendable.
    """
    # Looked for first: the lock of a run that ended well is left to whoever goes on with it.
    if not await to_thread.run_sync(_is_left, folder):
        return 0
    try:
        lock = acquire(folder.run_lock)
    except (Held, OSError):
        return 0
    try:
        marked = await end_survivors(folder.root.name, folder.tree_lock)
        return marked + len(await ending.end(_handed_down, whose=f"run {folder.root.name}"))
    finally:
        lock.release()


def _is_left(folder: RunFolder) -> bool:
    return bool(survivors(folder.root.name, folder.tree_lock) or _handed_down())


def _handed_down() -> list[Row]:
    """Every process that fell to us when its own kernel died: our child, and not started by us; and all below it."""
    rows = table.rows()
    ours = {pid for pid, row in rows.items() if row.ppid == os.getpid() and pid not in STARTED}
    found = closure(rows, ours, sessions=set())
    reap(rows, found)
    return [rows[pid] for pid in sorted(found) if rows[pid].living]
