"""What the change did to the test surface, reduced to what decides. The words stay in the report.

Not here: the report; see `report.py`.
"""

import msgspec

from verger_kernel.rules.ids import Digest
from verger_kernel.rules.marks import FindingMark


class SurfaceMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`held_out`: test surface was changed that no person approved. `may_shrink`: all that was changed or deleted was.

    Approved is what the item's deliverable names. `findings` may be dismissed by triage; `report` digests the report.
    """

    held_out: bool
    may_shrink: bool
    findings: tuple[FindingMark, ...]
    report: Digest
