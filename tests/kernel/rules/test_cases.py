"""A report of cases: names that are the same in every run, and numbers that no printed line can raise.

Not here: how an output becomes cases; see runners/.
"""

import pytest

from verger_kernel.rules.cases import (
    NAME_MAX,
    UNNAMED_MAX,
    Case,
    CaseReport,
    case_report,
    counted_report,
    stable_name,
)


def test_names_are_sorted_and_the_order_of_the_cases_changes_nothing() -> None:
    cases: list[Case] = [("b", "passed"), ("a", "passed"), ("c", "failed"), ("a", "failed"), ("d", "skipped")]
    report = case_report("junit", cases, ["z", "y", "z"])
    assert report.passed == ("a #2", "b")
    assert (report.failed, report.skipped, report.broken) == (("a", "c"), ("d",), ("y", "z"))
    assert case_report("junit", reversed(cases), ["y", "z"]) == report


def test_of_several_cases_with_one_name_the_worst_bears_it_and_none_is_lost() -> None:
    report = case_report("junit", [("a", "passed"), ("a", "skipped"), ("a", "failed"), ("a", "passed")])
    assert (report.failed, report.skipped, report.passed) == (("a",), ("a #2",), ("a #3", "a #4"))
    assert report.executed == 3


def test_a_case_that_is_named_like_a_repeat_stays_apart() -> None:
    report = case_report("junit", [("a", "passed"), ("a", "passed"), ("a #2", "passed")])
    assert report.passed == ("a", "a #2", "a #2 #2")


def test_skipped_and_broken_are_not_executed() -> None:
    report = case_report("go", [("a", "skipped")], ["b"], passed_unnamed=2, skipped_unnamed=5)
    assert report.executed == 2


@pytest.mark.parametrize(
    ("name", "stable"),
    [
        ("adds", "adds"),
        ("reads[/home/ann/sum/files/a.txt]", "reads[…/a.txt]"),
        ("reads[/tmp/x-1/files/a.txt]", "reads[…/a.txt]"),
        ("/home/ann/sum/sum.test.js", "…/sum.test.js"),
        ("tests/sum/test_a.py::adds", "tests/sum/test_a.py::adds"),
        ("gets http://localhost/a/b", "gets http://localhost/a/b"),
        ("takes <object at 0x7f3a2c4d5e60>", "takes <object at 0x…>"),
        ("two\nlines\x00and\tmore ", "two lines and more"),
        ("half a \ud800 pair", "half a ? pair"),
    ],
)
def test_a_name_is_the_same_in_every_folder_and_process(name: str, stable: str) -> None:
    assert stable_name(name) == stable


def test_a_very_long_name_is_cut_and_still_its_own() -> None:
    first, second = stable_name("x" * 5000 + "a"), stable_name("x" * 5000 + "b")
    assert first != second
    assert len(first) < NAME_MAX + 20


def counted(cases: list[Case], passed: int = 0, failed: int = 0, skipped: int = 0) -> CaseReport:
    return counted_report("jest", cases, passed=passed, failed=failed, skipped=skipped)


def test_names_that_agree_with_the_numbers_are_kept() -> None:
    report = counted([("a", "passed"), ("b", "failed"), ("c", "skipped")], passed=3, failed=1, skipped=2)
    assert (report.passed, report.failed, report.skipped) == (("a",), ("b",), ("c",))
    assert (report.passed_unnamed, report.skipped_unnamed, report.executed) == (2, 1, 4)


def test_more_names_than_the_runner_counted_are_not_believed() -> None:
    report = counted([(f"forged {n}", "passed") for n in range(1000)], passed=2)
    assert (report.passed, report.passed_unnamed, report.executed) == ((), 2, 2)
    assert counted([("a", "skipped")]).skipped == ()


def test_of_too_many_failures_the_last_are_kept() -> None:
    assert counted([("printed", "failed"), ("real", "failed")], failed=1).failed == ("real",)
    assert counted([("printed", "failed")], passed=1).failed == ()


def test_failures_that_were_only_counted_are_not_lost_and_a_lie_about_them_costs_little() -> None:
    assert counted([("a", "failed")], failed=3).failed == ("(unnamed)", "(unnamed) #2", "a")
    assert len(counted([], failed=999_999_999).failed) == UNNAMED_MAX
