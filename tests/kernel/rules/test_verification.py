"""What trials prove together: whose failure it is, and what is a flake.

Not here: all that a result whose commands pass must still show (test_shortfalls.py); which trial comes next
(test_doubts.py); suites that fail by chance (test_flakes.py).
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.doubles.marks import COMMAND, FLAKES, command, exits, need, titles, trial, trials

from verger_kernel.rules.frame import FlakeRules
from verger_kernel.rules.trials import SETUP, CommandMark, CommandStatus
from verger_kernel.rules.verification import CommandVerdict, Judgement, judge

ACCEPTED = replace(FLAKES, accepted=True)


def quarantined(*tests: str) -> FlakeRules:
    return replace(FLAKES, quarantined=tests)


def verdict(judgement: Judgement) -> CommandVerdict:
    (one,) = judgement.verdicts
    return one


def test_without_trials_nothing_is_wrong_yet() -> None:
    assert judge(need(), ()).outcome == "pass"


def test_a_green_trial_whose_commands_pass_is_a_pass() -> None:
    made = judge(need(), trials(green=command()))
    assert (made.outcome, made.final, made.dismissible, made.red_grade) == ("pass", (), (), "")
    assert verdict(made) == CommandVerdict(number=1, command=COMMAND, verdict="pass", attempts=1, cases=())


@pytest.mark.parametrize(
    "status", ["fail", "timeout", "silence", "output", "memory", "killed", "not_started"]
)
def test_a_command_that_fails_each_time_and_passes_on_the_base_is_to_blame(status: CommandStatus) -> None:
    made = judge(need(shared=(COMMAND,)), trials(green=[exits(status)] * 5, base=exits()))
    assert (made.outcome, verdict(made).verdict, verdict(made).attempts) == ("fail", "fail", 5)
    (found,) = made.final
    assert (found.mark.severity, found.mark.is_blocking, found.mark.category) == ("high", True, "correctness")
    assert (found.mark.sources, found.title) == (("verification",), f"required command 1: {status}")
    assert f"$ {COMMAND}" in found.evidence


def test_only_the_cases_that_last_and_passed_on_the_base_are_named() -> None:
    told = [command("mine", "theirs", "flaky"), *[command("mine", "theirs")] * 4]
    made = judge(need(), trials(green=told, base=command("theirs")))
    assert (made.outcome, verdict(made).cases) == ("fail", ("mine",))
    assert "failed: mine" in made.final[0].evidence
    assert not any("theirs" in said for said in made.final[0].evidence)


def test_a_failure_that_no_base_could_be_asked_about_is_the_results() -> None:
    assert judge(need(), trials(green=command("a"))).outcome == "fail"
    setup_fails = trial(exits("fail", number=SETUP), purpose="base")
    assert judge(need(), (*trials(green=command("a")), setup_fails)).outcome == "fail"


def test_what_fails_on_every_trial_of_both_is_the_bases() -> None:
    made = judge(need(), trials(green=[command("a")] * 5, base=[command("a", "b")] * 5))
    assert (made.outcome, verdict(made).verdict, verdict(made).cases) == (
        "base_broken",
        "base_broken",
        ("a",),
    )
    assert made.final == ()


def test_a_base_that_passed_once_is_not_broken() -> None:
    assert judge(need(), trials(green=command("a"), base=[command("a"), command()])).outcome == "fail"


@pytest.mark.parametrize(
    ("shared", "red", "outcome"),
    [((COMMAND,), False, "base_broken"), ((), False, "fail"), ((COMMAND,), True, "fail")],
)
def test_without_names_the_base_is_to_blame_only_for_a_command_of_several_items(
    shared: tuple[str, ...], red: bool, outcome: str
) -> None:
    told = trials(green=exits("fail"), base=exits("fail"))
    assert judge(need(shared=shared, red=red), told).outcome == outcome


def test_a_command_that_crashed_on_the_base_excuses_no_named_case() -> None:
    assert judge(need(shared=(COMMAND,)), trials(green=command("a"), base=exits("fail"))).outcome == "fail"


def test_the_case_that_an_item_must_turn_green_is_never_the_bases_fault() -> None:
    assert judge(need(red=True), trials(green=command("a"), base=command("a"))).outcome == "fail"


@pytest.mark.parametrize(
    "told",
    [
        {"base": command("a", "mended")},
        {"base": command("a"), "red": command("a", "new", turned=("new",))},
        {"base": command("a"), "red": command("a", "tests/new.py", vanished=("tests/new.py",))},
    ],
)
def test_an_item_that_turned_its_own_red_is_not_blamed_for_what_was_broken_before(told: Any) -> None:
    assert judge(need(red=True), trials(green=command("a"), **told)).outcome == "base_broken"


def test_a_red_that_shows_nothing_else_excuses_nothing_and_adds_no_second_finding() -> None:
    made = judge(need(red=True), trials(green=command("a"), base=command("a"), red=command("a")))
    assert (made.outcome, titles(made)) == ("fail", (["required command 1: fail"], []))


def test_a_setup_that_fails_on_both_is_the_bases_and_else_the_results() -> None:
    setup = exits("fail", number=SETUP, command="npm ci")
    assert judge(need(), (trial(setup), trial(setup, purpose="base"))).outcome == "base_broken"
    passes = trial(exits(number=SETUP), exits(), purpose="base")
    made = judge(need(), (trial(setup), passes))
    assert (made.outcome, titles(made)) == ("fail", (["setup: fail"], []))


def test_one_broken_base_ends_the_item_whatever_else_failed() -> None:
    green = trial(command("a"), command("b", number=2))
    base = trial(command("a"), command(number=2), purpose="base")
    made = judge(need(), (green, base))
    assert made.outcome == "base_broken"
    assert [one.verdict for one in made.verdicts] == ["base_broken", "fail"]


def test_what_is_known_of_the_base_decides_no_failure() -> None:
    known = trial(command("a"), purpose="base", nth=0)
    assert judge(need(known=known), trials(green=command("a"), base=command())).outcome == "fail"


FLAKES_TABLE: list[tuple[str, FlakeRules, list[CommandMark], str]] = [
    ("by default", FLAKES, [command("a"), command()], "flaky_pass"),
    ("all accepted", ACCEPTED, [command("a"), command()], "partial"),
    ("all accepted, without names", ACCEPTED, [exits("fail"), exits()], "partial"),
    ("all accepted, but never passed", ACCEPTED, [command("a"), command("b")], "flaky_pass"),
    ("its case", quarantined("a"), [command("a"), command()], "partial"),
    ("its cases, each time another", quarantined("a", "b"), [command("a"), command("b")], "partial"),
    ("one of its cases", quarantined("a"), [command("a", "b"), command()], "flaky_pass"),
    ("its command", quarantined(COMMAND), [command("a"), command()], "partial"),
    ("its command, but never passed", quarantined(COMMAND), [command("a"), command("b")], "flaky_pass"),
    ("another command", quarantined("make lint"), [command("a"), command()], "flaky_pass"),
    ("its case, which lasts", quarantined("a"), [command("a")] * 5, "fail"),
    ("its command, which never passed", quarantined(COMMAND), [exits("fail")] * 5, "fail"),
    ("all accepted, and it lasts", ACCEPTED, [command("a")] * 5, "fail"),
]


@pytest.mark.parametrize(
    ("flakes", "told", "outcome"), [row[1:] for row in FLAKES_TABLE], ids=[row[0] for row in FLAKES_TABLE]
)
def test_a_flake_passes_only_where_the_policy_lets_it(
    flakes: FlakeRules, told: list[CommandMark], outcome: str
) -> None:
    made = judge(need(flakes=flakes), trials(green=told))
    assert made.outcome == outcome
    if outcome != "fail":
        assert verdict(made).verdict == "flaky_pass"
        (found,) = made.dismissible
        assert (found.mark.is_blocking, found.mark.severity) == (False, "medium")
        assert "is flaky" in found.title


def test_a_real_failure_weighs_more_than_an_accepted_flake() -> None:
    told = (trial(command("a"), command("b", number=2)), trial(command(), command("b", number=2)))
    made = judge(need(flakes=ACCEPTED), told)
    assert [one.verdict for one in made.verdicts] == ["flaky_pass", "fail"]
    assert made.outcome == "fail"
