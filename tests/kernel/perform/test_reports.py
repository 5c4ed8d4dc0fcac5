"""The verification report of a round as it grows trial by trial, and its JUnit twin.

Not here: how trials are made; see tests/journeys/test_verification.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from tests.doubles.marks import need

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder, RunFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.perform.findings import findings_of, unresolved_of
from verger_kernel.perform.reports import Round, SurfaceRecord, VerificationReport, add_trial, pretty
from verger_kernel.rules.findings import finding
from verger_kernel.rules.surface.report import surface_report
from verger_kernel.rules.trials import ArtifactResult, CommandResult, Purpose, TrialReport, trial_mark

HOSTILE = 'a\0b\x1b[31m\x07\ud800 <b attr="&amp;">]]> \ufffe \U0001f600\r\n\t end'


@pytest.fixture
def attempt(tmp_path: Path) -> AttemptFolder:
    """An attempt whose folder is there."""
    run = RunFolder(
        tmp_path / "run",
        tmp_path / "reports",
        tmp_path / "worktrees",
        tmp_path / "verify",
        tmp_path / "layers",
    )
    made = run.attempt("01", 1)
    make_folder(made.root)
    return made


def command(index: int = 1, **changed: Any) -> CommandResult:
    result = CommandResult(
        index=index,
        command="make test",
        status="pass",
        exit_code=0,
        runtime_ms=1250,
        output_bytes=3,
        swept=0,
        log="logs/required-01.log",
        tail="ok\n",
    )
    return msgspec.structs.replace(result, **changed)


def trial(
    *commands: CommandResult,
    group: str = "required",
    purpose: Purpose = "green",
    nth: int = 1,
    setup: tuple[CommandResult, ...] = (),
    artifacts: tuple[ArtifactResult, ...] = (),
) -> TrialReport:
    mark = trial_mark(
        group=group,
        purpose=purpose,
        nth=nth,
        setup=setup,
        commands=commands,
        artifacts=artifacts,
        reported={},
        green={},
    )
    return TrialReport(
        group=group,
        purpose=purpose,
        nth=nth,
        tree="c" * 40,
        room="in place",
        setup=setup,
        commands=commands,
        artifacts=artifacts,
        mark=mark,
    )


FAILED = command(status="fail", exit_code=1, tail="the last words")
BENT = finding(source="verification", title="bent", severity="low", category="test_gap", is_blocking=False)
SURFACE = SurfaceRecord(
    report=surface_report(()), approved=(), held_out=False, may_shrink=False, findings=(BENT,)
)
ROUND = Round(run_id="RUN", item="01", attempt=1, round=0, need=need(), surface=SURFACE)


def add(attempt: AttemptFolder, one: TrialReport, told: str | None = None) -> VerificationReport:
    """Adds `one` to what `told` digests: what lies there, unless it is the first trial of a round."""
    if told is None:
        first = (one.group, one.purpose, one.nth) == ("required", "green", 1)
        told = "" if first else digest_of(attempt.verification(0).read_bytes())
    data = add_trial(attempt, ROUND, one, told)
    assert data is not None
    assert attempt.verification(0).read_bytes() == data
    return msgspec.json.decode(data, type=VerificationReport)


def suites(attempt: AttemptFolder) -> dict[str | None, ElementTree.Element]:
    return {suite.get("name"): suite for suite in ElementTree.parse(attempt.junit(0)).getroot()}


def test_trials_are_added_in_the_order_they_were_made(attempt: AttemptFolder) -> None:
    assert add(attempt, trial(FAILED)).overall_result == "fail"
    assert add(attempt, trial(command(), nth=2)).overall_result == "flaky_pass"
    report = add(attempt, trial(command(), purpose="held-out"))
    assert [(one.purpose, one.nth) for one in report.trials] == [("green", 1), ("green", 2), ("held-out", 1)]
    assert list(suites(attempt)) == ["green-required", "green-required-2", "held-out-required"]
    assert (report.known, report.surface) == (None, SURFACE)


def test_a_suggestion_that_fails_makes_the_round_a_partial_one(attempt: AttemptFolder) -> None:
    add(attempt, trial(command()))
    assert add(attempt, trial(FAILED, group="suggested")).overall_result == "partial"
    assert list(suites(attempt)) == ["green-required", "green-suggested"]


def test_a_trial_that_is_made_again_takes_the_place_of_its_earlier_try(attempt: AttemptFolder) -> None:
    add(attempt, trial(command(status="killed", exit_code=-9)))
    report = add(attempt, trial(command()))
    assert [len(report.trials), report.overall_result] == [1, "pass"]
    assert suites(attempt)["green-required"].get("failures") == "0"


def test_the_same_trial_twice_gives_the_same_bytes(attempt: AttemptFolder) -> None:
    add(attempt, trial(command()))
    before = digest_of(attempt.verification(0).read_bytes()), digest_of(attempt.junit(0).read_bytes())
    add(attempt, trial(command()))
    assert before == (
        digest_of(attempt.verification(0).read_bytes()),
        digest_of(attempt.junit(0).read_bytes()),
    )


def test_a_later_trial_is_added_again_after_a_crash_before_its_record(attempt: AttemptFolder) -> None:
    add(attempt, trial(FAILED))
    told = digest_of(attempt.verification(0).read_bytes())
    once = add(attempt, trial(command(), nth=2), told)
    assert add(attempt, trial(command(), nth=2), told) == once


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"{}"),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"')),
    ],
    ids=["gone", "spoiled", "rewritten"],
)
def test_nothing_is_added_to_what_somebody_changed(
    attempt: AttemptFolder, spoil: Callable[[Path], object]
) -> None:
    add(attempt, trial(FAILED))
    path = attempt.verification(0)
    told = digest_of(path.read_bytes())
    spoil(path)
    left = path.read_bytes() if path.exists() else None
    assert add_trial(attempt, ROUND, trial(command(), nth=2), told) is None
    assert (path.read_bytes() if path.exists() else None) == left


def test_every_verdict_keeps_all_its_attempts(attempt: AttemptFolder) -> None:
    for nth in (1, 2, 3):
        report = add(attempt, trial(FAILED, nth=nth))
    (verdict,) = report.judgement.verdicts
    assert (verdict.verdict, verdict.attempts, len(report.trials)) == ("fail", 3, 3)


def test_a_finding_about_a_command_holds_the_end_of_its_newest_output(attempt: AttemptFolder) -> None:
    add(attempt, trial(FAILED))
    report = add(attempt, trial(msgspec.structs.replace(FAILED, tail="newer words"), nth=2))
    (found,) = report.judgement.final
    assert "newer words" in found.evidence
    assert "the last words" not in found.evidence


def test_junit_counts_setup_commands_and_artifacts(attempt: AttemptFolder) -> None:
    missing = ArtifactResult(path="docs/01.md", status="missing", must_be_committed=True)
    built = ArtifactResult(path="build/x", status="built", must_be_committed=False)
    add(attempt, trial(command(), setup=(command(command="npm ci"),), artifacts=(missing, built)))
    suite = suites(attempt)["green-required"]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert [case.get("time") for case in suite] == ["1.250", "1.250", None, None]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "missing"


def test_junit_survives_whatever_a_command_prints_or_is_called(attempt: AttemptFolder) -> None:
    hostile = HOSTILE.replace("\ud800", "")
    add(attempt, trial(command(command=hostile, status="fail", exit_code=1, tail=hostile)))
    (failure,) = suites(attempt)["green-required"].iter("failure")
    assert '<b attr="&amp;">]]>' in (failure.text or "")
    assert "😀" in (failure.text or "")


def test_what_failed_comes_back_as_findings_and_nothing_before_anything_ran(attempt: AttemptFolder) -> None:
    assert findings_of(attempt, 0) == ()
    assert unresolved_of(attempt, 0) == ()
    add(attempt, trial(command(status="timeout", exit_code=-15)))
    found = {one.title: one.mark.is_blocking for one in findings_of(attempt, 0)}
    assert found == {"required command 1: timeout": True, "bent": False}
    assert findings_of(attempt, 1) == ()


def test_records_for_people_end_with_one_newline_and_are_equal_for_equal_values() -> None:
    data = pretty({"b": 1, "a": [1]})
    assert data == pretty({"a": [1], "b": 1})
    assert data.endswith(b"}\n")
