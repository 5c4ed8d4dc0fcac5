"""The park note: what is one, and what is taken for something else.

Not here: what a run makes of it; see tests/journeys/test_parked.py.
"""

import os
from pathlib import Path

import pytest

from verger_kernel.agents.outcome import Parked
from verger_kernel.agents.parking import parked

NOTE = '{"schema_version": "verger.park.v1", "cause": "%s", "why": "%s", "resets_at_utc": "%s"}'


@pytest.mark.parametrize("cause", ["limit", "auth", "outage", "budget"])
def test_every_cause_is_known(tmp_path: Path, cause: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(NOTE % (cause, "no more", "1970-01-01T00:00:05Z"))
    assert parked(path) == Parked(cause, "no more", 5000)  # type: ignore[arg-type]


def test_who_does_not_know_when_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text('{"schema_version": "verger.park.v1", "cause": "auth", "why": "log in"}')
    assert parked(path) == Parked("auth", "log in", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        NOTE % ("hunger", "no more", ""),
        NOTE % ("limit", "no more", "tomorrow"),
        NOTE % ("limit", "no more", "2026-01-01T06:00:00"),
        NOTE.replace("v1", "v2") % ("limit", "no more", ""),
        '{"schema_version": "verger.worker_report.v1"}',
    ],
)
def test_everything_else_is_no_park_note(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    assert parked(path) is None


def test_a_note_is_a_plain_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert parked(path) is None
    (tmp_path / "elsewhere").write_text(NOTE % ("limit", "no more", ""))
    path.symlink_to(tmp_path / "elsewhere")
    assert parked(path) is None
    path.unlink()
    os.mkfifo(path)
    assert parked(path) is None


def test_what_an_agent_says_is_one_printable_line(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(NOTE % ("limit", "a\\n\\u001b[1m" + "b" * 1000, ""))
    found = parked(path)
    assert found and found.why.isprintable()
    assert len(found.why) < 500
