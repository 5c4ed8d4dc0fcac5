"""The first half of an item: selection, worker, checkpoint, verification and the frozen packet.

Not here: audits, triage and gate; see test_judgement.py.
"""

import pytest
from tests.doubles.marks import FAILED_ID
from tests.doubles.walk import Walk, broken, facts, frame, mark, object_id, poor, walk

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s


def after_worker(*, gate: bool = False, **said: object) -> Walk:
    """A run whose first worker said this."""
    made = walk(facts(gate=gate)).until(s.Working)
    made.answer(**said)
    return made


def escalated(made: Walk) -> s.Escalated:
    """The stop that the run has come to."""
    assert isinstance(made.stage, s.Escalated)
    assert made.state.outstanding == ()
    return made.stage


def test_requested_items_are_done_in_the_order_asked() -> None:
    made = Walk(frame(facts("01"), facts("02"), facts("03")))
    made.start("03", "01")
    made.rest()
    assert made.passed == ("03", "01")
    assert made.stage == s.Idle()


def test_auto_advance_takes_what_is_left_in_plan_order() -> None:
    made = Walk(frame(facts("01"), facts("02"), facts("03")))
    made.start("02", auto_advance=True)
    assert made.rest().passed == ("02", "01", "03")


def test_each_invocation_finishes_as_many_items_as_it_may() -> None:
    made = Walk(frame(*(facts(f"{n:02}") for n in range(1, 6))))
    made.start()
    made.rest().end()
    made.start("01", "02", "03", "04", "05", kind="resume", max_items=1)
    made.rest().end()
    assert (made.passed, made.state.queue) == (("01",), ("02", "03", "04", "05"))
    made.start(kind="resume", max_items=3)
    made.rest().end()
    assert made.passed == ("01", "02", "03", "04")
    made.start(kind="resume")
    assert made.rest().passed == ("01", "02", "03", "04", "05")


def test_the_first_invocation_too_finishes_only_as_many_items_as_it_may() -> None:
    made = Walk(frame(facts("01"), facts("02")))
    made.start("01", "02", max_items=1)
    assert made.rest().passed == ("01",)


def test_an_item_that_was_cut_short_is_one_of_those_that_a_resume_may_finish() -> None:
    made = walk(facts("01"), facts("02"), facts("03")).until(s.Working)
    made.end()
    made.start(kind="resume", max_items=1)
    assert made.rest().passed == ("01",)


def test_auto_advance_must_be_asked_for_again() -> None:
    made = Walk(frame(facts("01"), facts("02")))
    made.start("01", auto_advance=True)
    made.until(s.Working).answer(verdict="blocked")
    made.end()
    made.start(kind="resume")
    assert made.rest().passed == ("01",)


def test_auto_advance_outlives_a_crash() -> None:
    made = Walk(frame(facts("01"), facts("02")))
    made.start("01", auto_advance=True)
    made.until(s.Working).start(kind="resume")
    assert made.rest().passed == ("01", "02")


def test_a_gate_invocation_closes_its_item_and_begins_no_other() -> None:
    made = Walk(frame(facts("01", gate=True), facts("02"), facts("03")))
    made.start("01", "02", auto_advance=True)
    made.until(s.AwaitingGate).decide()
    made.rest()
    assert (made.passed, made.stage) == (("01",), s.Idle())
    made.end()
    made.start(kind="resume", auto_advance=True)
    assert made.rest().passed == ("01", "02", "03")


def test_an_item_whose_prerequisites_did_not_pass_does_not_begin() -> None:
    made = Walk(frame(facts("01"), facts("02", prerequisites=("01",))))
    made.start("02")
    made.rest()
    assert (made.passed, made.stage) == ((), s.Idle())
    assert made.state.trouble == "item 02 waits for 01"


def test_a_prerequisite_that_passed_before_is_met() -> None:
    made = walk(facts("01"), facts("02", prerequisites=("01",)))
    assert made.rest().passed == ("01", "02")


def test_a_stop_ends_the_invocation_before_the_next_item() -> None:
    made = walk(facts("01"), facts("02")).until(s.Working)
    made.answer(verdict="blocked")
    assert made.state.outstanding == ()
    assert made.state.queue == ("02",)


def test_the_next_item_begins_where_the_last_one_ended() -> None:
    made = walk(facts("01"), facts("02")).until(s.Closing)
    result = made.spot.tip
    made.answer()
    assert made.spot.base == made.spot.tip == made.state.tip == result
    assert made.state.outstanding[0].base == result


def test_an_item_that_needs_evidence_waits_before_anything_is_made() -> None:
    made = walk(facts(evidence=True)).rest()
    assert isinstance(made.stage, s.BlockedExternal)
    assert [type(effect) for effect in made.asked] == [f.CreateRunBranch]


def test_a_worker_begins_in_execute_with_nothing_to_mend() -> None:
    (worker,) = walk().until(s.Working).state.outstanding
    assert isinstance(worker, f.RunWorker)
    assert (worker.stage, worker.round, worker.rework) == ("execute", 0, ())


@pytest.mark.parametrize("verdict", ["implemented", "no_change_needed"])
def test_a_worker_that_is_done_is_checkpointed_and_not_believed(verdict: str) -> None:
    made = after_worker(verdict=verdict, tree=object_id("tree"))
    (checkpoint,) = made.state.outstanding
    assert isinstance(checkpoint, f.Checkpoint)
    assert (checkpoint.tree, checkpoint.parent) == (object_id("tree"), made.state.tip)


def test_a_worker_that_escapes_is_escalated_with_the_tricks_named() -> None:
    made = after_worker(escapes=("a nested .git in lib",), verdict="implemented")
    assert escalated(made).details == ("a nested .git in lib",)


def test_paths_out_of_scope_escalate_with_all_of_them_counted() -> None:
    made = after_worker(out_of_scope=("a", "b"), out_of_scope_count=70)
    assert "70 path(s)" in escalated(made).why
    assert escalated(made).details == ("a", "b")


def test_a_worker_without_an_answer_is_escalated() -> None:
    assert "timeout: too long" in escalated(after_worker(problem="timeout: too long")).why


def test_leaving_its_bounds_weighs_more_than_what_a_worker_says() -> None:
    assert "bounds" in escalated(after_worker(escapes=("x",), verdict="blocked_external")).why
    assert "outside" in escalated(after_worker(out_of_scope=("x",), verdict="blocked_external")).why


def test_a_blocked_worker_is_escalated() -> None:
    assert "blocked" in escalated(after_worker(verdict="blocked")).why


def test_a_worker_that_misses_something_outside_waits_for_it() -> None:
    assert isinstance(after_worker(verdict="blocked_external").stage, s.BlockedExternal)


def test_a_worker_that_needs_a_person_finds_one_only_at_a_gate() -> None:
    assert "needs_human_input" in escalated(after_worker(verdict="needs_human_input")).why
    gated = after_worker(verdict="needs_human_input", gate=True)
    assert isinstance(gated.stage, s.Checkpointing)
    assert isinstance(gated.rest().stage, s.AwaitingGate)


def test_groups_run_one_after_another_on_the_checkpoint() -> None:
    made = walk(facts(suggested=True)).until(s.Verifying)
    (first,) = made.state.outstanding
    (second,) = made.answer()
    assert isinstance(first, f.RunCommands)
    assert isinstance(second, f.RunCommands)
    assert (first.group, second.group) == ("required", "suggested")
    assert first.commit == second.commit == made.spot.tip
    assert isinstance(made.answer()[0], f.FreezePacket)


def test_a_required_failure_is_mended_before_anybody_audits() -> None:
    made = walk(facts(suggested=True)).until(s.Verifying)
    (fix,) = made.verify(broken)
    assert isinstance(fix, f.RunWorker)
    assert (fix.stage, fix.round, fix.rework) == ("fix", 1, (FAILED_ID,))
    assert fix.tip == made.spot.tip != fix.base
    assert not any(isinstance(effect, f.FreezePacket | f.Audit) for effect in made.asked)


def test_a_required_failure_never_passes_whatever_anybody_says() -> None:
    made = walk(facts(gate=True), triage_agent=True).rest(broken)
    assert escalated(made).is_workers
    assert made.passed == ()
    assert {type(one) for one in made.asked}.isdisjoint({f.FreezePacket, f.Audit, f.Triage, f.CloseItem})


def test_a_suggested_failure_blocks_nobody() -> None:
    assert walk(facts(suggested=True)).rest(poor).passed == ("01",)


@pytest.mark.parametrize(("fixes", "remediations"), [(2, 1), (0, 1), (1, 0), (0, 0), (3, 2)])
def test_an_attempt_has_as_many_rounds_as_its_budget(fixes: int, remediations: int) -> None:
    made = walk(fixes=fixes, remediations=remediations).rest(broken)
    workers = [effect for effect in made.asked if isinstance(effect, f.RunWorker)]
    assert [effect.stage for effect in workers] == ["execute"] + ["fix"] * fixes + [
        "remediate"
    ] * remediations
    assert [effect.round for effect in workers] == list(range(fixes + remediations + 1))
    assert "budget of rounds is used up" in escalated(made).why


def test_failures_of_verification_and_of_audits_draw_on_one_budget() -> None:
    made = walk()
    for _ in range(2):
        made.verify(broken)
        made.until(s.Auditing)
        made.answer(findings=(mark(),), verdict="issues_found")
        made.until(s.Working) if made.spot.round < 3 else made.rest()
    assert (made.spot.fix_rounds, made.spot.remediation_rounds) == (2, 1)
    assert "budget" in escalated(made).why


def test_each_round_builds_on_the_checkpoint_of_the_one_before() -> None:
    made = walk().until(s.Verifying)
    first = made.spot.tip
    made.verify(broken)
    (checkpoint,) = made.answer()
    assert isinstance(checkpoint, f.Checkpoint)
    assert checkpoint.parent == first
    assert checkpoint.base == made.state.tip


def test_the_packet_is_frozen_from_what_was_verified() -> None:
    made = walk().until(s.Freezing)
    (freeze,) = made.state.outstanding
    assert isinstance(freeze, f.FreezePacket)
    assert isinstance(made.stage, s.Freezing)
    assert (freeze.base, freeze.commit) == (made.state.tip, made.spot.tip)
    assert (freeze.verification, freeze.report) == (made.stage.verification, made.stage.claims.report)


def test_nobody_is_asked_to_audit_what_was_changed_after_it_was_kept() -> None:
    made = walk().until(s.Freezing)
    (freeze,) = made.state.outstanding
    made.tell(e.PacketRefused(freeze.id, changed=("verification_report.json",)))
    assert isinstance(made.stage, s.Escalated)
    assert made.stage.details == ("verification_report.json",)


def test_both_lanes_begin_at_once_on_one_packet() -> None:
    made = walk().until(s.Freezing)
    lanes = made.answer()
    assert isinstance(made.stage, s.Auditing)
    assert [(one.lane, one.packet) for one in lanes if isinstance(one, f.Audit)] == [
        ("a", made.stage.packet),
        ("b", made.stage.packet),
    ]


def test_a_passed_item_moves_the_run_branch_from_where_it_stood_to_the_result() -> None:
    made = walk().until(s.Closing)
    (close,) = made.state.outstanding
    assert isinstance(close, f.CloseItem)
    assert (close.branch, close.old, close.new) == (
        made.state.frame.run_branch,
        made.state.tip,
        made.spot.tip,
    )
