"""The map of the run machine: every way that it draws is walked, and no other is taken.

Not here: why a way is taken; see test_pipeline.py and test_judgement.py.
"""

import pytest
from msgspec.structs import replace
from tests.doubles.walk import Walk, broken, broken_before, facts, frame, mark, object_id, walk

from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import advance
from verger_kernel.rules.step import IllegalEvent
from verger_kernel.rules.transitions import RUN_EVENTS, TRANSITIONS, allowed

Way = tuple[type[s.Stage], type[e.Event], type[s.Stage]]
STAGES = tuple(TRANSITIONS)


def opening_leads_to_rest() -> Walk:
    made = Walk()
    made.start()
    return made.rest()


def opening_leads_to_a_wait_for_evidence() -> Walk:
    return walk(facts(evidence=True)).rest()


def an_item_passes_and_the_next_begins() -> Walk:
    return walk(facts("01", suggested=True), facts("02")).rest()


def an_item_passes_and_the_next_waits_for_evidence() -> Walk:
    return walk(facts("01"), facts("02", evidence=True)).rest()


def a_worker_is_blocked_by_something_outside() -> Walk:
    made = walk().until(s.Working)
    made.answer(verdict="blocked_external")
    return made


def a_worker_is_blocked() -> Walk:
    made = walk().until(s.Working)
    made.answer(verdict="blocked")
    return made


def verification_fails_until_the_budget_is_used_up() -> Walk:
    return walk().rest(broken)


def a_required_command_was_broken_before() -> Walk:
    return walk(facts(shared=("make test",))).rest(broken_before)


def a_person_moves_a_run(made: Walk) -> Walk:
    made.tell(e.RunRetargeted(branch="orchestrator/run-refresh/1", tip=object_id("merged")))
    return made


def a_person_moves_a_run_at_rest() -> Walk:
    return a_person_moves_a_run(walk().rest())


def a_person_moves_a_run_that_waits() -> Walk:
    return a_person_moves_a_run(a_worker_is_blocked_by_something_outside())


def a_person_moves_a_run_that_was_escalated() -> Walk:
    return a_person_moves_a_run(a_worker_is_blocked())


def a_lane_finds_something_to_mend() -> Walk:
    made = walk().until(s.Auditing)
    made.answer(findings=(mark(),), verdict="issues_found")
    made.answer()
    return made.rest()


def a_lane_finds_something_outside_missing() -> Walk:
    made = walk().until(s.Auditing)
    made.answer(findings=(mark(category="external_dependency"),), verdict="issues_found")
    return made.rest()


def what_earlier_trials_told_was_changed() -> Walk:
    made = walk(facts(suggested=True)).until(s.Verifying)
    made.answer()
    (commands,) = made.state.outstanding
    made.tell(e.PacketRefused(commands.id, changed=("verification_report.json",)))
    return made.rest()


def what_was_kept_was_changed() -> Walk:
    made = walk().until(s.Freezing)
    (freeze,) = made.state.outstanding
    made.tell(e.PacketRefused(freeze.id, changed=("worker_report.json",)))
    return made.rest()


def a_lane_is_inconclusive() -> Walk:
    made = walk().until(s.Auditing)
    made.answer(verdict="inconclusive")
    return made.rest()


def a_gate_is_approved() -> Walk:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("approved")
    return made.rest()


def a_gate_is_rejected() -> Walk:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("rejected")
    return made


def triage_passes() -> Walk:
    return walk(triage_agent=True).rest()


def triage_sends_to_the_gate() -> Walk:
    return walk(facts(gate=True), triage_agent=True).until(s.AwaitingGate)


def triage_sends_back() -> Walk:
    made = walk(triage_agent=True).until(s.Auditing)
    made.answer(findings=(mark(),), verdict="issues_found")
    return made.until(s.Triaging).rest()


def triage_says_that_something_outside_is_missing() -> Walk:
    made = walk(triage_agent=True).until(s.Triaging)
    made.answer(decision="blocked_external")
    return made


def triage_asks_for_a_person() -> Walk:
    made = walk(triage_agent=True).until(s.Triaging)
    made.answer(decision="escalate")
    return made


def somebody_else_moved_the_run_branch() -> Walk:
    made = walk().until(s.Closing)
    made.tell(e.CloseRefused(effect=made.state.outstanding[0].id, found="elsewhere"))
    return made


def an_invocation_finds_nothing_to_do() -> Walk:
    made = opening_leads_to_rest()
    made.end()
    made.start(kind="resume")
    return made


def an_invocation_begins_an_item() -> Walk:
    made = an_invocation_finds_nothing_to_do()
    made.start("01", kind="resume")
    return made


def an_invocation_begins_an_item_that_waits() -> Walk:
    made = Walk(frame(facts(evidence=True)))
    made.start()
    made.rest().end()
    made.start("01", kind="resume")
    return made


def a_resume_still_brings_no_evidence() -> Walk:
    made = opening_leads_to_a_wait_for_evidence()
    made.end()
    made.start(kind="resume")
    return made


def a_resume_brings_evidence() -> Walk:
    made = a_resume_still_brings_no_evidence()
    made.end()
    made.start(kind="resume", evidence="/evidence")
    return made


def a_resume_takes_up_what_was_escalated() -> Walk:
    made = a_worker_is_blocked()
    made.end()
    made.start(kind="resume")
    return made


def a_resume_of_what_was_escalated_lacks_evidence() -> Walk:
    made = a_resume_brings_evidence().until(s.Working)
    made.answer(verdict="blocked")
    made.end()
    made.start(kind="resume")
    return made


WALKS = (
    an_invocation_finds_nothing_to_do,
    an_invocation_begins_an_item,
    an_invocation_begins_an_item_that_waits,
    a_resume_still_brings_no_evidence,
    a_resume_brings_evidence,
    a_resume_takes_up_what_was_escalated,
    a_resume_of_what_was_escalated_lacks_evidence,
    opening_leads_to_rest,
    opening_leads_to_a_wait_for_evidence,
    an_item_passes_and_the_next_begins,
    an_item_passes_and_the_next_waits_for_evidence,
    a_worker_is_blocked_by_something_outside,
    a_worker_is_blocked,
    verification_fails_until_the_budget_is_used_up,
    a_required_command_was_broken_before,
    a_person_moves_a_run_at_rest,
    a_person_moves_a_run_that_waits,
    a_person_moves_a_run_that_was_escalated,
    a_lane_finds_something_to_mend,
    a_lane_finds_something_outside_missing,
    what_earlier_trials_told_was_changed,
    what_was_kept_was_changed,
    a_lane_is_inconclusive,
    a_gate_is_approved,
    a_gate_is_rejected,
    triage_passes,
    triage_sends_to_the_gate,
    triage_sends_back,
    triage_says_that_something_outside_is_missing,
    triage_asks_for_a_person,
    somebody_else_moved_the_run_branch,
)


def drawn() -> set[Way]:
    """Every way that the map draws, those by which an invocation leads on included."""
    maps = {stage: dict(events) for stage, events in TRANSITIONS.items()}
    for event, sources in RUN_EVENTS.items():
        for stage, targets in sources.items():
            maps[stage][event] = targets
    return {
        (source, event, target)
        for source, events in maps.items()
        for event, targets in events.items()
        for target in targets
    }


def test_every_way_of_the_map_is_walked_and_no_other() -> None:
    walked = {way for take in WALKS for way in take().trail}
    assert drawn() - walked == set(), "drawn, but nothing leads there"
    stays = {(stage, event, stage) for stage in STAGES for event in RUN_EVENTS}
    assert walked - drawn() - stays == set(), "taken, but not on the map"


def test_the_map_knows_every_stage_and_every_event() -> None:
    assert set(TRANSITIONS) == set(s.Stage.__args__)
    known = set(RUN_EVENTS) | {event for events in TRANSITIONS.values() for event in events}
    assert known | {e.RunCreated} == set(e.Event.__args__)


def test_an_invocation_leads_on_only_from_rest_or_from_a_stop() -> None:
    leading = {stage for stage in STAGES if set(allowed(stage, e.InvocationStarted)) != {stage}}
    assert leading == {s.Idle, s.BlockedExternal, s.Escalated}


@pytest.mark.parametrize("event", [e.InvocationEnded, e.AgentStarted, e.EffectFailed])
@pytest.mark.parametrize("stage", STAGES)
def test_what_concerns_the_whole_run_leaves_the_stage(stage: type[s.Stage], event: type[e.Event]) -> None:
    assert allowed(stage, event) == (stage,)


def standing_in(stage: type[s.Stage]) -> Walk:
    """A run that stands in `stage`."""
    for take in WALKS:
        made = take()
        if isinstance(made.stage, stage):
            return made
    return walk(facts(gate=stage is s.OpeningGate), triage_agent=stage is s.Triaging).until(stage)


def samples() -> dict[type[e.Event], e.Event]:
    """One event of each type that the walks journalled."""
    return {type(record.event): record.event for take in WALKS for record in read(take().journal).records}


@pytest.mark.parametrize("stage", STAGES)
def test_an_event_that_the_stage_does_not_know_is_illegal(stage: type[s.Stage]) -> None:
    made = standing_in(stage)
    before = made.state
    unknown = {kind: event for kind, event in samples().items() if not allowed(stage, kind)}
    assert len(unknown) >= 11
    for kind, event in unknown.items():
        if isinstance(event, e.Answer):
            if not made.state.outstanding:
                continue
            event = replace(event, effect=made.state.outstanding[0].id)
        with pytest.raises(IllegalEvent, match=f"{stage.__name__} does not know {kind.__name__}"):
            made.tell(event)
    assert made.state == before


def test_a_run_begins_with_its_creation() -> None:
    with pytest.raises(IllegalEvent, match="begins with RunCreated"):
        advance(None, e.InvocationEnded(invocation="1", code=0), Walk().now)
