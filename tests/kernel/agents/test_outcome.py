"""The report file decides what came of a call, whatever ended the program that wrote it.

Not here: what stands in a report, see tests/kernel/rules/test_packs.py.
"""

import hashlib
import os
from pathlib import Path

import pytest
from tests.doubles.tasks import task, written

from verger_kernel.agents.outcome import (
    REPORT_BYTES_MAX,
    Answered,
    Failure,
    Outcome,
    Unanswered,
    complete_answer,
    outcome,
)
from verger_kernel.rules.limits import Breach
from verger_kernel.rules.packs import TaskSpecification


@pytest.fixture
def asked(tmp_path: Path) -> TaskSpecification:
    return task(report_path=str(tmp_path / "report.json"))


def _outcome(
    asked: TaskSpecification,
    *,
    exit_code: int | None = 0,
    breach: Breach | None = None,
    start_error: str = "",
) -> Outcome:
    return outcome(
        asked, Path(asked.report_path), exit_code=exit_code, breach=breach, start_error=start_error
    )


def _malformed(asked: TaskSpecification) -> str:
    found = _outcome(asked)
    assert isinstance(found, Unanswered) and found.kind == "malformed"
    assert complete_answer(asked, Path(asked.report_path)) is None
    return found.why


def test_a_valid_report_is_an_answer_named_by_its_bytes(asked: TaskSpecification) -> None:
    data = written(asked)
    Path(asked.report_path).write_bytes(data)
    found = _outcome(asked)
    assert isinstance(found, Answered)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.report.summary == "done"
    assert complete_answer(asked, Path(asked.report_path)) == found


@pytest.mark.parametrize("exit_code", [1, 127, -9, -15])
def test_a_bad_end_after_a_valid_report_is_still_an_answer(asked: TaskSpecification, exit_code: int) -> None:
    Path(asked.report_path).write_bytes(written(asked))
    assert isinstance(_outcome(asked, exit_code=exit_code), Answered)


@pytest.mark.parametrize(
    ("limit", "kind", "why"),
    [
        ("timeout", "timeout", "ran 11 s, 10 s are allowed"),
        ("silence", "silent", "said nothing, used no CPU and wrote nothing for 11 s, 10 s are allowed"),
        ("output", "output", "wrote 11 bytes to its streams, 10 are allowed"),
        ("memory", "memory", "used 11 bytes of memory, 10 are allowed"),
    ],
)
def test_a_broken_limit_is_why_there_is_no_answer_unless_there_is_one(
    asked: TaskSpecification, limit: str, kind: Failure, why: str
) -> None:
    broken = Breach(limit=limit, used=11, allowed=10)
    for flawed in (None, b"{}"):
        if flawed:
            Path(asked.report_path).write_bytes(flawed)
        assert _outcome(asked, exit_code=-15, breach=broken) == Unanswered(kind, why)
    Path(asked.report_path).write_bytes(written(asked))
    assert isinstance(_outcome(asked, exit_code=-15, breach=broken), Answered)


@pytest.mark.parametrize(
    ("exit_code", "kind", "why"),
    [
        (0, "malformed", "ended with exit code 0, but without a report"),
        (3, "failed", "ended with exit code 3, without a report"),
        (-9, "killed", "ended by SIGKILL, without a report"),
        (-100, "killed", "ended by signal 100, without a report"),
    ],
)
def test_without_a_report_the_end_says_why(
    asked: TaskSpecification, exit_code: int, kind: Failure, why: str
) -> None:
    assert _outcome(asked, exit_code=exit_code) == Unanswered(kind, why)
    assert complete_answer(asked, Path(asked.report_path)) is None


def test_a_program_that_never_started_has_not_answered_whatever_lies_there(asked: TaskSpecification) -> None:
    Path(asked.report_path).write_bytes(written(asked))
    assert _outcome(asked, exit_code=None, start_error="no such program") == Unanswered(
        "not_started", "no such program"
    )
    assert _outcome(asked, exit_code=None) == Unanswered("not_started", "the program was never started")


def test_a_link_to_a_valid_report_is_not_followed(asked: TaskSpecification, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes(written(asked))
    Path(asked.report_path).symlink_to("elsewhere.json")
    assert _malformed(asked) == "the report is a symbolic link"


def test_a_folder_or_a_pipe_is_no_report_and_is_not_waited_for(asked: TaskSpecification) -> None:
    Path(asked.report_path).mkdir()
    assert _malformed(asked) == "the report is no regular file"
    Path(asked.report_path).rmdir()
    os.mkfifo(asked.report_path)
    assert _malformed(asked) == "the report is no regular file"


def test_a_report_below_a_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be opened" in _malformed(task(report_path=str(tmp_path / "file" / "report.json")))


def test_a_report_may_fill_the_cap_and_not_a_byte_more(asked: TaskSpecification) -> None:
    data = written(asked)
    padded = data + b" " * (REPORT_BYTES_MAX - len(data))
    Path(asked.report_path).write_bytes(padded)
    assert isinstance(_outcome(asked), Answered)
    Path(asked.report_path).write_bytes(padded + b" ")
    assert _malformed(asked) == "the report is larger than 4194304 bytes"


def test_three_gigabytes_of_nothing_are_refused_without_being_read(asked: TaskSpecification) -> None:
    with Path(asked.report_path).open("wb") as file:
        file.truncate(3 << 30)
    assert _malformed(asked) == "the report is larger than 4194304 bytes"


def test_half_a_report_and_no_byte_are_malformed(asked: TaskSpecification) -> None:
    data = written(asked)
    Path(asked.report_path).write_bytes(data[: len(data) // 2])
    assert "no valid verger.worker_report.v1" in _malformed(asked)
    Path(asked.report_path).write_bytes(b"")
    assert "no valid verger.worker_report.v1" in _malformed(asked)


def test_why_is_one_short_printable_line_whatever_the_agent_wrote(asked: TaskSpecification) -> None:
    Path(asked.report_path).write_bytes(written(asked, **{"\x1b[2J\n" + "x" * 100_000: 1}))
    why = _malformed(asked)
    assert why.isprintable() and len(why) < 500
    assert "\\x1b[2J\\n" in why and why.endswith(" characters)")
