"""The second half of an item: what two lanes, a triage agent and a person make of a result.

Not here: the ruling itself, case by case; see test_triage.py.
"""

from itertools import permutations

import pytest
from msgspec.structs import replace
from tests.doubles.walk import Walk, facts, mark, poor, walk

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.gates import StaleDecision
from verger_kernel.rules.step import IllegalEvent

FOUND = {"findings": (mark(),), "verdict": "issues_found"}


def stopped(made: Walk) -> s.Escalated:
    """The escalation that the run has come to."""
    assert isinstance(made.stage, s.Escalated)
    assert made.state.outstanding == ()
    return made.stage


def audited(*answers: dict[str, object], gate: bool = False, triage_agent: bool = False) -> Walk:
    """A run whose lanes a and b answered so."""
    made = walk(facts(gate=gate), triage_agent=triage_agent).until(s.Auditing)
    for effect, changed in zip(made.state.outstanding, answers, strict=True):
        made.answer(effect, **changed)
    return made


def triaged(gate: bool = False, **proposed: object) -> Walk:
    """A run whose lanes found one blocking thing and whose triage agent proposed this."""
    made = audited(FOUND, {}, gate=gate, triage_agent=True)
    made.answer(**proposed)
    return made


def test_two_lanes_without_findings_pass() -> None:
    assert audited({}, {}).rest().passed == ("01",)


def test_one_lane_alone_decides_nothing() -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    assert made.answer(lane_a, **FOUND) == ()
    assert isinstance(made.stage, s.Auditing)
    assert made.state.outstanding == (lane_b,)


@pytest.mark.parametrize(
    "unusable",
    [
        {"verdict": "inconclusive"},
        {"verdict": "blocked"},
        {"verdict": ""},
        {"verdict": "looks fine"},
        {"problem": "timeout: no answer in 3600 s", "verdict": ""},
        {"packet_intact": False},
    ],
)
@pytest.mark.parametrize("lane", ["a", "b"])
@pytest.mark.parametrize("gate", [False, True])
def test_a_lane_without_a_usable_answer_never_passes(
    unusable: dict[str, object], lane: str, gate: bool
) -> None:
    answers = (unusable, {}) if lane == "a" else ({}, unusable)
    made = audited(*answers, gate=gate, triage_agent=True)
    assert stopped(made).why == "an audit is inconclusive"
    assert [detail.split(":")[0] for detail in stopped(made).details] == [f"lane {lane}"]


def test_one_lane_cannot_answer_for_both() -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    made.answer(lane_a)
    with pytest.raises(IllegalEvent, match="lane a answered twice"):
        made.answer(lane_b, lane="a")


def test_a_lane_without_an_answer_outweighs_what_the_other_found() -> None:
    assert stopped(audited(FOUND, {"verdict": "inconclusive"})).why == "an audit is inconclusive"


def test_the_order_in_which_lanes_come_back_changes_nothing() -> None:
    said = {"a": FOUND, "b": {"findings": (mark("2", source="audit-b"),), "verdict": "issues_found"}}
    stages = []
    for order in permutations("ab"):
        made = walk(triage_agent=True).until(s.Auditing)
        lanes = {effect.lane: effect for effect in made.state.outstanding if isinstance(effect, f.Audit)}
        for lane in order:
            made.answer(lanes[lane], **said[lane])
        stages.append(made.stage)
    assert stages[0] == stages[1]


def test_what_both_lanes_found_is_mended_once() -> None:
    theirs = {"findings": (mark(source="audit-b"), mark("2", source="audit-b")), "verdict": "issues_found"}
    (fix,) = audited(FOUND, theirs).state.outstanding
    assert isinstance(fix, f.RunWorker)
    assert (fix.stage, fix.rework) == ("fix", ("finding_1", "finding_2"))


def test_findings_that_do_not_block_do_not_hold_an_item_up() -> None:
    noted = {"findings": (mark(blocking=False),), "verdict": "issues_found"}
    assert audited(noted, noted).rest().passed == ("01",)


def test_what_the_worker_left_unresolved_is_mended_even_if_nobody_found_anything() -> None:
    made = walk(facts(gate=True)).until(s.Working)
    made.answer(unresolved=2)
    made.until(s.Auditing)
    made.answer()
    (fix,) = made.answer()
    assert isinstance(fix, f.RunWorker)
    assert (fix.stage, fix.round, fix.rework) == ("fix", 1, ())


def test_what_the_worker_leaves_to_the_person_at_the_gate_reaches_the_gate() -> None:
    made = walk(facts(gate=True)).until(s.Working)
    made.answer(verdict="needs_human_input", unresolved=1)
    made.until(s.Auditing)
    made.answer()
    made.answer()
    assert isinstance(made.stage, s.OpeningGate)


def test_a_failed_suggestion_is_mended_only_if_triage_asks_for_it() -> None:
    for decision, stage in (("pass", s.Closing), ("fix_required", s.Working)):
        made = walk(facts(suggested=True), triage_agent=True)
        made.verify(poor)
        made.until(s.Triaging).answer(decision=decision)
        assert isinstance(made.stage, stage)


def test_something_missing_outside_is_waited_for() -> None:
    outside = {"findings": (mark(category="external_dependency"),), "verdict": "issues_found"}
    assert isinstance(audited(outside, {}).stage, s.BlockedExternal)


def test_triage_weighs_what_both_lanes_found_on_the_packet_they_read() -> None:
    made = audited(FOUND, {}, triage_agent=True)
    assert isinstance(made.stage, s.Triaging)
    (triage,) = made.state.outstanding
    assert isinstance(triage, f.Triage)
    assert triage.packet == made.stage.packet
    assert made.stage.findings == (mark(),)


def test_triage_cannot_wave_a_finding_through() -> None:
    made = triaged(decision="pass")
    assert isinstance(made.stage, s.Working)
    assert made.stage.rework == ("finding_1",)


def test_triage_cannot_send_an_open_finding_to_the_gate() -> None:
    assert isinstance(triaged(gate=True, decision="awaiting_human_gate").stage, s.Working)


def test_triage_can_dismiss_a_finding() -> None:
    assert triaged(decision="pass", dismissed=("finding_1",)).rest().passed == ("01",)


def test_triage_cannot_skip_the_gate() -> None:
    made = triaged(gate=True, decision="pass", dismissed=("finding_1",)).rest()
    assert isinstance(made.stage, s.AwaitingGate)


def test_triage_cannot_make_up_a_gate() -> None:
    made = triaged(decision="awaiting_human_gate", dismissed=("finding_1",))
    assert "does not declare" in stopped(made).why


def test_triage_without_an_answer_is_escalated() -> None:
    assert "silence" in stopped(triaged(problem="silence", decision="")).why


def test_a_gate_asks_about_exactly_the_result() -> None:
    made = walk(facts(gate=True)).until(s.OpeningGate)
    opening = made.stage
    assert isinstance(opening, s.OpeningGate)
    made.answer(nonce="0123")
    assert isinstance(made.stage, s.AwaitingGate)
    asked = made.stage.asked
    assert (asked.item, asked.attempt, asked.gate_nonce) == ("01", 1, "0123")
    assert (asked.run_branch, asked.old, asked.new) == (
        made.state.frame.run_branch,
        made.state.tip,
        opening.spot.tip,
    )
    assert (asked.tree, asked.packet) == (opening.tree, opening.packet)
    assert (asked.by, asked.note, asked.evidence) == ("", "", ())


def test_an_approval_closes_the_item_and_stands_in_the_ledger() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("approved")
    assert isinstance(made.stage, s.Closing)
    (entry,) = made.rest().state.passed
    assert entry.decision is not None
    assert (entry.decision.outcome, entry.decision.by, entry.decision.new) == (
        "approved",
        "Ada",
        entry.commit,
    )


def test_a_rejection_escalates_with_who_and_why() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("rejected")
    assert "Ada" in stopped(made).why
    assert "seen" in stopped(made).why
    decision = stopped(made).decision
    assert decision is not None
    assert decision.outcome == "rejected"
    assert made.passed == ()


def test_a_rejection_is_forgotten_with_its_attempt() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("rejected")
    made.end()
    made.start(kind="resume")
    made.until(s.Auditing)
    made.answer(verdict="inconclusive")
    made.answer()
    assert stopped(made).decision is None


@pytest.mark.parametrize(
    "field", ["item", "attempt", "gate_nonce", "run_branch", "old", "new", "tree", "packet"]
)
@pytest.mark.parametrize("outcome", ["approved", "rejected"])
def test_a_decision_about_something_else_is_stale_and_changes_nothing(field: str, outcome: str) -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    before = made.state
    assert isinstance(made.stage, s.AwaitingGate)
    other = 2 if field == "attempt" else "other"
    decision = replace(made.stage.asked, outcome=outcome, by="Ada", note="seen", **{field: other})
    with pytest.raises(StaleDecision, match=field):
        made.tell(e.GateDecided(decision=decision))
    assert made.state == before


def test_a_decision_of_an_earlier_attempt_is_stale() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    assert isinstance(made.stage, s.AwaitingGate)
    earlier = replace(made.stage.asked, by="Ada", note="seen")
    made.decide("rejected")
    made.end()
    made.start(kind="resume")
    made.until(s.AwaitingGate)
    with pytest.raises(StaleDecision):
        made.tell(e.GateDecided(decision=earlier))


def test_a_run_branch_that_somebody_moved_escalates_and_says_where_it_is() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide()
    made.tell(e.CloseRefused(effect=made.state.outstanding[0].id, found="abc"))
    assert "moved by somebody else, to abc" in stopped(made).why
    assert made.passed == ()
    assert made.state.tip == made.state.frame.base_commit


def test_a_run_branch_that_is_gone_is_said_to_be_nothing() -> None:
    made = walk().until(s.Closing)
    made.tell(e.CloseRefused(effect=made.state.outstanding[0].id, found=""))
    assert stopped(made).why.endswith("to nothing")
