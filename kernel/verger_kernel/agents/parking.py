"""The park note: what an agent writes in the place of its report when it cannot go on and is not to blame.

Not here: what follows from it; see `rules/parks.py`.
"""

from pathlib import Path
from typing import Literal

import msgspec

from verger_kernel.agents.outcome import Parked, one_line, read_plain
from verger_kernel.rules.now import from_iso
from verger_kernel.rules.packs import ReportRefused
from verger_kernel.rules.parks import Cause
from verger_probes.decoding import decoded


class ParkNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in the file. `resets_at_utc` is ISO-8601 in UTC, empty when the agent does not know."""

    schema_version: Literal["verger.park.v1"]
    cause: Cause
    why: str
    resets_at_utc: str = ""


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
