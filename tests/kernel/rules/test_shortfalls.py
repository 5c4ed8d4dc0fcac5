"""What a result whose commands pass must still show: its red, its tests, those of the base, and its artifacts.

Not here: whose failure a failing command is (test_verification.py).
"""

from typing import Any

import pytest
from tests.doubles.marks import command, exits, need, titles, trial, trials

from verger_kernel.rules.trials import SETUP, CommandMark, Unmade
from verger_kernel.rules.verification import judge


def test_a_missing_artifact_is_final_and_names_its_path() -> None:
    missing = Unmade(path="docs/a.md", why="does not exist")
    made = judge(need(), (trial(unmade=(missing,)),))
    assert (made.outcome, made.final[0].mark.category) == ("fail", "artifact")
    assert made.final[0].file_paths == ("docs/a.md",)


TURNED = command("a", turned=("a",))
REDS: list[tuple[str, list[CommandMark], CommandMark, str]] = [
    ("a case turned", [TURNED], command(), "by_test"),
    ("a file vanished", [command("t.py", vanished=("t.py",))], command(), "by_collection"),
    ("failed without names", [exits("fail")], exits(), "by_exit"),
    ("one case turned each time", [command("a", "b", turned=("a", "b")), TURNED], command(), "by_test"),
    ("another case turned each time", [TURNED, command("b", turned=("b",))], command(), ""),
    ("it passed the second time", [exits("fail"), exits()], exits(), ""),
    ("a known runner, but no case turned", [command("a")], command(), ""),
    ("a known runner, but the red reports nothing", [exits("fail")], command(), ""),
    ("no shell", [exits("fail", 126)], exits(), ""),
    ("no program", [exits("fail", 127)], exits(), ""),
    ("a signal, told by a shell", [exits("fail", 139)], exits(), ""),
    ("a signal", [exits("killed")], exits(), ""),
    ("a timeout", [exits("timeout")], exits(), ""),
    ("a timeout, then red", [exits("timeout"), exits("fail")], exits(), "by_exit"),
    ("never started", [exits("not_started")], exits(), ""),
    ("no tests ran", [exits("fail", 5, runner="pytest")], command(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("reds", "green", "grade"), [row[1:] for row in REDS], ids=[row[0] for row in REDS])
def test_red_is_graded_and_refused(reds: list[CommandMark], green: CommandMark, grade: str) -> None:
    made = judge(need(red=True), trials(green=green, red=reds))
    assert made.red_grade == grade
    assert made.outcome == ("pass" if grade else "fail")
    assert titles(made)[0] == ([] if grade else ["no required command fails without the change"])


def test_the_strongest_of_several_commands_grades_the_red() -> None:
    green = trial(command(), exits(number=2))
    red = trial(command("a", turned=("a",)), exits("fail", number=2), purpose="red")
    assert judge(need(red=True), (green, red)).red_grade == "by_test"


def test_a_setup_that_fails_is_no_red() -> None:
    red = trial(exits("fail", number=SETUP), purpose="red")
    assert judge(need(red=True), (trial(), red)).outcome == "fail"


NINE = command(executed=9)
COUNTS: list[tuple[str, dict[str, Any], str]] = [
    ("as many as the base", {"green": command(), "base": command()}, "pass"),
    ("more than the base", {"green": command(executed=12), "base": command()}, "pass"),
    ("fewer than the base", {"green": command(executed=9), "base": command()}, "fail"),
    ("fewer than held out", {"green": NINE, "base": NINE, "held_out": command()}, "fail"),
    ("no report any more", {"green": exits(), "base": command()}, "fail"),
    ("no report there either", {"green": exits(), "base": exits()}, "pass"),
    ("a broken base that ran more", {"green": command(executed=9), "base": command("a")}, "fail"),
    ("all of them, the second time", {"green": [command("a", executed=2), command()], "base": command()}, "flaky_pass"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "outcome"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_no_test_may_get_lost(told: dict[str, Any], outcome: str) -> None:
    assert judge(need(), trials(**told)).outcome == outcome


def test_tests_that_an_item_removes_on_purpose_are_only_noted() -> None:
    told = trials(green=command(executed=9), base=command())
    (found,) = judge(need(), told).final
    assert (found.title, found.mark.is_blocking) == (
        "required command 1 runs 9 tests, with the tests of the base 10",
        True,
    )
    made = judge(need(may_shrink=True), told)
    assert (made.outcome, made.final, made.dismissible[0].mark.is_blocking) == ("partial", (), False)


def test_what_is_known_of_the_base_tells_how_many_tests_there_were() -> None:
    known = trial(command(), purpose="base", nth=0)
    assert judge(need(known=known), trials(green=command(executed=9))).outcome == "fail"


HELD: list[tuple[str, dict[str, Any], set[str]]] = [
    ("passes", {"held_out": command()}, set()),
    ("with names", {"held_out": command("a", "b"), "base": command("b")}, {"failed: a"}),
    ("only at times", {"held_out": [command("a"), command()], "base": command()}, set()),
    ("the base fails it too", {"held_out": command("a"), "base": command("a")}, set()),
    ("by exit", {"held_out": exits("fail"), "base": exits()}, {"exit code 1"}),
    ("by exit, and the base too", {"held_out": exits("fail"), "base": exits("fail")}, set()),
    ("a timeout", {"held_out": exits("timeout"), "base": exits()}, {"exit code -15"}),
]


@pytest.mark.parametrize(("told", "evidence"), [row[1:] for row in HELD], ids=[row[0] for row in HELD])
def test_tests_of_the_base_that_now_fail_are_open_until_triage_names_them(
    told: dict[str, Any], evidence: set[str]
) -> None:
    made = judge(need(held_out=True), trials(green=command(), **told))
    assert (made.outcome, made.final) == ("partial" if evidence else "pass", ())
    assert all(one.mark.is_blocking and evidence <= set(one.evidence) for one in made.dismissible)
    assert len(made.dismissible) == bool(evidence)


def test_a_failed_suggestion_blocks_nothing() -> None:
    told = (trial(), trial(exits("fail"), group="suggested"))
    made = judge(need(suggested=True), told)
    assert (made.outcome, made.final) == ("partial", ())
    assert [(one.title, one.mark.severity, one.mark.is_blocking) for one in made.dismissible] == [
        ("suggested command 1: fail", "low", False)
    ]


def test_what_fails_is_not_counted_as_well() -> None:
    made = judge(need(), trials(green=command("a", executed=3), base=command()))
    assert titles(made) == (["required command 1: fail"], [])
