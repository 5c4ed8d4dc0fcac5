"""A finding reduced to what decides: its id, weight and sources. The words stay in the reports.

Not here: the words, and how lanes are merged; see `findings.py`.
"""

import msgspec

from verger_kernel.rules.packs import Category, Severity


class FindingMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One finding as the machine sees it; `sources` are sorted: `audit-a`, `audit-b`, `verification`, `worker`.

    `keys` are digests, sorted: marks that share one are about the same defect, whoever says it in which words.
    """

    finding_id: str
    severity: Severity
    category: Category
    is_blocking: bool
    sources: tuple[str, ...]
    keys: tuple[str, ...] = ()
