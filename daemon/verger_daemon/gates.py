"""The gates that wait for a person: which they are, what is asked, and what a person types to decide.

Not here: deciding. No method of the daemon does; `verger mark-manual-gate` is typed by a person.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from verger_daemon.observer import run_folder
from verger_daemon.protocol import gate_messages as m
from verger_daemon.roster import OnRecord
from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.kinds import PER_RECORD
from verger_kernel.rules import state as s
from verger_kernel.rules.saved import SavedState, decode
from verger_kernel.snapshot import table_of
from verger_probes.records import RecordRefused, read_record


def gate_of(folder: RunFolder, directory: str) -> m.GateShowResult | None:
    """The gate that the run in `folder` waits at; None when it waits at none, or cannot be read."""
    saved = _saved(folder)
    if saved is None or not isinstance(saved.stage, s.AwaitingGate):
        return None
    asked, spot = saved.stage.asked, saved.stage.spot
    decide = f"verger mark-manual-gate {saved.run_id} --item {spot.item} --gate-nonce {asked.gate_nonce}"
    commands = tuple(f"{decide} --decision {word} --by NAME --note TEXT" for word in ("approved", "rejected"))
    look = f"git diff {asked.old} {asked.new}"
    words = (f"run {saved.run_id} asks about item {spot.item}", f"look     {look}", *commands)
    return m.GateShowResult(
        run_id=saved.run_id,
        directory=directory,
        item_id=spot.item,
        attempt=spot.attempt,
        assurance=asked.assurance,
        gate_nonce=asked.gate_nonce,
        old=asked.old,
        new=asked.new,
        commands=commands,
        text="\n".join(words),
    )


def gates_listed(kept: Iterable[OnRecord]) -> m.GateListResult:
    """The gates at which runs on record wait, the newest run first."""
    found = [gate_of(run_folder(Path(one.run_root)), one.directory) for one in kept if one.run_root]
    rows = tuple(
        m.GateRow(**{name: getattr(gate, name) for name in m.GateRow.__struct_fields__})
        for gate in found
        if gate
    )
    if not rows:
        return m.GateListResult(gates=(), text="no gates wait")
    lines = [("RUN", "ITEM", "ATTEMPT", "DIRECTORY")]
    lines += [(row.run_id, row.item_id, str(row.attempt), row.directory) for row in rows]
    return m.GateListResult(gates=rows, text=table_of(lines))


def last_line(folder: RunFolder) -> int:
    """The greatest number that a line of the saved journal can have; 0 where nothing can be read."""
    saved = _saved(folder)
    return (saved.journal_seq + 1) * PER_RECORD - 1 if saved else 0


def _saved(folder: RunFolder) -> SavedState | None:
    try:
        return decode(read_record(folder.run_state))
    except (OSError, RecordRefused, msgspec.DecodeError, UnicodeDecodeError):
        return None
