"""The saved files of one run, as its supervisor reads them: what they name, and what happened since the last look.

Not here: what follows from it (`rules/supervision.py`). Nothing of a run's own is written.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from verger_daemon.rules.watch_events import RunRead
from verger_kernel.disk.layout import RunFolder, StateFolder
from verger_kernel.following.lines import Step
from verger_kernel.following.tail import Tail
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import InvocationEnded
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.saved import SavedState, decode, goes_on
from verger_probes.records import RecordRefused, read_record
from verger_probes.rules.liveness import Rest

_Mark = tuple[int, int, int, int] | None
"""What tells a file from another one and from itself with other bytes: device, number, size, ctime; None for none."""

_LOOKS_MAX = 5
"""How often files that change while they are read are read again, before the next reading is left to do it."""


def run_folder(root: Path) -> RunFolder:
    """The paths of the run whose folder is `root`."""
    return StateFolder(root.parent.parent).run(RunId(root.name))


class Observer:
    """Reads one run. Steps of its journal are found once, and handed out by `steps`."""

    def __init__(self, root: Path) -> None:
        self.folder = run_folder(root)
        self._tail = Tail(self.folder)
        # Looked up for each answer of the kernel and for each status: paths are made once.
        self._state, self._journal = os.fspath(self.folder.run_state), os.fspath(self.folder.journal)
        self._named: tuple[tuple[_Mark, _Mark], str] = ((None, None), "-;-")
        """What stood there at the last look, and what names it: drawn once, for it is asked for far more often."""
        self._heads: list[bytes] = []
        self._whole = ""
        """The journal's name when all of it was read last."""
        self._codes: dict[str, int] = {}
        self._found: list[Step] = []

    def files(self) -> str:
        """What names the very files that stand there now: another text, other files or other bytes."""
        named, marks = self._named, (_mark(self._state), _mark(self._journal))
        if named[0] != marks:
            named = self._named = (marks, ";".join(map(_name, marks)))
        return named[1]

    def steps(self) -> list[Step]:
        """The steps that were read and not handed out yet, oldest first."""
        found, self._found = self._found, []
        return found

    def read(self, number: int, seqs: Sequence[int], invocation: str) -> RunRead:
        """Reading `number`; see RunRead. Reads from the disk: not for the loop."""
        for _ in range(_LOOKS_MAX):
            before = self.files()
            found = self._read(number, seqs, invocation)
            if self.files() == before:
                return msgspec.structs.replace(found, files=before)
        return RunRead(number=number, flaw="run_state_unsteady")

    def _read(self, number: int, seqs: Sequence[int], invocation: str) -> RunRead:
        try:
            data = read_record(self.folder.run_state)
            saved = decode(data)
        except FileNotFoundError:
            return RunRead(number=number, flaw="run_state_missing")
        except (OSError, RecordRefused, msgspec.DecodeError, UnicodeDecodeError):
            return RunRead(number=number, flaw="run_state_unreadable")
        if saved.run_id != self.folder.root.name:
            return RunRead(number=number, flaw="run_state_of_another_run")
        flaw = self._go_on()
        if flaw:
            return RunRead(number=number, flaw=flaw)
        return RunRead(
            number=number,
            state_seq=saved.journal_seq,
            state_head=saved.journal_head,
            run_state_sha256=hashlib.sha256(data).hexdigest(),
            journal_head=self._head(saved.journal_seq),
            heads=tuple(map(self._head, seqs)),
            rest=_rest(saved),
            ended_code=self._codes.get(invocation),
        )

    def _go_on(self) -> str:
        """Reads the journal on; why that cannot be, or empty."""
        try:
            steps = self._tail.steps()
        except FileNotFoundError:
            return "journal_missing"
        except OSError:
            return "journal_unreadable"
        for step in steps:
            self._heads.append(bytes.fromhex(step.after.journal_head))
            if isinstance(step.event, InvocationEnded):
                self._codes[step.event.invocation] = step.event.code
        self._found += steps
        flawed = self._tail.flaw or (not steps and self._is_another())
        return "journal_flawed" if flawed else ""

    def _is_another(self) -> bool:
        """Whether a journal that was touched and has not grown tells another story now; it is read from its start."""
        named = _name(_mark(self._journal))
        if named == self._whole:
            return False
        records = read(self.folder.journal.read_bytes()).records[: len(self._heads)]
        if [bytes.fromhex(record.hash) for record in records] != self._heads:
            return True
        self._whole = named
        return False

    def _head(self, seq: int) -> str:
        return self._heads[seq - 1].hex() if 0 < seq <= len(self._heads) else ""


def _mark(path: str) -> _Mark:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path takes four times as long to look
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns


def _name(mark: _Mark) -> str:
    return ":".join(map(str, mark)) if mark else "-"


def _rest(saved: SavedState) -> Rest:
    match saved.stage:
        case s.AwaitingGate() | s.BlockedExternal():
            return "waiting"
        case s.Escalated():
            return "terminal"
        case _ if saved.park and not saved.invocation:
            return "waiting"
        case s.Idle() if not goes_on(saved):
            return "terminal"
        case _:
            return ""
