"""The gates of a run as its views show them: what stands, who said so, how far that can be trusted.

Not here: recording a decision; see `commands/gate.py`.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.gate_evidence import changed
from verger_kernel.remembered import Source, gates
from verger_kernel.rules.gates import EvidenceFile
from verger_probes.decoding import decoded


class GateView(msgspec.Struct, frozen=True, kw_only=True):
    """A gate of the run; `assurance` says how far `by` can be trusted, before a decision what it will be.

    `evidence_changed` names the files of the decision that are no longer what they were then.
    """

    item: str
    attempt: int
    status: str
    by: str
    assurance: str
    evidence_changed: tuple[str, ...] = ()


class _Decided(msgspec.Struct, frozen=True):
    by: str
    assurance: str
    evidence: tuple[EvidenceFile, ...]


class _GateFile(msgspec.Struct, frozen=True):
    """As much of `manual_gate.json` as is shown."""

    item_id: str
    attempt: int
    status: str
    asked: _Decided
    decision: _Decided | None

    @property
    def said(self) -> _Decided:
        """The decision; before it, what is asked."""
        return self.decision or self.asked


def gates_of(folder: RunFolder) -> tuple[GateView, ...]:
    """Every gate of the run, in the order of their paths."""
    return tuple(
        GateView(
            item=record.item_id,
            attempt=record.attempt,
            status=record.status,
            by=record.said.by,
            assurance=record.said.assurance,
            evidence_changed=changed(record.said.evidence),
        )
        for record in _read(folder)
    )


def papers_of(folder: RunFolder) -> list[Source] | None:
    """What `gates_of` rests on; None when a decision names files, which are read whole each time."""
    if any(record.said.evidence for record in _read(folder)):
        return None
    items = _items(folder)
    return [("gates", items), *(("file", path) for path in gates(items))]


def _read(folder: RunFolder) -> Iterator[_GateFile]:
    for path in gates(_items(folder)):
        # It is a projection: the journal has the decision, and the next step of the run writes it again.
        with suppress(OSError, UnicodeDecodeError, msgspec.DecodeError):
            yield decoded(read_file(Path(path)), _GateFile)


def _items(folder: RunFolder) -> str:
    return str(folder.item("*").parent)
