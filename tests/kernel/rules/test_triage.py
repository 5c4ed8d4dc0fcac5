"""The ruling, case by case: what a proposal can add to the rule, and what it cannot take away.

Not here: what the run does with a ruling; see test_judgement.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.walk import mark

from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import Category, Severity
from verger_kernel.rules.triage import Case, Ruling, rule

PROPOSALS = ("", "pass", "fix_required", "awaiting_human_gate", "blocked_external", "escalate")
HARMLESS = mark("harmless", blocking=False, severity="low")
PERSONAL = mark("personal", category="manual_gate")
OUTSIDE = mark("outside", category="external_dependency")


def ruling(
    *findings: FindingMark,
    unresolved: int = 0,
    gate: bool = False,
    proposal: str = "",
    dismissed: tuple[str, ...] = (),
) -> Ruling:
    return rule(
        Case(findings=findings, unresolved=unresolved, gate=gate, proposal=proposal, dismissed=dismissed)
    )


def test_nothing_found_passes_or_goes_to_the_gate() -> None:
    assert ruling().kind == "pass"
    assert ruling(gate=True).kind == "gate"


def test_a_finding_that_blocks_is_mended() -> None:
    assert (ruling(mark()).kind, ruling(mark()).findings) == ("fix", ("finding_1",))


def test_a_finding_that_does_not_block_is_only_noted() -> None:
    assert ruling(HARMLESS).kind == "pass"


def test_unresolved_items_force_a_fix_and_are_counted() -> None:
    found = ruling(unresolved=2, gate=True, proposal="pass")
    assert found.kind == "fix"
    assert "2 item(s)" in found.why


def test_something_missing_outside_is_waited_for_only_if_it_blocks() -> None:
    assert ruling(OUTSIDE, mark()).kind == "blocked"
    assert ruling(mark(category="external_dependency", blocking=False)).kind == "pass"


def test_a_person_at_the_gate_answers_what_only_a_person_can() -> None:
    assert ruling(PERSONAL, gate=True).kind == "gate"
    assert ruling(PERSONAL, gate=False).findings == ("finding_personal",)
    assert ruling(PERSONAL, mark(), gate=True).findings == ("finding_1",)


def test_triage_can_ask_for_more_to_be_mended() -> None:
    found = ruling(mark(), HARMLESS, proposal="fix_required")
    assert (found.kind, found.findings) == ("fix", ("finding_1", "finding_harmless"))


def test_triage_that_asks_for_a_fix_of_nothing_needs_a_person() -> None:
    assert ruling(proposal="fix_required").kind == "escalate"
    assert ruling(mark(), proposal="fix_required", dismissed=("finding_1",)).kind == "escalate"


def test_triage_can_ask_for_a_person_or_for_something_outside() -> None:
    assert ruling(mark(), proposal="escalate").kind == "escalate"
    assert ruling(mark(), proposal="blocked_external").kind == "blocked"


def test_triage_finds_a_gate_only_where_the_playbook_declares_one() -> None:
    assert ruling(proposal="awaiting_human_gate", gate=True).kind == "gate"
    assert ruling(proposal="awaiting_human_gate").kind == "escalate"


def test_a_dismissal_of_something_nobody_found_changes_nothing() -> None:
    assert ruling(mark(), proposal="pass", dismissed=("finding_9",)).kind == "fix"


marks = st.builds(
    FindingMark,
    finding_id=st.sampled_from(["f1", "f2", "f3", "f4"]),
    severity=st.sampled_from(Severity.__args__),
    category=st.sampled_from(Category.__args__),
    is_blocking=st.booleans(),
    sources=st.just(("audit-a",)),
)
cases = st.builds(
    Case,
    findings=st.lists(marks, max_size=4, unique_by=lambda one: one.finding_id).map(tuple),
    unresolved=st.integers(0, 2),
    gate=st.booleans(),
    proposal=st.sampled_from(PROPOSALS),
    dismissed=st.lists(st.sampled_from(["f1", "f2", "f3"]), max_size=3).map(tuple),
)


def left_open(case: Case) -> list[FindingMark]:
    """The blocking findings of a case that nobody dismissed and that no gate will answer."""
    return [
        one
        for one in case.findings
        if one.is_blocking
        and one.finding_id not in case.dismissed
        and not (case.gate and one.category == "manual_gate")
    ]


@given(cases)
def test_no_proposal_passes_what_is_left_open(case: Case) -> None:
    if rule(case).kind in ("pass", "gate"):
        assert left_open(case) == []
        assert case.unresolved == 0


@given(cases)
def test_a_gate_is_never_skipped_and_never_made_up(case: Case) -> None:
    assert rule(case).kind != ("pass" if case.gate else "gate")


@given(cases)
def test_a_fix_names_every_blocking_finding_and_no_dismissed_one(case: Case) -> None:
    found = rule(case)
    if found.kind == "fix":
        assert {one.finding_id for one in left_open(case)} <= set(found.findings)
        assert set(found.findings).isdisjoint(case.dismissed)


@pytest.mark.parametrize("proposal", PROPOSALS[1:])
@given(case=cases)
def test_a_proposal_that_dismisses_nothing_is_never_milder_than_the_rule(proposal: str, case: Case) -> None:
    weight = {"pass": 0, "gate": 0, "fix": 1, "blocked": 2, "escalate": 2}
    alone = rule(Case(findings=case.findings, unresolved=case.unresolved, gate=case.gate))
    proposed = rule(
        Case(findings=case.findings, unresolved=case.unresolved, gate=case.gate, proposal=proposal)
    )
    assert weight[proposed.kind] >= weight[alone.kind]
