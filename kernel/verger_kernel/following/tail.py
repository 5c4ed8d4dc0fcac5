"""The journal of a run that somebody else may be writing, read on from where the last look ended.

Not here: what is said of a record; see `lines.py`. Nothing is cut, mended or held: a driver at work is not disturbed.
"""

import os

import msgspec

from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.lines import Step
from verger_kernel.rules.budgets import Overspent
from verger_kernel.rules.chain import GENESIS, MACHINE_VERSION, Record
from verger_kernel.rules.machine import fold
from verger_kernel.rules.state import RunState
from verger_kernel.rules.step import IllegalEvent
from verger_probes.decoding import decoder
from verger_probes.locks import is_held

_decoder = decoder(Record)


class Tail:
    """The journal as far as it was read. `state` is the run after the last step, `flaw` why reading cannot go on.

    A last line that is not whole yet is left for the next look. What stands in the place of a record and is none may be
    a write that was cut off, which resume removes: each look tries it again.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._offset = 0
        self._head = GENESIS
        self.state: RunState | None = None
        self.flaw = ""

    def steps(self) -> list[Step]:
        """The steps since the last look, oldest first. Raises OSError when the journal cannot be read."""
        found: list[Step] = []
        self.flaw = ""
        for line in self._more():
            step = self._step(line)
            if step is None:
                break
            found.append(step)
            self._offset += len(line)
        return found

    def is_driven(self) -> bool:
        """Whether a process holds the run now."""
        return is_held(self._folder.run_lock)

    def _more(self) -> list[bytes]:
        descriptor = os.open(self._folder.journal, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_size < self._offset:
                self.flaw = f"{self._folder.journal} is shorter than it was"
                return []
            file.seek(self._offset)
            return [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]

    def _step(self, line: bytes) -> Step | None:
        seq = self.state.journal_seq + 1 if self.state else 1
        try:
            record = _decoder.decode(line)
            if (record.seq, record.prev) != (seq, self._head):
                raise ValueError("it does not follow the record before it")
            if record.machine_version != MACHINE_VERSION:
                raise ValueError(f"it is of machine version {record.machine_version}")
            before, after = self.state, fold((record,), self.state)
        except (
            msgspec.DecodeError,
            ValueError,
            IllegalEvent,
            Overspent,
            AssertionError,
            KeyError,
            RecursionError,
        ) as error:
            self.flaw = f"{self._folder.journal}: record {seq} cannot be followed: {error}"
            return None
        self.state, self._head = after, record.hash
        return Step(before, record.event, after)
