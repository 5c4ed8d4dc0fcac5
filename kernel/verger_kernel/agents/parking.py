"""The park note that an agent wrote in the place of its report, read.

Not here: what stands in it (`rules/packs.py`), and what follows from it (`rules/parks.py`).
"""

from pathlib import Path

import msgspec

from verger_kernel.agents.outcome import Parked, one_line, read_plain
from verger_kernel.rules.now import from_iso
from verger_kernel.rules.packs import ParkNote, ReportRefused
from verger_probes.decoding import decoded


def parked(report_path: Path) -> Parked | None:
    """What the file says if it is a park note; None for everything else, which a report may be."""
    try:
        data = read_plain(report_path)
        note = decoded(data, ParkNote) if data else None
        if note is None:
            return None
        resets = from_iso(note.resets_at_utc) if note.resets_at_utc else None
    except (ReportRefused, msgspec.DecodeError, ValueError):
        return None
    return Parked(note.cause, one_line(note.why), resets)
