"""A run on disk, in the hands of this process: created, or opened after whoever had it before is gone.

Not here: driving it; see `driver.py`.
"""

import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from verger_kernel.clock import now
from verger_kernel.disk import store
from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.journal import Journal
from verger_kernel.disk.layout import RunFolder, StateFolder
from verger_kernel.errors import CommandError
from verger_kernel.process.tree import end_survivors
from verger_kernel.rules.chain import GENESIS
from verger_kernel.rules.events import Request, RunCreated
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.machine import advance, counted
from verger_kernel.rules.state import RunState
from verger_kernel.supervised.working import off_loop
from verger_probes.exits import Exit
from verger_probes.locks import FileLock, Held, acquire
from verger_probes.records import sync_folder, write_record

_STAGING = ".new-"
_SWEEPS_MAX = 10
"""More than one round is needed only when a survivor starts another process while it is being ended."""


@dataclass(frozen=True)
class OpenRun:
    """A run that no other process can drive. `swept` counts processes of an earlier one that had to be ended.

    `found` is the run as it lay there before it was settled; None when it was made just now.
    """

    folder: RunFolder
    run_lock: FileLock
    tree_lock: FileLock
    journal: Journal
    state: RunState
    found: store.Loaded | None = None
    swept: int = 0

    @property
    def before(self) -> RunState | None:
        """The state before the last record: the process before may have died without publishing that step."""
        return self.found.before if self.found else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be settled before the run could be opened, a line each."""
        return tuple(filter(None, (self.found.rebuilt, _tail_note(self.found)))) if self.found else ()

    def close(self) -> None:
        """Gives both locks up."""
        self.journal.close()
        self.tree_lock.release()
        self.run_lock.release()


def create(home: StateFolder, frame: Frame, request: Request, files: dict[str, bytes]) -> OpenRun:
    """A new run. It appears under its id only when its first record is durable; before, it is nothing."""
    staging = home.runs / f"{_STAGING}{frame.run_id}"
    final = home.run(frame.run_id)
    clear_stagings(home)
    run_lock = _claimed(staging)
    for name, data in files.items():
        write_record(staging / name, data, durable=True)
    folder = replace(final, root=staging)
    tree_lock = acquire(folder.tree_lock)
    journal = Journal(folder.journal, 0, GENESIS)
    moment, event = now(), RunCreated(frame=frame, request=request)
    state, _ = advance(None, event, moment)
    journal.append(moment, event)
    state = counted(state, event, journal.seq, journal.head)
    store.save(folder, state, durable=True)
    staging.rename(final.root)
    sync_folder(home.runs)
    return OpenRun(
        final,
        replace(run_lock, path=final.run_lock),
        replace(tree_lock, path=final.tree_lock),
        journal,
        state,
    )


def _claimed(staging: Path) -> FileLock:
    """The lock of a new folder; until it is held, somebody else may take the folder for a leftover and remove it."""
    while True:
        make_folder(staging)
        with suppress(Held, FileNotFoundError):
            return acquire(staging / "run.lock")


def clear_stagings(home: StateFolder) -> tuple[Path, ...]:
    """Removes what killed processes left of runs that never came to be; answers with what is gone."""
    gone = []
    for staging in sorted(home.runs.glob(f"{_STAGING}*")):
        with suppress(Held, OSError):
            lock = acquire(staging / "run.lock")
            shutil.rmtree(staging, ignore_errors=True)
            lock.release()
            gone.append(staging)
    return tuple(gone)


def begun_utc(run_id: RunId) -> str:
    """The second in which the run began, as its id names it: ISO-8601 in UTC."""
    day, clock = run_id[4:12], run_id[13:19]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.000Z"


async def open_run(home: StateFolder, run_id: RunId) -> OpenRun:
    """An existing run, after every survivor of its last process was ended and its journal was settled.

    Raises CommandError when another process holds it or its files contradict one another.
    """
    folder = home.run(run_id)
    with ExitStack() as held:
        run_lock = _take(folder)
        held.callback(run_lock.release)
        tree_lock, swept = await _take_tree(folder, run_id)
        held.callback(tree_lock.release)
        loaded = await off_loop(_settled, folder, run_id)
        held.pop_all()
    state = loaded.state
    journal = Journal(folder.journal, state.journal_seq, state.journal_head)
    return OpenRun(folder, run_lock, tree_lock, journal, state, loaded, swept)


def _settled(folder: RunFolder, run_id: RunId) -> store.Loaded:
    try:
        loaded = store.load(folder)
        named = loaded.state.frame.run_id
        if named != run_id:
            # Driven, it would move the branch and end the agents of the run it was copied from.
            raise store.CorruptRun(f"{folder.root} is a copy of run {named}")
    except store.CorruptRun as error:
        raise CommandError(
            f"cannot open run {run_id}: {error}",
            "nothing was changed; restore the run's folder from a copy, or begin a new run",
            Exit.INPUT,
        ) from None
    store.settle(folder, loaded)
    return loaded


def _tail_note(loaded: store.Loaded) -> str:
    if loaded.dropped:
        return (
            f"the machine went down: the last {loaded.dropped} record(s) of the journal do not count, "
            "what they tell of is done again"
        )
    return f"{loaded.cut} bytes at the end of the journal were no record and were cut" if loaded.cut else ""


def _take(folder: RunFolder) -> FileLock:
    try:
        return acquire(folder.run_lock)
    except Held as held:
        raise CommandError(
            f"run {folder.root.name} is held by {held.holder}",
            "wait until it is done, or stop that process",
            Exit.HELD,
        ) from None


async def _take_tree(folder: RunFolder, run_id: RunId) -> tuple[FileLock, int]:
    swept = 0
    for _ in range(_SWEEPS_MAX):
        swept += await end_survivors(run_id, folder.tree_lock)
        try:
            return acquire(folder.tree_lock), swept
        except Held:
            continue
    raise CommandError(
        f"processes of run {run_id} could not be ended",
        f"find them with: fuser {folder.tree_lock}",
        Exit.HELD,
    )
