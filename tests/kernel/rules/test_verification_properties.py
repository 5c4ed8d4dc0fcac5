"""What holds of every verification, whatever its trials showed.

Not here: single cases; see test_verification.py and test_doubts.py.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.doubles.marks import COMMAND, command, exits, need, trial, trials_max

from verger_kernel.rules.attempts import Trials, tried
from verger_kernel.rules.doubts import next_trial
from verger_kernel.rules.frame import REQUIRED, FlakeRules
from verger_kernel.rules.trials import WHOLE, CommandMark
from verger_kernel.rules.verification import judge

CASES = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
COMMANDS = st.one_of(
    st.builds(lambda cases: command(*cases), CASES),
    st.builds(lambda cases, count: command(*cases, executed=count), CASES, st.integers(0, 12)),
    st.sampled_from(["pass", "fail", "timeout", "killed", "not_started"]).map(exits),
    st.builds(lambda cases: command("a", "b", turned=tuple(cases)), CASES),
)


def several(purpose: str, least: int = 0) -> Any:
    pairs = st.tuples(COMMANDS, COMMANDS.map(lambda one: replace(one, number=2, command="make lint")))
    made = st.lists(pairs, min_size=least, max_size=4)
    return made.map(lambda all_: tuple(trial(*two, purpose=purpose, nth=n) for n, two in enumerate(all_, 1)))


NEEDS = st.builds(
    need,
    suggested=st.booleans(),
    red=st.booleans(),
    held_out=st.booleans(),
    may_shrink=st.booleans(),
    shared=st.sampled_from([(), (COMMAND,)]),
    flakes=st.builds(
        FlakeRules,
        reruns=st.integers(0, 4),
        accepted=st.booleans(),
        quarantined=st.sampled_from([(), ("a",), (COMMAND,)]),
    ),
)
TRIALS = st.tuples(several("green", 1), several("base"), several("held-out"), several("red")).map(
    lambda parts: sum(parts, ())
)


@given(NEEDS, TRIALS)
def test_the_order_of_cases_changes_nothing(asked: Any, told: Trials) -> None:
    def turned_round(mark: CommandMark) -> CommandMark:
        return replace(mark, failed=mark.failed[::-1], turned=mark.turned[::-1])

    other = tuple(replace(one, commands=tuple(map(turned_round, one.commands))) for one in told)
    assert judge(asked, other) == judge(asked, told)


@given(NEEDS, TRIALS)
def test_the_order_of_purposes_changes_nothing(asked: Any, told: Trials) -> None:
    assert judge(asked, tuple(sorted(told, key=lambda one: one.purpose))) == judge(asked, told)


@given(NEEDS, several("green", 2), several("base"), st.randoms(use_true_random=False))
def test_swapping_trials_of_one_purpose_changes_no_verdict(
    asked: Any, green: Trials, base: Trials, dice: Any
) -> None:
    before = judge(asked, green + base)
    after = judge(asked, tuple(dice.sample(green, len(green))) + tuple(dice.sample(base, len(base))))
    assert (after.outcome, after.verdicts) == (before.outcome, before.verdicts)


@given(NEEDS, TRIALS)
def test_one_more_green_trial_that_passes_never_turns_a_pass_into_a_failure(asked: Any, told: Trials) -> None:
    if judge(asked, told).outcome not in ("pass", "partial"):
        return
    more = (*told, trial(command(), command(number=2, command="make lint"), nth=9))
    assert judge(asked, more).outcome in ("pass", "partial")


@given(NEEDS, TRIALS)
def test_nothing_passes_with_a_command_that_failed_each_time(asked: Any, told: Trials) -> None:
    made = judge(asked, told)
    if made.outcome in ("pass", "partial"):
        assert {one.verdict for one in made.verdicts} <= {"pass", "flaky_pass"}
        green = [one for one in told if one.purpose == "green"]
        for number in (1, 2):
            failed = [set(mark.failed) for one in green for mark in one.commands if mark.number == number]
            assert not set.intersection(*failed)
            assert {WHOLE} not in failed or set() in failed


@given(NEEDS, st.data())
def test_no_trial_is_asked_for_twice_and_the_last_one_comes(asked: Any, data: st.DataObject) -> None:
    told: Trials = ()
    while missing := next_trial(asked, told):
        known = [(one.group, one.purpose, one.nth) for one in told]
        assert (missing.group, missing.purpose, missing.nth) not in known
        if missing.group == REQUIRED:
            assert missing.nth == len(tried(told, missing.purpose)) + 1
        first, second = data.draw(COMMANDS), data.draw(COMMANDS)
        commands = (first, replace(second, number=2, command="make lint"))
        told = (*told, trial(*commands, group=missing.group, purpose=missing.purpose, nth=missing.nth))
        assert len(told) <= trials_max(asked)
    assert judge(asked, told).outcome
