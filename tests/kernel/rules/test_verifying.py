"""Verification as a stage: trial after trial of one checkpoint, and what its end leads to.

Not here: which trial comes next (test_doubts.py), and what they prove (test_verification.py).
"""

import pytest
from msgspec.structs import replace
from tests.doubles.marks import COMMAND, FAILED_ID, FLAKES, command, exits
from tests.doubles.walk import (
    Walk,
    broken,
    broken_before,
    facts,
    flaky,
    honest,
    mark,
    object_id,
    shown,
    surface,
    walk,
)

from verger_kernel.rules import effects as f
from verger_kernel.rules import state as s
from verger_kernel.rules.events import RunRetargeted
from verger_kernel.rules.trials import SETUP, CommandMark, TrialMark

BENT = surface(held_out=True)


def escalated(made: Walk) -> s.Escalated:
    assert isinstance(made.stage, s.Escalated)
    assert made.state.outstanding == ()
    return made.stage


def bent(effect: f.RunCommands) -> TrialMark:
    """Tests of the base that fail against the result."""
    return shown(effect, exits("fail" if effect.purpose == "held-out" else "pass"))


def counting(effect: f.RunCommands, *more: CommandMark) -> TrialMark:
    """A runner that reports its cases."""
    return shown(effect, command(), *more)


def trials_of(made: Walk, item: str = "01") -> list[f.RunCommands]:
    return [one for one in made.asked if isinstance(one, f.RunCommands) and one.item == item]


def names(made: Walk, item: str = "01") -> list[str]:
    return [one.id.split("/")[3] for one in trials_of(made, item)]


def test_each_trial_is_an_effect_of_its_own_on_the_checkpoint() -> None:
    made = walk(facts(shared=(COMMAND,)), fixes=0, remediations=0)
    made.until(s.Verifying)
    tip = made.spot.tip
    made.rest(broken)
    tried = trials_of(made)
    assert [(one.purpose, one.nth) for one in tried] == [
        *(("green", nth) for nth in range(1, 6)),
        ("base", 1),
    ]
    assert names(made)[:2] == ["verify-green-required", "verify-green-required-2"]
    assert {(one.base, one.commit) for one in tried} == {(made.state.tip, tip)}
    assert {one.surface for one in tried} == {surface().report}


def test_after_a_crash_only_the_trial_in_hand_is_made_again() -> None:
    made = walk().until(s.Verifying)
    effect = made.state.outstanding[0]
    assert isinstance(effect, f.RunCommands)
    made.answer(effect, trial=broken(effect))
    (again,) = made.start(kind="resume")
    assert isinstance(again, f.RunCommands)
    assert (again.nth, again.id) == (2, "01/a1/r0/verify-green-required-2/t2")
    assert isinstance(made.stage, s.Verifying)
    assert len(made.stage.trials) == 1


def test_a_result_that_fails_is_mended_with_the_findings_named() -> None:
    (fix,) = walk().verify(broken)
    assert isinstance(fix, f.RunWorker)
    assert fix.rework == (FAILED_ID,)


@pytest.mark.parametrize("gate", [False, True])
def test_a_broken_base_is_a_persons_case_and_costs_no_round(gate: bool) -> None:
    made = walk(facts(shared=(COMMAND,), gate=gate), triage_agent=True).rest(broken_before)
    assert "fails on the base as well" in escalated(made).why
    assert escalated(made).details == ("make test",)
    assert not escalated(made).is_workers
    assert made.spot.round == 0
    assert made.passed == ()


def test_on_another_base_a_further_attempt_may_help() -> None:
    made = walk(facts(shared=(COMMAND,))).rest(broken_before)
    made.tell(RunRetargeted(branch="orchestrator/run-refresh/1", tip=object_id("mended")))
    assert escalated(made).is_workers


def test_a_command_that_left_its_bounds_is_a_persons_case_though_it_passed() -> None:
    made = walk(triage_agent=True).until(s.Verifying)
    made.answer(escapes=("hooks/post-checkout was changed",))
    assert escalated(made).why == "a command left its bounds"
    assert escalated(made).details == ("hooks/post-checkout was changed",)


def test_a_setup_that_fails_on_the_base_too_is_called_so() -> None:
    made = walk(facts(), fixes=0, remediations=0)
    made.rest(lambda effect: shown(effect, exits("fail", number=SETUP, command="npm ci")))
    assert escalated(made).why.startswith("setup fails on the base as well")
    assert escalated(made).details == ("npm ci",)


def test_a_flake_is_a_persons_case_with_the_command_named() -> None:
    made = walk(triage_agent=True).rest(flaky)
    assert "failed and passed on the same result" in escalated(made).why
    assert escalated(made).details == ("make test",)
    assert not escalated(made).is_workers
    assert made.spot.round == 0


def test_a_flake_that_the_policy_accepts_passes() -> None:
    assert walk(flakes=replace(FLAKES, accepted=True)).rest(flaky).passed == ("01",)


def test_open_findings_go_to_audits_where_a_triage_agent_can_weigh_them() -> None:
    made = walk(triage_agent=True).until(s.Checkpointing)
    made.answer(surface=BENT)
    (freeze,) = made.verify(bent)
    assert isinstance(freeze, f.FreezePacket)
    made.until(s.Triaging)
    assert isinstance(made.stage, s.Triaging)
    (found,) = made.stage.findings
    assert found.is_blocking
    made.answer(decision="pass", dismissed=(found.finding_id,))
    assert made.rest().passed == ("01",)


def test_triage_that_does_not_name_a_held_out_case_does_not_wave_it_through() -> None:
    made = walk(triage_agent=True).until(s.Checkpointing)
    made.answer(surface=BENT)
    made.verify(bent)
    made.until(s.Triaging).answer(decision="pass")
    assert isinstance(made.stage, s.Working)


def test_where_nobody_can_weigh_open_findings_no_audit_is_paid_for() -> None:
    made = walk().until(s.Checkpointing)
    made.answer(surface=BENT)
    (fix,) = made.verify(bent)
    assert isinstance(fix, f.RunWorker)
    assert len(fix.rework) == 1


@pytest.mark.parametrize(
    ("blocking", "triage_agent", "stage"),
    [(True, False, s.Working), (True, True, s.Freezing), (False, False, s.Freezing)],
)
def test_a_finding_about_the_test_surface_is_weighed_like_any_open_one(
    blocking: bool, triage_agent: bool, stage: type[s.Stage]
) -> None:
    made = walk(triage_agent=triage_agent).until(s.Checkpointing)
    found = mark("surface", blocking=blocking, source="verification")
    made.answer(surface=surface(findings=(found,)))
    made.verify()
    assert isinstance(made.stage, stage)
    if isinstance(made.stage, s.Freezing):
        assert made.stage.found == (found,)


def test_what_verification_found_reaches_the_ruling_with_what_the_lanes_found() -> None:
    made = walk(triage_agent=True).until(s.Checkpointing)
    ours, theirs = mark("surface", source="verification"), mark("2")
    made.answer(surface=surface(findings=(ours,)))
    made.until(s.Auditing).answer(findings=(theirs,), verdict="issues_found")
    made.answer()
    assert isinstance(made.stage, s.Triaging)
    assert {one.finding_id for one in made.stage.findings} == {ours.finding_id, theirs.finding_id}


def test_an_item_asks_for_what_its_row_and_its_change_ask_for() -> None:
    made = walk(facts(red=True, suggested=True)).until(s.Checkpointing)
    made.answer(surface=BENT)
    made.verify(honest)
    assert [one.purpose if one.group == "required" else one.group for one in trials_of(made)] == [
        "green",
        "held-out",
        *["red"] * 4,
        "suggested",
    ]


def test_no_red_is_no_pass() -> None:
    made = walk(facts(red=True)).rest(lambda effect: shown(effect, exits()))
    assert made.passed == ()
    assert "required verification failed" in escalated(made).why


def test_the_result_of_an_item_spares_the_next_one_its_base() -> None:
    made = walk(facts("01"), facts("02")).rest(counting)
    assert made.passed == ("01", "02")
    assert names(made, "01") == ["verify-green-required", "verify-base-required"]
    (only,) = trials_of(made, "02")
    assert only.known == TrialMark(group="required", purpose="base", nth=0, commands=(command(),), unmade=())


def test_a_command_that_was_not_run_on_the_base_is_not_known() -> None:
    made = walk(facts("01"), facts("02", required=(COMMAND, "make lint")))
    made.rest(
        lambda effect: counting(effect, *[command(number=2, command="make lint")] * (effect.item == "02"))
    )
    assert made.passed == ("01", "02")
    assert {one.known for one in trials_of(made, "02")} == {None}
    assert names(made, "02")[-1] == "verify-base-required"


def test_what_is_known_bears_the_numbers_of_the_item_that_uses_it() -> None:
    made = walk(facts("01", required=("make lint", COMMAND)), facts("02"))

    def both(effect: f.RunCommands) -> TrialMark:
        two = (exits(number=SETUP), exits(command="make lint"), command(number=2))
        return shown(effect, *two) if effect.item == "01" else counting(effect)

    made.rest(both)
    (only,) = trials_of(made, "02")
    assert only.known and [(one.number, one.command) for one in only.known.commands] == [(1, COMMAND)]


def test_a_setup_command_is_no_known_command() -> None:
    made = walk(facts("01", required=("make lint",)), facts("02"))

    def lint(effect: f.RunCommands) -> TrialMark:
        lints = shown(effect, exits(number=SETUP, command=COMMAND), command(command="make lint"))
        return lints if effect.item == "01" else counting(effect)

    made.rest(lint)
    assert trials_of(made, "02")[0].known is None


def test_a_flake_that_was_accepted_is_known_as_a_pass_with_all_its_cases() -> None:
    both = (COMMAND, "make lint")
    made = walk(facts("01", required=both), facts("02", required=both), flakes=replace(FLAKES, accepted=True))

    def one_then_the_other(effect: f.RunCommands) -> TrialMark:
        lint = command(number=2, command="make lint")
        early = command("a", executed=3)
        if effect.nth % 2:
            return shown(effect, command(), replace(early, number=2, command="make lint"))
        return shown(effect, early, lint)

    made.rest(one_then_the_other)
    known = trials_of(made, "02")[0].known
    assert known
    assert known.commands == (command(), command(number=2, command="make lint"))


def test_a_person_who_moved_the_run_leaves_nothing_known() -> None:
    made = walk(facts("01"), facts("02")).until(s.Closing)
    made.answer()
    made.until(s.Working).answer(verdict="blocked")
    kept = {one.commit for one in made.state.measured}
    assert kept == {made.state.tip}
    made.tell(RunRetargeted(branch="orchestrator/run-refresh/1", tip=object_id("merged")))
    made.end()
    made.start(kind="resume")
    made.rest(counting)
    assert made.passed == ("01", "02")
    assert trials_of(made, "02")[0].known is None


def test_the_state_keeps_what_it_measured_of_the_tip_alone() -> None:
    made = walk(*(facts(f"{n:02}") for n in range(1, 6)))
    for _ in range(4):
        made.until(s.Closing)
        assert {one.commit for one in made.state.measured} <= {made.state.tip, made.spot.tip}
        made.answer()
        assert [one.commit for one in made.state.measured] == [made.state.tip]


def test_rounds_do_not_add_up_in_what_was_measured() -> None:
    made = walk(fixes=4)
    for _ in range(4):
        made.until(s.Auditing).answer(findings=(mark(),), verdict="issues_found")
        made.answer()
        assert len(made.state.measured) == 1
    assert made.rest().passed == ("01",)
