"""The verification report of a round as it grows group by group, and its JUnit twin.

Not here: how groups are run; see tests/journeys/test_verification.py.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder, RunFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.perform.findings import findings_of, unresolved_of
from verger_kernel.perform.reports import VerificationReport, add_group, pretty
from verger_kernel.rules.verification import ArtifactResult, CommandResult, GroupReport

HOSTILE = 'a\0b\x1b[31m\x07\ud800 <b attr="&amp;">]]> \ufffe \U0001f600\r\n\t end'


@pytest.fixture
def attempt(tmp_path: Path) -> AttemptFolder:
    """An attempt whose folder is there."""
    run = RunFolder(tmp_path / "run", tmp_path / "reports", tmp_path / "worktrees", tmp_path / "verify")
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


def group(name: str = "required", *commands: CommandResult, **changed: Any) -> GroupReport:
    report = GroupReport(
        group=name, required=name == "required", commit="c" * 40, setup=(), commands=commands, artifacts=()
    )
    return msgspec.structs.replace(report, **changed)


def add(attempt: AttemptFolder, one: GroupReport) -> VerificationReport:
    data = add_group(attempt, run_id="RUN", item="01", attempt=1, round_=0, group=one)
    assert attempt.verification(0).read_bytes() == data
    return msgspec.json.decode(data, type=VerificationReport)


def suites(attempt: AttemptFolder) -> dict[str | None, ElementTree.Element]:
    return {suite.get("name"): suite for suite in ElementTree.parse(attempt.junit(0)).getroot()}


def test_groups_are_added_in_the_order_they_ran(attempt: AttemptFolder) -> None:
    assert add(attempt, group("required", command())).overall_result == "pass"
    report = add(attempt, group("suggested", command(status="fail", exit_code=1)))
    assert [one.group for one in report.groups] == ["required", "suggested"]
    assert report.overall_result == "partial"
    assert list(suites(attempt)) == ["required", "suggested"]


def test_a_group_that_is_run_again_takes_the_place_of_its_earlier_try(attempt: AttemptFolder) -> None:
    add(attempt, group("required", command(status="killed", exit_code=-9)))
    report = add(attempt, group("required", command()))
    assert [len(report.groups), report.overall_result] == [1, "pass"]
    assert suites(attempt)["required"].get("failures") == "0"


def test_the_same_group_twice_gives_the_same_bytes(attempt: AttemptFolder) -> None:
    add(attempt, group("required", command()))
    before = digest_of(attempt.verification(0).read_bytes()), digest_of(attempt.junit(0).read_bytes())
    add(attempt, group("required", command()))
    assert before == (
        digest_of(attempt.verification(0).read_bytes()),
        digest_of(attempt.junit(0).read_bytes()),
    )


def test_junit_counts_setup_commands_and_artifacts(attempt: AttemptFolder) -> None:
    missing = ArtifactResult(path="docs/01.md", status="missing", must_be_committed=True)
    built = ArtifactResult(path="build/x", status="built", must_be_committed=False)
    one = group("required", command(), setup=(command(command="npm ci"),), artifacts=(missing, built))
    add(attempt, one)
    suite = suites(attempt)["required"]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert [case.get("time") for case in suite] == ["1.250", "1.250", None, None]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "missing"


def test_junit_survives_whatever_a_command_prints_or_is_called(attempt: AttemptFolder) -> None:
    add(
        attempt, group("required", command(command=HOSTILE.replace("\ud800", ""), status="fail", exit_code=1))
    )
    data = attempt.verification(0).read_bytes()
    noisy = msgspec.structs.replace(
        msgspec.json.decode(data, type=VerificationReport).groups[0],
        commands=(command(tail=HOSTILE.replace("\ud800", ""), status="fail", exit_code=1),),
    )
    add(attempt, noisy)
    (failure,) = suites(attempt)["required"].iter("failure")
    assert '<b attr="&amp;">]]>' in (failure.text or "")
    assert "😀" in (failure.text or "")


def test_what_failed_comes_back_as_findings_and_nothing_before_anything_ran(attempt: AttemptFolder) -> None:
    assert findings_of(attempt, 0) == ()
    assert unresolved_of(attempt, 0) == ()
    add(attempt, group("required", command(status="timeout", exit_code=-15)))
    (one,) = findings_of(attempt, 0)
    assert (one.title, one.mark.is_blocking) == ("required command 1: timeout", True)
    assert findings_of(attempt, 1) == ()


def test_records_for_people_end_with_one_newline_and_are_equal_for_equal_values() -> None:
    data = pretty({"b": 1, "a": [1]})
    assert data == pretty({"a": [1], "b": 1})
    assert data.endswith(b"}\n")
