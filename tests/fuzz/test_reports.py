"""Any bytes as a report, or as a scenario, are read or refused in words; no other exception exists.

Not here: which reports are refused and why; see tests/kernel/rules/test_packs.py.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.tasks import STAGES, answer_to, task, written

from verger_kernel.agents.outcome import Answered, Unanswered, complete_answer, outcome
from verger_kernel.agents.scenario import Scenario, ScenarioRefused, read_scenario
from verger_kernel.rules.packs import (
    FINDINGS_MAX,
    REPORT_TYPES,
    Report,
    ReportRefused,
    Stage,
    TaskSpecification,
    read_report,
)

STAGE = st.sampled_from(STAGES)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def _read_or_refused(data: bytes, asked: TaskSpecification) -> Report | None:
    try:
        report = read_report(data, asked)
    except ReportRefused as refusal:
        assert str(refusal)
        return None
    # What is accepted can be kept, and is bound to the call.
    assert msgspec.json.decode(msgspec.json.encode(report), type=type(report)) == report
    assert type(report) is REPORT_TYPES[asked.stage]
    assert (report.run_id, report.item_id, report.agent) == (asked.run_id, asked.item_id, asked.agent)
    return report


@given(stage=STAGE, data=st.binary())
def test_any_bytes_are_refused_in_words(stage: Stage, data: bytes) -> None:
    assert _read_or_refused(data, task(stage)) is None


@given(stage=STAGE, start=st.integers(0, 500), length=st.integers(0, 40), noise=st.binary(max_size=20))
def test_a_report_damaged_anywhere_is_read_or_refused(
    stage: Stage, start: int, length: int, noise: bytes
) -> None:
    asked = task(stage)
    whole = written(asked)
    _read_or_refused(whole[:start] + noise + whole[start + length :], asked)


@given(stage=STAGE, data=st.data(), value=VALUES)
def test_any_value_in_any_field_is_read_or_refused(stage: Stage, data: st.DataObject, value: object) -> None:
    asked = task(stage)
    whole = answer_to(asked)
    name = data.draw(st.sampled_from([*whole, "findings", "dispositions", "files_touched", "new"]))
    _read_or_refused(json.dumps(whole | {name: value}).encode(), asked)


@given(stage=STAGE, other=st.text())
def test_w8_no_other_item_is_ever_accepted(stage: Stage, other: str) -> None:
    asked = task(stage)
    report = _read_or_refused(json.dumps(answer_to(asked, item_id=other)).encode(), asked)
    assert (report is not None) == (other == asked.item_id)


@given(stage=STAGE, summary=st.text())
def test_any_text_is_a_summary(stage: Stage, summary: str) -> None:
    asked = task(stage)
    report = _read_or_refused(written(asked, summary=summary), asked)
    assert report is not None and report.summary == summary


DEEP = 200_000


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * DEEP, id="deep array"),
        pytest.param(b'{"a":' * DEEP, id="deep object"),
        pytest.param(b'{"unknown":' + b"[" * DEEP + b"]" * DEEP + b"}", id="deep and closed"),
        pytest.param(b'{"attempt":NaN}', id="no number"),
        pytest.param(b'{"attempt":Infinity}', id="infinite"),
        pytest.param(b'{"attempt":' + b"9" * DEEP + b"}", id="long number"),
        pytest.param(b'{"attempt":1e999999999}', id="large number"),
        pytest.param(b'{"summary":"\\ud800"}', id="half a surrogate"),
        pytest.param(b'{"summary":"\\ud800\\ud800"}', id="two high surrogates"),
        pytest.param(b'{"summary":"\xff"}', id="no UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b"\x00" * 4096, id="nulls"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"' + b"x" * (5 << 20) + b'"', id="five megabytes"),
    ],
)
def test_what_breaks_readers_is_refused_in_words(stage: Stage, data: bytes) -> None:
    assert _read_or_refused(data, task(stage)) is None


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda whole: b"\xef\xbb\xbf" + whole, id="byte order mark"),
        pytest.param(lambda whole: whole.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(lambda whole: whole.decode().encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(lambda whole: whole.replace(b'"round":0', b'"round":NaN'), id="no number"),
        pytest.param(lambda whole: whole.replace(b'"round":0', b'"round":0.0'), id="a fraction"),
        pytest.param(lambda whole: whole.replace(b'"round":0', b'"round":' + b"9" * 5000), id="long number"),
        pytest.param(lambda whole: whole + whole, id="twice"),
        pytest.param(lambda whole: whole[:-1] + b"," + whole[1:], id="every key twice"),
        pytest.param(lambda whole: b"[" + whole + b"]", id="in a list"),
        pytest.param(lambda whole: whole + b"\0", id="a null behind it"),
    ],
)
def test_a_whole_report_in_another_dress_is_refused(stage: Stage, spoil: Any) -> None:
    whole = written(task(stage))
    assert _read_or_refused(whole, task(stage)) is not None
    assert _read_or_refused(spoil(whole), task(stage)) is None


def test_a_lone_surrogate_in_a_whole_report_is_refused_or_can_be_kept() -> None:
    asked = task()
    for half in ("\\ud800", "\\udfff", "\\ud800x", "\\ud800\\u0041"):
        _read_or_refused(written(asked).replace(b'"done"', f'"{half}"'.encode()), asked)


@given(data=st.binary() | st.text().map(str.encode), exit_code=st.integers(-64, 255))
def test_any_file_has_an_outcome(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, exit_code: int
) -> None:
    report = tmp_path_factory.getbasetemp() / "fuzzed.json"
    report.write_bytes(data)
    found = outcome(task(), report, exit_code=exit_code, breach=None, start_error="")
    assert isinstance(found, Unanswered) and found.kind == "malformed"
    assert found.why.isprintable() and len(found.why) < 3000


def test_five_megabytes_that_would_be_valid_are_refused_by_their_size(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_bytes(written(task(), summary="x" * (5 << 20)))
    found = outcome(task(), report, exit_code=0, breach=None, start_error="")
    assert found == Unanswered("malformed", "the report is larger than 4194304 bytes")
    assert complete_answer(task(), report) is None


def test_four_megabytes_of_findings_are_read(tmp_path: Path) -> None:
    finding: dict[str, Any] = {
        "title": "x" * 3900,
        "severity": "low",
        "category": "other",
        "is_blocking": False,
    }
    report = tmp_path / "report.json"
    report.write_bytes(written(task("audit"), findings=[finding] * FINDINGS_MAX))
    assert isinstance(outcome(task("audit"), report, exit_code=0, breach=None, start_error=""), Answered)


def _scenario_or_refused(data: bytes) -> None:
    try:
        assert isinstance(read_scenario(data), Scenario)
    except ScenarioRefused as refusal:
        assert str(refusal)


@given(data=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_scenario_or_refused(data: bytes) -> None:
    _scenario_or_refused(data)


WHOLE = b"""schema_version = "verger.scenario.v1"
[[call]]
item = "02"
round = 0
steps = [{ do = "write", path = "a", text = "x" }, { do = "sleep", seconds = 0.5 }]
[call.report]
summary = "done"
"""


@given(
    start=st.integers(0, 200),
    length=st.integers(0, 40),
    noise=st.binary(max_size=20) | st.text(max_size=9).map(str.encode),
)
def test_a_scenario_damaged_anywhere_is_read_or_refused(start: int, length: int, noise: bytes) -> None:
    _scenario_or_refused(WHOLE[:start] + noise + WHOLE[start + length :])


def test_a_scenario_nested_without_end_is_refused() -> None:
    _scenario_or_refused(b"a = " + b"[" * 100_000)
    _scenario_or_refused(b"a." * 2_000 + b"a = 1")
    _scenario_or_refused(b"[" + b"a." * 2_000 + b"a]")
