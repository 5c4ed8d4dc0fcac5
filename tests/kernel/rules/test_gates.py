"""What a decision is bound to.

Not here: what follows from one; see test_judgement.py.
"""

import pytest
from msgspec.structs import replace
from tests.doubles.walk import digest, object_id

from verger_kernel.rules.gates import Decision, EvidenceFile, StaleDecision, must_match

ASKED = Decision(
    outcome="approved",
    by="",
    note="",
    evidence=(),
    assurance="recorded",
    item="01",
    attempt=1,
    gate_nonce="0" * 32,
    run_branch="orchestrator/run/1",
    old=object_id("old"),
    new=object_id("new"),
    tree=object_id("tree"),
    packet=digest("packet"),
)
FREE = {
    "outcome": "rejected",
    "by": "Ada",
    "note": "seen",
    "evidence": (EvidenceFile(path="/shot.png", sha256=digest("shot")),),
    "assurance": "peer",
}


def test_a_person_is_free_in_what_they_say() -> None:
    must_match(replace(ASKED, **FREE), ASKED)


@pytest.mark.parametrize("field", sorted(set(Decision.__struct_fields__) - set(FREE)))
def test_a_decision_is_bound_to_everything_else(field: str) -> None:
    other = 2 if field == "attempt" else "other"
    with pytest.raises(StaleDecision) as caught:
        must_match(replace(ASKED, **{field: other}), ASKED)
    message = str(caught.value)
    assert field in message
    assert repr(other) in message
    assert repr(getattr(ASKED, field)) in message
