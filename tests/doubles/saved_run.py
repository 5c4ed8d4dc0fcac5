"""A run folder on disk, written from a run that was walked event by event.

Not here: whole runs of the real kernel; see `workplace.py`.
"""

from pathlib import Path

from tests.doubles.walk import facts, walk

from verger_kernel.disk.layout import RunFolder, StateFolder
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import fold
from verger_kernel.rules.saved import encode

WALK = walk(facts("01", suggested=True), facts("02", gate=True)).rest()
"""A run with an item that passed and one that waits for a person."""


def state_bytes(seq: int) -> bytes:
    """`run_state.json` as it was after `seq` records."""
    return encode(fold(read(WALK.journal).records[:seq]))


def save_run(
    root: Path, seq: int = WALK.seq, *, journal: bytes = WALK.journal, tail: bytes = b""
) -> RunFolder:
    """The run's folder below `root`: its journal with `tail` after it, and the state as saved after `seq` records."""
    folder = StateFolder(root).run(WALK.state.frame.run_id)
    folder.root.mkdir(parents=True, exist_ok=True)
    folder.journal.write_bytes(journal + tail)
    folder.run_state.write_bytes(state_bytes(seq))
    return folder
