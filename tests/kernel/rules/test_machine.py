"""What the machine promises of every run: late answers, crashes, invocations and what is counted.

Not here: the steps of one item (test_pipeline.py, test_judgement.py); evidence (test_machine_evidence.py).
"""

import pytest
from msgspec.structs import replace
from tests.doubles.walk import Walk, broken, facts, frame, walk

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.ids import next_try, tries_of
from verger_kernel.rules.machine import fold

STANDING = (
    s.Preparing,
    s.Working,
    s.Checkpointing,
    s.Verifying,
    s.Freezing,
    s.Auditing,
    s.Triaging,
    s.OpeningGate,
    s.Closing,
)


def standing(stage: type[s.Stage]) -> Walk:
    """A run in the first stage of this kind, with something outstanding."""
    return walk(facts(gate=stage is s.OpeningGate), triage_agent=stage is s.Triaging).until(stage)


@pytest.mark.parametrize("stage", STANDING)
def test_a_crash_asks_again_for_exactly_what_was_outstanding(stage: type[s.Stage]) -> None:
    made = standing(stage)
    before = made.state
    again = made.start(kind="resume")
    assert again == tuple(replace(effect, id=next_try(effect.id)) for effect in before.outstanding)
    assert made.state.outstanding == again
    assert made.stage == before.stage


@pytest.mark.parametrize("stage", STANDING)
def test_three_crashes_are_one_attempt_and_one_round(stage: type[s.Stage]) -> None:
    made = standing(stage)
    spot = made.spot
    for _ in range(3):
        made.start(kind="resume")
    assert made.spot == spot
    assert {tries_of(effect.id) for effect in made.state.outstanding} == {4}


def test_after_a_crash_with_one_lane_back_only_the_other_is_asked_again() -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    made.answer(lane_b)
    assert made.start(kind="resume") == (replace(lane_a, id=next_try(lane_a.id)),)


@pytest.mark.parametrize("stage", STANDING)
def test_a_late_answer_changes_nothing(stage: type[s.Stage]) -> None:
    made = standing(stage)
    late = made.state.outstanding[0]
    made.start(kind="resume")
    before = made.state
    assert made.answer(late) == ()
    changed = {
        "journal_seq": made.seq,
        "journal_head": made.head,
        "lasting_seq": made.state.lasting_seq,
        "updated_utc_ms": made.state.updated_utc_ms,
        "spending": made.state.spending,
    }
    assert made.state == replace(before, **changed)


def test_a_late_failure_changes_nothing() -> None:
    made = walk().until(s.Working)
    late = made.state.outstanding[0]
    made.start(kind="resume")
    assert made.tell(e.EffectFailed(effect=late.id, what="disk full")) == ()
    assert made.state.trouble == ""


def test_trouble_with_one_lane_is_still_known_when_the_other_answers() -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    made.tell(e.EffectFailed(effect=lane_a.id, what="disk full"))
    made.answer(lane_b)
    assert (made.state.outstanding, made.state.trouble) == ((lane_a,), "disk full")


def test_an_answer_given_twice_counts_once() -> None:
    made = walk().until(s.Working)
    worker = made.state.outstanding[0]
    made.answer(worker)
    stage, outstanding = made.stage, made.state.outstanding
    assert made.answer(worker) == ()
    assert (made.stage, made.state.outstanding) == (stage, outstanding)


def test_an_answer_after_the_end_of_the_item_is_late_too() -> None:
    made = walk()
    made.until(s.Auditing)
    lane = made.state.outstanding[0]
    made.rest()
    assert made.answer(lane) == ()
    assert made.stage == s.Idle()


def test_a_failure_of_the_world_leaves_the_effect_outstanding() -> None:
    made = walk().until(s.Verifying)
    stage, (effect,) = made.stage, made.state.outstanding
    assert made.tell(e.EffectFailed(effect=effect.id, what="disk full")) == ()
    assert (made.stage, made.state.outstanding, made.state.trouble) == (stage, (effect,), "disk full")
    made.end()
    assert made.start(kind="resume") == (replace(effect, id=next_try(effect.id)),)
    assert made.state.trouble == ""
    assert made.rest().passed == ("01",)


def parked(effect: f.Effect, resets_utc_ms: int | None, why: str = "limit reached") -> e.EffectParked:
    return e.EffectParked(effect=effect.id, cause="limit", why=why, resets_utc_ms=resets_utc_ms)


def test_a_park_is_no_attempt_no_round_and_no_end() -> None:
    made = walk().until(s.Working)
    stage, (effect,) = made.stage, made.state.outstanding
    assert made.tell(parked(effect, 5000)) == ()
    assert (made.stage, made.state.outstanding) == (stage, (effect,))
    assert made.state.park and (made.state.park.why, made.state.park.resets_utc_ms) == ("limit reached", 5000)
    made.end()
    assert made.start(kind="resume") == (replace(effect, id=next_try(effect.id)),)
    assert made.state.park is None
    assert made.rest().passed == ("01",)


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [(5000, 9000, 9000), (9000, 5000, 9000), (None, 5000, None), (5000, None, None)],
)
def test_of_two_parked_lanes_the_later_end_counts(
    first: int | None, second: int | None, last: int | None
) -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    made.tell(parked(lane_a, first))
    made.tell(parked(lane_b, second))
    assert made.state.park and made.state.park.resets_utc_ms == last


def test_a_lane_that_answers_does_not_end_the_park_of_the_other() -> None:
    made = walk().until(s.Auditing)
    lane_a, lane_b = made.state.outstanding
    made.tell(parked(lane_a, None))
    made.answer(lane_b)
    assert made.state.park and made.state.outstanding == (lane_a,)


def test_a_late_park_changes_nothing() -> None:
    made = walk().until(s.Working)
    late = made.state.outstanding[0]
    made.start(kind="resume")
    assert made.tell(parked(late, 5000)) == ()
    assert made.state.park is None


@pytest.mark.parametrize("verdict", ["blocked", "blocked_external"])
def test_only_a_stopped_item_gets_a_fresh_attempt(verdict: str) -> None:
    made = walk().until(s.Working)
    made.answer(verdict=verdict)
    made.end()
    (prepare,) = made.start(kind="resume")
    assert isinstance(prepare, f.PrepareWorktree)
    assert (prepare.attempt, prepare.base) == (2, made.state.frame.base_commit)
    assert made.rest().state.passed[0].attempt == 2


def test_a_fresh_attempt_begins_with_a_full_budget_on_the_run_branch() -> None:
    made = walk()
    made.verify(broken)
    made.until(s.Auditing)
    made.answer(verdict="inconclusive")
    made.rest()
    assert made.spot.fix_rounds == 1
    made.start(kind="resume")
    assert made.spot == s.Spot(
        item="01",
        attempt=2,
        round=0,
        fix_rounds=0,
        remediation_rounds=0,
        base=made.state.tip,
        tip=made.state.tip,
        evidence="",
    )


def test_what_a_person_wrote_who_rejected_an_attempt_goes_with_every_later_one() -> None:
    made = walk(facts(gate=True)).until(s.AwaitingGate)
    made.decide("rejected")
    for _ in range(2):
        made.end()
        made.start(kind="resume")
        made.until(s.Working)
        (work,) = made.state.outstanding
        assert isinstance(work, f.RunWorker)
        assert work.rejection == "Ada: seen"
        made.answer(verdict="blocked")
    made.end()
    made.start(kind="resume")
    (fix,) = made.verify(broken)
    assert isinstance(fix, f.RunWorker)
    assert (fix.stage, fix.rejection) == ("fix", "Ada: seen")


@pytest.mark.parametrize("verdict", ["blocked", "blocked_external"])
@pytest.mark.parametrize("kind", ["run", "settle"])
def test_nothing_but_a_resume_leaves_a_stop(verdict: str, kind: str) -> None:
    made = walk().until(s.Working)
    made.answer(verdict=verdict)
    stopped = made.stage
    assert made.start(kind=kind) == ()
    assert made.stage == stopped


def test_a_resume_does_not_pass_a_gate() -> None:
    made = walk(facts(gate=True), facts("02")).until(s.AwaitingGate)
    waiting = made.stage
    made.end()
    assert made.start(kind="resume") == ()
    assert made.stage == waiting


def test_what_a_run_was_created_for_survives_a_kill_before_anything_was_done() -> None:
    made = Walk(frame(facts("01"), facts("02"), facts("03")), "03", "01")
    made.start(kind="resume")
    assert made.rest().passed == ("03", "01")


def test_a_kill_at_rest_leaves_nothing_to_be_asked_again() -> None:
    made = Walk(frame(facts("01"), facts("02"), facts("03")))
    made.start("01", max_items=1, auto_advance=True)
    made.rest()
    assert made.start("02", kind="resume") != ()
    assert made.rest().passed == ("01", "02")


def test_each_start_of_an_agent_is_counted() -> None:
    made = walk().until(s.Working)
    worker = made.state.outstanding[0]
    for _ in range(2):
        made.tell(e.AgentStarted(effect=worker.id, agent="worker", session="1", files="calls/1"))
    assert made.state.agent_calls == 2
    assert made.state.outstanding == (worker,)


def test_an_invocation_leaves_its_name_only_while_it_runs() -> None:
    made = walk()
    assert made.state.invocation
    assert made.state.request
    made.rest().end()
    assert (made.state.invocation, made.state.request) == ("", None)


@pytest.mark.parametrize("stage", [*STANDING, s.Idle, s.AwaitingGate])
def test_a_state_survives_the_journal(stage: type[s.Stage]) -> None:
    gate = stage in (s.OpeningGate, s.AwaitingGate)
    made = walk(facts(gate=gate), triage_agent=stage is s.Triaging).until(stage)
    reading = read(made.journal)
    assert reading.flaw == ""
    assert fold(reading.records) == made.state


def test_a_fold_can_go_on_from_any_record() -> None:
    made = walk(facts("01"), facts("02", gate=True)).rest()
    made.decide("rejected")
    records = read(made.journal).records
    for cut in range(1, len(records) + 1):
        assert fold(records[cut:], fold(records[:cut])) == made.state


def test_nothing_folds_to_nothing() -> None:
    with pytest.raises(ValueError, match="no record"):
        fold([])


def test_an_effect_id_is_never_used_twice() -> None:
    made = walk(facts("01", suggested=True), facts("02"), triage_agent=True)
    while not isinstance(made.stage, s.Escalated):
        made.answer(**({"unresolved": 1} if isinstance(made.stage, s.Working) else {}))
    made.start(kind="resume")
    made.rest()
    assert made.passed == ("01", "02")
    ids = [effect.id for effect in made.asked]
    assert len(ids) == len(set(ids)) > 40


def test_a_settling_that_is_cut_short_does_not_lift_the_limit_on_items() -> None:
    made = Walk(frame(facts("01", gate=True), facts("02"), facts("03")))
    made.start("01", "02", "03", max_items=1)
    made.until(s.AwaitingGate).end()
    made.start(kind="settle")
    made.decide()
    made.start(kind="resume")
    assert len(made.rest().passed) == 1
