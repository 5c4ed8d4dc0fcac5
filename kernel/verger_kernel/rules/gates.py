"""A person's decision on an item, bound to what was decided.

Not here: who may record one; only `commands/gate.py` does, and no effect leads there.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.ids import Digest, ObjectId

Assurance = Literal["recorded", "peer", "signed"]


class EvidenceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file that was shown to the decider, by digest."""

    path: str
    sha256: Digest


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was decided, by whom, about exactly which result.

    `assurance` is said truthfully: `recorded` is free text that any process of the user could have written.
    """

    outcome: Literal["approved", "rejected"]
    by: str
    note: str
    evidence: tuple[EvidenceFile, ...]
    assurance: Assurance
    item: str
    attempt: int
    gate_nonce: str
    run_branch: str
    old: ObjectId
    new: ObjectId
    tree: ObjectId
    packet: Digest


class StaleDecision(ValueError):
    """A decision about something other than what the gate now asks; `str()` names the field."""


def must_match(decision: Decision, asked: Decision) -> None:
    """Raises StaleDecision unless `decision` is bound to everything that `asked` is bound to."""
    for field in ("item", "attempt", "gate_nonce", "run_branch", "old", "new", "tree", "packet"):
        given, wanted = getattr(decision, field), getattr(asked, field)
        if given != wanted:
            raise StaleDecision(f"the decision is about {field} {given!r}, the gate asks about {wanted!r}")
