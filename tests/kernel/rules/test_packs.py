"""A report is used only if it is whole, keeps its schema and answers the call that asked for it.

Not here: reports as files, see tests/kernel/agents/test_outcome.py; any bytes at all, see tests/fuzz.
"""

from typing import Any

import msgspec
import pytest
from tests.doubles.tasks import STAGES, answer_to, task, written

from verger_kernel.rules.packs import FINDINGS_MAX, REPORT_TYPES, ReportRefused, Stage, read_report

FINDING = {"title": "It is grey", "severity": "high", "category": "correctness", "is_blocking": True}
BOUND: list[tuple[str, Any]] = [
    ("run_id", "RUN_20260325T101112Z_" + "0b" * 16),
    ("item_id", "03"),
    ("attempt", 2),
    ("round", 1),
    ("agent", "mason"),
]


@pytest.mark.parametrize("stage", STAGES)
def test_an_honest_report_of_each_stage_is_read(stage: Stage) -> None:
    asked = task(stage)
    report = read_report(written(asked), asked)
    assert type(report) is REPORT_TYPES[stage]
    assert report.summary == "done"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("name", "other"), BOUND)
def test_w8_a_report_that_answers_another_call_is_refused(stage: Stage, name: str, other: object) -> None:
    asked = task(stage)
    with pytest.raises(ReportRefused, match=f"answers another call: {name} is {other!r}, asked was"):
        read_report(written(asked, **{name: other}), asked)


@pytest.mark.parametrize(
    ("stage", "name", "other"),
    [
        ("fix", "stage", "execute"),
        ("audit", "lane", "b"),
        ("audit", "packet_sha256", "cd" * 32),
        ("triage", "packet_sha256", ""),
    ],
)
def test_w8_a_report_for_another_stage_lane_or_packet_is_refused(stage: Stage, name: str, other: str) -> None:
    asked = task(stage)
    with pytest.raises(ReportRefused, match=f"answers another call: {name} is {other!r}, asked was"):
        read_report(written(asked, **{name: other}), asked)


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_of_another_kind_is_refused(stage: Stage) -> None:
    asked = task(stage)
    for other in STAGES:
        if REPORT_TYPES[other] is not REPORT_TYPES[stage]:
            with pytest.raises(ReportRefused, match=f"no valid {asked.report_schema}"):
                read_report(written(task(other)), asked)


@pytest.mark.parametrize("stage", STAGES)
def test_no_key_that_binds_or_decides_may_be_missing(stage: Stage) -> None:
    asked = task(stage)
    whole = answer_to(asked)
    for name in whole:
        less = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(ReportRefused, match=f"missing required field `{name}`"):
            read_report(msgspec.json.encode(less), asked)


@pytest.mark.parametrize("stage", STAGES)
def test_no_key_may_be_added(stage: Stage) -> None:
    asked = task(stage)
    with pytest.raises(ReportRefused, match="unknown field `approved`"):
        read_report(written(asked, approved=True), asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [("attempt", "1"), ("attempt", 1.5), ("attempt", True), ("summary", None), ("verdict", "done")],
)
def test_nothing_is_converted(name: str, value: object) -> None:
    asked = task()
    with pytest.raises(ReportRefused, match=rf"at `\$\.{name}`"):
        read_report(written(asked, **{name: value}), asked)


def test_a_report_that_says_one_thing_twice_is_refused() -> None:
    asked = task("audit")
    whole = written(asked, overall_verdict="issues_found", findings=[FINDING])
    for name in ("overall_verdict", "is_blocking", "findings"):
        twice = whole.replace(f'"{name}":'.encode(), f'"{name}":null,"{name}":'.encode())
        with pytest.raises(ReportRefused):
            read_report(twice, asked)
    equal = whole.replace(b'"is_blocking":true', b'"is_blocking":false,"is_blocking":true')
    with pytest.raises(ReportRefused, match="answers twice: it repeats the key 'is_blocking'"):
        read_report(equal, asked)


def test_more_findings_than_anybody_can_read_are_refused() -> None:
    asked = task("audit")
    most = written(asked, overall_verdict="issues_found", findings=[FINDING] * FINDINGS_MAX)
    assert len(msgspec.to_builtins(read_report(most, asked))["findings"]) == FINDINGS_MAX
    more = written(asked, overall_verdict="issues_found", findings=[FINDING] * (FINDINGS_MAX + 1))
    with pytest.raises(ReportRefused, match=r"length <= 1000 - at `\$.findings`"):
        read_report(more, asked)


@pytest.mark.parametrize("line", [-1, 1.5, "3", 10**30])
def test_a_line_is_a_number_that_a_file_can_have(line: object) -> None:
    asked = task("audit")
    with pytest.raises(ReportRefused, match="line"):
        read_report(
            written(asked, overall_verdict="issues_found", findings=[FINDING | {"line": line}]), asked
        )


def test_a_pass_with_a_blocking_finding_is_refused() -> None:
    asked = task("audit")
    with pytest.raises(ReportRefused, match="'pass' but a finding is blocking"):
        read_report(written(asked, findings=[FINDING]), asked)


def test_issues_found_without_any_finding_are_refused() -> None:
    asked = task("audit")
    with pytest.raises(ReportRefused, match="'issues_found' but findings is empty"):
        read_report(written(asked, overall_verdict="issues_found"), asked)


def test_a_pass_with_a_remark_is_read() -> None:
    asked = task("audit")
    remark = FINDING | {"is_blocking": False, "severity": "info"}
    report = read_report(written(asked, findings=[remark]), asked)
    assert len(msgspec.to_builtins(report)["findings"]) == 1


def test_a_task_reads_back_as_it_was_written() -> None:
    asked = task("audit")
    assert msgspec.json.decode(msgspec.json.encode(asked), type=type(asked)) == asked
