"""Whose word counts: the report file before the text, the runner before what tests print, and no hostile report at all.

Not here: what each runner's text means; see test_recordings.py.
"""

import pytest

from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.runners import read, report_environment


def junit(*cases: str, root: str = "testsuites", before: str = "") -> bytes:
    suite = f'<testsuite name="s">{"".join(cases)}</testsuite>'
    return f'<?xml version="1.0"?>{before}<{root}>{suite}</{root}>'.encode()


def case(name: str, inside: str = "", more: str = "") -> str:
    return f'<testcase classname="c" name="{name}" {more}>{inside}</testcase>'


def spoken(command: str, output: str, reports: dict[str, bytes] | None = None) -> CaseReport:
    report = read(command, output, reports or {})
    assert report
    return report


ONE = {"pytest.xml": junit(case("adds"))}


def test_a_test_that_prints_a_summary_changes_nothing_beside_a_report() -> None:
    report = spoken("pytest -s", "==== 1000 passed in 0.01s ====\n", ONE)
    assert (report.runner, report.passed, report.executed) == ("pytest", ("c::adds",), 1)


def test_pytest_below_a_makefile_is_read_from_its_report() -> None:
    assert spoken("make test", "", ONE).runner == "pytest"


def test_no_other_file_counts_beside_the_report_of_pytest() -> None:
    more = junit(*(case(f"forged {n}") for n in range(100)))
    assert spoken("pytest", "", ONE | {"more.xml": more}).executed == 1
    assert read("pytest", "", {"more.xml": more}) is None


def test_a_pytest_that_a_test_of_another_runner_starts_is_not_its_report() -> None:
    report = spoken("python -m unittest", "Ran 3 tests in 0.1s\n\nOK\n", ONE)
    assert (report.runner, report.executed) == ("unittest", 3)


def test_every_xml_of_the_report_folder_counts_where_the_command_does_not_name_pytest() -> None:
    reports = {
        "a.xml": junit(case("a")),
        "b.XML": junit(case("b")),
        "notes.txt": b"c",
        "coverage.xml": b"<coverage/>",
    }
    report = spoken("make test", "", reports)
    assert (report.runner, report.passed) == ("junit", ("c::a", "c::b"))


def test_junit_tells_failed_skipped_and_broken_apart() -> None:
    report = spoken(
        "make test",
        "",
        {
            "report.xml": junit(
                case("passes", "<system-out>no failure</system-out>"),
                case("fails", '<failure message="m">text</failure>'),
                case("errs", "<error/>"),
                case("both", "<error/><failure/>"),
                case("skips", "<skipped/>"),
                case("later", '<skipped type="todo"/><failure/>'),
                case("off", more='status="notrun"'),
                case("flaky", "<flakyFailure/><properties><failure/></properties>"),
                '<testcase classname="" name="tests.test_a"><error message="collection failure"/></testcase>',
                '<testcase name="bare"/>',
            )
        },
    )
    assert report.passed == ("c::flaky", "c::passes", "s::bare")
    assert report.failed == ("c::both", "c::errs", "c::fails")
    assert report.skipped == ("c::later", "c::off", "c::skips")
    assert report.broken == ("tests.test_a",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"\x00\xff",
        b"<testsuites>",
        b"<coverage><testcase name='a'/></coverage>",
        junit(case("adds"), before='<!DOCTYPE testsuites [<!ENTITY a "aaaa">]>'),
        junit(case("adds"), before="<!DOCTYPE testsuites SYSTEM 'file:///etc/passwd'>"),
        b"<?xml version='1.0' encoding='no-such'?><testsuite/>",
        b"<testsuite>&undefined;</testsuite>",
    ],
)
def test_what_is_no_report_or_declares_entities_is_no_report(data: bytes) -> None:
    assert read("make test", "", {"report.xml": data}) is None


def test_a_report_that_cannot_be_read_leaves_the_text() -> None:
    assert spoken("pytest", "== 2 passed in 0.1s ==", {"pytest.xml": b"<testsuites>"}).executed == 2


def test_deep_and_wide_reports_are_read_in_one_go() -> None:
    deep = b"<testsuites>" + b"<testsuite>" * 100_000 + b"</testsuite>" * 100_000 + b"</testsuites>"
    assert spoken("make test", "", {"report.xml": deep}).executed == 0
    group = "g" * 100_000
    wide = f'<testsuite name="{group}">{"<testcase name=" + chr(34) + "a" + chr(34) + "/>"}'.encode()
    report = spoken("make test", "", {"report.xml": wide + b"</testsuite>"})
    assert [len(name) < 300 for name in report.passed] == [True]


def test_with_no_runner_named_the_fewest_that_ran_count() -> None:
    output = "Ran 3 tests in 0.1s\n\nOK\n==== 1000 passed in 0.01s ====\n"
    assert spoken("make test", output).runner == "unittest"
    assert spoken("make test", "== no tests ran in 0.1s ==\nRan 3 tests in 0.1s\n\nOK\n").executed == 3
    assert spoken("make test", "== no tests ran in 0.1s ==").executed == 0


def test_another_runners_summary_is_not_heard_where_the_command_names_one() -> None:
    assert read("python -m unittest", "==== 1000 passed in 0.01s ====\n", {}) is None


def test_what_a_unittest_flushes_after_the_summary_adds_nothing() -> None:
    output = "Ran 2 tests in 0.1s\n\nOK\nRan 1000 tests in 0.1s\n\nOK\n"
    assert spoken("python -m unittest", output).executed == 2


def test_the_last_summary_of_pytest_counts() -> None:
    output = "9 failed, 900 passed in 1.00s\nFAILED a.py::b - no\n"
    output += "== 1 failed, 2 passed, 3 warnings in 61.2s (0:01:01) =="
    report = spoken("pytest", output)
    assert (report.failed, report.executed) == (("a.py::b",), 3)


@pytest.mark.parametrize(
    "line", ["3 tests collected in 0.10s", "3 apples in 0.10s", "all passed in 1s", "in 0.1s", ""]
)
def test_what_looks_like_a_summary_of_pytest_is_none(line: str) -> None:
    assert read("pytest", line, {}) is None


def test_the_short_summary_of_pytest_names_what_fell() -> None:
    output = "\n".join(
        [
            "tests/test_a.py::test_d PASSED                                        [ 50%]",
            "FAILED tests/test_a.py::test_b[x - y] - AssertionError: a - b",
            "ERROR tests/test_a.py::test_c - RuntimeError",
            "ERROR tests/test_z.py - ImportError: no",
            "FAILED to start",
            "== 1 failed, 1 passed, 2 errors in 0.10s ==",
        ]
    )
    report = spoken("pytest --junitxml=mine.xml", output)
    assert report.passed == ("tests/test_a.py::test_d",)
    assert report.failed == ("tests/test_a.py::test_b[x - y]", "tests/test_a.py::test_c")
    assert report.broken == ("tests/test_z.py",)


def test_a_conftest_that_cannot_be_imported_is_broken() -> None:
    report = spoken(
        "pytest", "ImportError while loading conftest '/home/ann/sum/tests/conftest.py'.\nno summary\n"
    )
    assert (report.broken, report.executed) == (("…/conftest.py",), 0)


def test_unittest_names_its_fixtures_doctests_and_older_forms() -> None:
    rule = "=" * 70
    output = f"""\
test_a (m.C)
Says what it does. ... ok
{rule}
ERROR: setUpClass (m.D)
{rule}
FAIL: test_b (m.C)
{rule}
FAIL: add (m)
Doctest: m.add
Ran 4 tests in 0.1s

FAILED (failures=2, errors=1, unexpected successes=1)
"""
    report = spoken("python -m unittest -v", output)
    assert report.passed == ("m.C.test_a",)
    assert report.failed == ("(unnamed)", "m.C.test_b", "m.D.setUpClass", "m.add")


def test_a_failure_that_a_passing_test_prints_is_none() -> None:
    output = f"{'=' * 70}\nFAIL: test_b (m.C)\nRan 2 tests in 0.1s\n\nOK\n"
    assert spoken("python -m unittest", output).failed == ()


def test_no_tests_ran_is_a_report_of_none() -> None:
    assert spoken("python -m unittest", "Ran 0 tests in 0.000s\n\nNO TESTS RAN\n").executed == 0
    assert spoken("go test ./...", "ok  \texample.com/sum\t0.003s [no tests to run]\n").executed == 0


def test_tap_needs_a_plan() -> None:
    assert read("bats t", "ok 1 - adds\nok 2 - carries\n", {}) is None
    assert spoken("bats t", "1..2\nok 1 - adds\nok 2 - carries\n").passed == ("adds", "carries")


def test_more_points_than_planned_are_believed_up_to_the_plan() -> None:
    forged = "".join(f"ok {n} - forged\n" for n in range(1, 1000))
    report = spoken("bats t", "1..2\n" + forged + "ok 1 - adds\nnot ok 2 - carries\n")
    assert (report.failed, report.passed, report.executed) == (("carries",), (), 2)


def test_points_in_the_notes_of_a_point_are_none() -> None:
    output = "1..3\nok 1 - adds\n  ---\n  ok 7 - forged\n  ...\nok 2 - carries\n---\nok 3 - not a note\n"
    assert spoken("bats t", output).passed == ("adds", "carries", "not a note")


def test_a_package_that_fails_without_a_failed_test_is_a_failed_case() -> None:
    report = spoken(
        "go test ./...", "panic: no\nFAIL\texample.com/sum\t0.003s\nok  \texample.com/plain\t(cached)\n"
    )
    assert (report.failed, report.passed_unnamed) == (("example.com/sum",), 1)


def test_events_that_are_no_events_are_passed_over() -> None:
    output = (
        '{"Action":"pass"}\n{"Action":1,"Package":"a"}\n{\n[]\n{"Action":"pass","Package":"a","Test":"T"}\n'
    )
    output += '{"Action":"pass","Package":"a"}\n{"Action":"fail","Package":"b","FailedBuild":"b"}\n'
    report = spoken("go test -json ./...", output)
    assert (report.passed, report.broken) == (("a.T",), ("b",))


def test_a_rust_program_that_leaves_without_a_result_failed() -> None:
    output = "     Running tests/carry.rs (target/debug/deps/carry-55857d89c97d9b51)\n"
    output += "\nrunning 2 tests\ntest a ... ok\n"
    report = spoken("cargo test", output)
    assert (report.passed, report.failed) == (("carry tests/carry.rs a",), ("carry tests/carry.rs",))


def test_rust_programs_that_cargo_does_not_name_are_told_apart_by_their_starts() -> None:
    result = "test result: ok. {} passed; 0 failed; 0 ignored; 0 measured\n"
    output = "running 2 tests\n..\n" + result.format(2) + "\nrunning 3 tests\n...\n" + result.format(3)
    assert spoken("cargo test -q", output).executed == 5


def test_the_environment_asks_for_reports_and_keeps_what_is_set() -> None:
    added = report_environment(
        "/run/it's here", {"PYTEST_ADDOPTS": "-x", "GOFLAGS": "-mod=vendor", "HOME": "/h"}
    )
    assert added == {
        "VERGER_REPORT_DIR": "/run/it's here",
        "PYTEST_ADDOPTS": "-x '--junitxml=/run/it'\"'\"'s here/pytest.xml'",
        "GOFLAGS": "-mod=vendor -v",
    }


@pytest.mark.parametrize("flags", ["-v", "-json", "-mod=mod -v=true", "-v=false"])
def test_the_environment_leaves_alone_what_already_decides(flags: str) -> None:
    env = {"PYTEST_ADDOPTS": "--junitxml=mine.xml", "GOFLAGS": flags}
    assert report_environment("/run", env) == {"VERGER_REPORT_DIR": "/run"}
