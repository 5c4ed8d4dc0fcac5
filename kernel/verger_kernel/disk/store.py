"""A run's state on disk: the one writer of `run_state.json`, and how a run is loaded.

Not here: what a state means (`rules/state.py`), nor who may load it for writing (`locks.py`).
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from verger_kernel.disk.durable import read_file
from verger_kernel.disk.journal import cut, read_journal
from verger_kernel.disk.layout import RunFolder
from verger_kernel.rules.budgets import Overspent
from verger_kernel.rules.chain import MACHINE_VERSION, Reading, Record
from verger_kernel.rules.lasting import lasts
from verger_kernel.rules.machine import fold
from verger_kernel.rules.saved import SavedState, decode, encode
from verger_kernel.rules.state import RunState
from verger_kernel.rules.step import IllegalEvent
from verger_probes.decoding import decoded
from verger_probes.identity import NO_BOOT_ID, boot_id
from verger_probes.records import TEMPORARY_PREFIX, write_record


class CorruptRun(Exception):
    """A run whose files contradict one another: nothing is written to it. `str()` names the file and the flaw."""


@dataclass(frozen=True)
class Loaded:
    """A run as its journal tells it. `redone` records were not in `run_state.json` yet, `cut` bytes do not count.

    `before` is the state before the last record, None when there is only one: that step may not be published yet.
    `rebooted` says that the machine went down since; `dropped` are the whole records among the bytes that do not count,
    because nobody knows what of what they speak of was lost with the power.
    """

    state: RunState
    before: RunState | None
    redone: int
    cut: int
    length: int
    rebuilt: str
    rebooted: bool = False
    dropped: int = 0


def save(folder: RunFolder, state: RunState, *, durable: bool) -> None:
    """Replaces `run_state.json` in one rename; only with `durable` does the rename itself outlive a power cut."""
    write_record(folder.run_state, encode(state), durable=durable)


def read_saved(path: Path) -> SavedState:
    """What `run_state.json` says. Raises FileNotFoundError, or msgspec.DecodeError when it is none of ours."""
    return decode(read_file(path))


def load(folder: RunFolder) -> Loaded:
    """The run as its journal tells it, proved to agree with `run_state.json`; reads only.

    Where the machine went down since, the run stands at the last record that outlasts a power cut. Raises CorruptRun
    when a record that the state already counts is missing or invalid, when the state is not what the journal folds
    to, or when there is no run at all.
    """
    reading = read_journal(folder.journal)
    if not reading.records:
        raise CorruptRun(f"{folder.journal} holds no run: {reading.flaw or 'it is empty or absent'}")
    _check_versions(folder, reading)
    # A system that names no boot may have gone down at any time.
    rebooted = boot_id() == NO_BOOT_ID or reading.records[-1].now.boot_id != boot_id()
    counted, rebuilt = _counted(folder, reading, rebooted=rebooted)
    if rebuilt:
        _check_tail(folder, reading, rebooted=rebooted)
    kept = _last_lasting(reading.records) if rebooted else len(reading.records)
    before, state = _folded(folder, reading.records, counted, kept)
    length = reading.ends[kept - 1]
    return Loaded(
        state=state,
        before=before,
        redone=max(0, kept - counted),
        cut=folder.journal.stat().st_size - length,
        length=length,
        rebuilt=rebuilt,
        rebooted=rebooted,
        dropped=len(reading.records) - kept,
    )


def _folded(
    folder: RunFolder, records: list[Record], counted: int, kept: int
) -> tuple[RunState | None, RunState]:
    """The states after all but one and after all of the first `kept` records; that of `counted` is proved."""
    before: RunState | None = None
    try:
        state = fold(records[:1])
        found = (before, state)
        for record in records:
            if record.seq > 1:
                before, state = state, fold((record,), state)
            if record.seq == counted:
                _check_equal(folder, state)
            if record.seq == kept:
                found = (before, state)
    except (IllegalEvent, Overspent, AssertionError, KeyError, ValueError) as error:
        raise CorruptRun(f"{folder.journal} tells a story that cannot happen: {error}") from error
    return found


def _last_lasting(records: list[Record]) -> int:
    """How many records there are up to the last that outlasts a power cut; the first one always does."""
    return next((one.seq for one in reversed(records) if lasts(one.event)), 1)


def _check_versions(folder: RunFolder, reading: Reading) -> None:
    for record in reading.records:
        if record.machine_version != MACHINE_VERSION:
            raise CorruptRun(
                f"{folder.journal}: record {record.seq} is of machine version {record.machine_version}, "
                f"this Verger knows version {MACHINE_VERSION}"
            )


def _counted(folder: RunFolder, reading: Reading, *, rebooted: bool) -> tuple[int, str]:
    """How many records the saved state counts, and why the state must be rebuilt, if it must."""
    try:
        saved = read_saved(folder.run_state)
    except FileNotFoundError:
        return 0, "run_state.json was missing"
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Renamed without a sync, it can be empty after a power cut; the journal never is.
        return 0, "run_state.json could not be read"
    if saved.journal_seq > len(reading.records):
        if rebooted and saved.lasting_seq <= _last_lasting(reading.records):
            return 0, "run_state.json was ahead of the journal, whose last records went with the power"
        flaw = reading.flaw or f"it ends after record {len(reading.records)}"
        raise CorruptRun(
            f"{folder.journal} is damaged: run_state.json counts {saved.journal_seq} records, but {flaw}"
        )
    if saved.journal_seq < 1 or reading.records[saved.journal_seq - 1].hash != saved.journal_head:
        raise CorruptRun(f"{folder.journal} is not the journal that run_state.json was made from")
    return saved.journal_seq, ""


def _check_tail(folder: RunFolder, reading: Reading, *, rebooted: bool) -> None:
    """Raises CorruptRun when records stand behind the flaw: with no state to count them, they must not be cut.

    A power cut can take any record after the last that lasts, and leave later ones.
    """
    for text in folder.journal.read_bytes()[reading.length :].split(b"\n")[1:]:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            record = decoded(text, Record)
            if lasts(record.event) or not rebooted:
                raise CorruptRun(
                    f"{folder.journal} is damaged: {reading.flaw}, yet record {record.seq} stands behind it"
                )


def _check_equal(folder: RunFolder, state: RunState) -> None:
    if encode(state) != folder.run_state.read_bytes():
        raise CorruptRun(f"{folder.run_state} is not what record {state.journal_seq} of the journal folds to")


def drafts(folder: RunFolder) -> tuple[Path, ...]:
    """The half-written records of a process that was killed."""
    found = folder.root.rglob(f"{TEMPORARY_PREFIX}*")
    # What a person supplied, and what lies in a packet because of it, may bear any name.
    supplied = {"external_evidence", "packet"}
    return tuple(path for path in found if supplied.isdisjoint(path.relative_to(folder.root).parts))


def settle(folder: RunFolder, loaded: Loaded) -> None:
    """Cuts what is no record off the journal and saves the state: what must happen before anything else does.

    Half-written records of a process that was killed go too.
    """
    for draft in drafts(folder):
        draft.unlink()
    if loaded.cut:
        cut(folder.journal, loaded.length)
    if loaded.redone or loaded.rebuilt or loaded.dropped:
        save(folder, loaded.state, durable=True)
