"""One trial reduced to what decides: status, names, counts, and what a red trial shows beside the green one.

Not here: several trials side by side (test_attempts.py) and what they prove (test_verification.py).
"""

from typing import Any

import msgspec
import pytest

from verger_kernel.rules.cases import CaseReport, case_report
from verger_kernel.rules.trials import (
    NAMES_MAX,
    SETUP,
    WHOLE,
    ArtifactResult,
    CaseCounts,
    CommandMark,
    CommandResult,
    CommandStatus,
    TrialMark,
    case_counts,
    command_status,
    is_red_by_exit,
    trial_mark,
    trial_name,
)


def result(status: CommandStatus = "pass", exit_code: int | None = None, **changed: Any) -> CommandResult:
    ended = CommandResult(
        index=1,
        command="pytest",
        status=status,
        exit_code={"pass": 0}.get(status, 1) if exit_code is None else exit_code,
        runtime_ms=5,
        output_bytes=4,
        swept=0,
        log="logs/1.log",
        tail="last line",
    )
    return msgspec.structs.replace(ended, **changed)


def report(*failed: str, **changed: Any) -> CaseReport:
    told = CaseReport(
        runner="pytest",
        passed=("p",),
        failed=failed,
        skipped=(),
        broken=(),
        passed_unnamed=0,
        skipped_unnamed=0,
    )
    return msgspec.structs.replace(told, **changed)


def mark(
    ended: CommandResult, told: CaseReport | None = None, green: CaseReport | None = None
) -> CommandMark:
    (made,) = reduced(ended, told=told, green=green).commands
    return made


def reduced(
    *commands: CommandResult,
    setup: tuple[CommandResult, ...] = (),
    artifacts: tuple[ArtifactResult, ...] = (),
    told: CaseReport | None = None,
    green: CaseReport | None = None,
) -> TrialMark:
    return trial_mark(
        group="required",
        purpose="red" if green else "green",
        nth=1,
        setup=setup,
        commands=commands,
        artifacts=artifacts,
        reported={1: told} if told else {},
        green={1: green} if green else {},
    )


@pytest.mark.parametrize(
    ("exit_code", "breach", "status"),
    [
        (0, "", "pass"),
        (1, "", "fail"),
        (127, "", "fail"),
        (-9, "", "killed"),
        (None, "", "not_started"),
        (0, "timeout", "timeout"),
        (-9, "memory", "memory"),
        (-15, "output", "output"),
        (None, "silence", "silence"),
    ],
)
def test_a_broken_limit_outweighs_the_exit_code(
    exit_code: int | None, breach: str, status: CommandStatus
) -> None:
    assert command_status(exit_code, breach) == status


def test_a_trial_is_named_by_purpose_and_number() -> None:
    assert trial_name("required", "held-out", 1) == "held-out-required"
    assert trial_name("required", "green", 3) == "green-required-3"


def test_what_passed_has_nothing_that_failed() -> None:
    assert mark(result()).failed == ()
    told = mark(result(), report())
    assert (told.status, told.runner, told.executed, told.failed) == ("pass", "pytest", 1, ())


def test_a_command_without_names_fails_as_a_whole() -> None:
    assert mark(result("fail")).failed == (WHOLE,)
    assert mark(result("fail"), report()).failed == (WHOLE,)


def test_a_failure_bears_the_names_of_its_cases_and_of_what_could_not_be_collected() -> None:
    told = mark(result("fail"), report("a", "b", broken=("tests/c.py",)))
    assert (told.failed, told.executed) == (("a", "b", "tests/c.py"), 3)


@pytest.mark.parametrize("told", [report("a"), report(broken=("tests/c.py",))])
def test_a_swallowed_exit_code_hides_no_failed_case(told: CaseReport) -> None:
    made = mark(result("pass"), told)
    assert made.status == "fail"
    assert made.failed == told.failed + told.broken


@pytest.mark.parametrize("status", ["timeout", "silence", "output", "memory", "killed", "not_started"])
def test_a_command_that_did_not_end_by_itself_fails_as_a_whole_whatever_was_reported(
    status: CommandStatus,
) -> None:
    assert mark(result(status), report("a")).failed == (WHOLE,)
    assert mark(result(status), report("a")).status == status


def test_a_hundred_names_are_kept_and_more_count_as_the_whole() -> None:
    names = tuple(f"case_{number:03}" for number in range(NAMES_MAX + 1))
    assert mark(result("fail"), report(*names[:NAMES_MAX])).failed == names[:NAMES_MAX]
    assert mark(result("fail"), report(*names)).failed == (WHOLE,)


def test_two_long_names_that_differ_at_their_end_stay_two() -> None:
    told = case_report("pytest", [("n" * 5000 + end, "failed") for end in "ab"])
    assert len(set(mark(result("fail"), told).failed)) == 2


def test_a_case_that_fails_without_the_change_and_passes_with_it_turned() -> None:
    made = mark(result("fail"), report("a", "b"), report("b", passed=("a", "p")))
    assert (made.turned, made.vanished) == (("a",), ())


def test_of_a_runner_that_names_only_failures_what_it_does_not_name_passed() -> None:
    green = report("b", passed=(), passed_unnamed=5, skipped=("c",))
    assert mark(result("fail"), report("a", "b", "c"), green).turned == ("a",)


def test_what_could_not_be_collected_and_now_can_vanished() -> None:
    red = report(passed=(), broken=("tests/a.py", "tests/b.py"))
    assert mark(result("fail"), red, report(broken=("tests/b.py",))).vanished == ("tests/a.py",)


def test_nothing_vanished_where_nothing_runs_in_green_either() -> None:
    red = report(passed=(), broken=("tests/a.py",))
    assert mark(result("fail"), red, report(passed=())).vanished == ()


def test_two_runners_cannot_be_compared() -> None:
    red = report("a", broken=("tests/a.py",))
    made = mark(result("fail"), red, report(passed=("a",), runner="unittest"))
    assert (made.turned, made.vanished) == ((), ())


def test_a_setup_is_one_mark_and_the_step_that_failed_is_it() -> None:
    steps = (result(index=1, command="npm ci"), result("fail", index=2, command="make deps"))
    made = reduced(setup=steps)
    assert [(one.number, one.command, one.failed) for one in made.commands] == [
        (SETUP, "make deps", (WHOLE,))
    ]
    good = reduced(result(), setup=steps[:1])
    assert [(one.number, one.status, one.failed) for one in good.commands] == [
        (SETUP, "pass", ()),
        (1, "pass", ()),
    ]


@pytest.mark.parametrize(
    ("status", "must_be_committed", "why"),
    [
        ("committed", True, ""),
        ("committed", False, ""),
        ("built", False, ""),
        ("built", True, "is only built, not part of the result"),
        ("missing", True, "does not exist"),
        ("missing", False, "does not exist"),
    ],
)
def test_an_artifact_must_be_where_it_was_promised(status: Any, must_be_committed: bool, why: str) -> None:
    seen = ArtifactResult(path="docs/a.md", status=status, must_be_committed=must_be_committed)
    made = reduced(result(), artifacts=(seen,)).unmade
    assert [(one.path, one.why) for one in made] == ([("docs/a.md", why)] if why else [])


def test_cases_are_counted_whether_or_not_they_have_names() -> None:
    told = report("a", broken=("b",), skipped=("s",), passed_unnamed=4, skipped_unnamed=2)
    assert case_counts(told) == CaseCounts(runner="pytest", passed=5, failed=1, skipped=3, broken=1)


@pytest.mark.parametrize(
    ("ended", "is_red"),
    [
        (result("fail", 1), True),
        (result("fail", 2), True),
        (result("fail", 125), True),
        (result("fail", 126), False),
        (result("fail", 127), False),
        (result("fail", 137), False),
        (result("killed", -9), False),
        (result("timeout", 1), False),
        (result("not_started", exit_code=1), False),
        (result("pass", 0), False),
    ],
)
def test_only_a_command_that_failed_by_itself_is_red(ended: CommandResult, is_red: bool) -> None:
    assert is_red_by_exit(mark(ended)) is is_red
