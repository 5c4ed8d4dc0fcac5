"""What is said to an agent and what it says back: task specification, the three reports, and the park note.

Not here: how they travel (`agents/`), and whether to believe them: a report is a claim, `triage.py` judges it.
"""

import json
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from verger_kernel.rules.parks import Cause
from verger_probes.decoding import decoded

Stage = Literal["execute", "fix", "remediate", "audit", "triage"]
Lane = Literal["a", "b"]
LANES: tuple[Lane, ...] = ("a", "b")
Severity = Literal["critical", "high", "medium", "low", "info"]
Category = Literal[
    "correctness",
    "security",
    "test_gap",
    "scope",
    "documentation",
    "artifact",
    "process",
    "manual_gate",
    "external_dependency",
    "other",
]
Disposition = Literal[
    "actionable", "false_positive", "duplicate", "out_of_scope", "blocked_external", "requires_human_judgment"
]
FINDINGS_MAX = 1000
"""More than a person or a fix round can take in; the journal holds a mark of each."""
LINE_MAX = 10_000_000


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One object on the wire: no key may be missing unless it has a default, and none may be added."""


class ReworkPoint(_Wire, frozen=True, kw_only=True):
    """One thing that is wrong and that this round must mend; `evidence` is what was seen.

    `line` is 0 where none was named. `also_said` are the titles that others gave the same thing.
    """

    finding_id: str
    title: str
    severity: Severity
    category: Category
    file_paths: tuple[str, ...]
    evidence: tuple[str, ...]
    recommended_action: str
    line: int = 0
    also_said: tuple[str, ...] = ()


class TaskItem(_Wire, frozen=True, kw_only=True):
    """What the item asks for, in the words of the playbook."""

    item_id: str
    phase: str
    action: str
    why_now: str
    deliverable: str
    exit_criteria: str
    change_profile: str
    requires_red_green: bool
    manual_gate_required: bool
    external_check_required: bool


class Section(_Wire, frozen=True, kw_only=True):
    """A support section of the playbook that applies to the item."""

    section_id: str
    title: str
    body_markdown: str


class TaskSpecification(_Wire, frozen=True, kw_only=True):
    """The immutable input of one agent call. Paths are absolute unless they name something of the repository.

    `packet_dir` and `packet_sha256` are empty before the packet is frozen; `rework` is empty in `execute`.
    """

    schema_version: Literal["verger.task_specification.v1"] = "verger.task_specification.v1"
    run_id: str
    item_id: str
    attempt: int
    round: int
    stage: Stage
    lane: Lane | None
    agent: str
    worktree: str
    packet_dir: str
    packet_sha256: str
    report_path: str
    report_schema: str
    evidence_dir: str
    item: TaskItem
    allowed_write_roots: tuple[str, ...]
    forbidden_roots: tuple[str, ...]
    consult_paths: tuple[str, ...]
    required_commands: tuple[str, ...]
    suggested_commands: tuple[str, ...]
    required_artifacts: tuple[str, ...]
    sections: tuple[Section, ...]
    rework: tuple[ReworkPoint, ...]
    notes: tuple[str, ...]


class _Report(_Wire, frozen=True, kw_only=True):
    """What binds a report to the one call that asked for it; every field repeats the task specification."""

    run_id: str
    item_id: str
    attempt: int
    round: int
    agent: str
    summary: str


class WorkerReport(_Report, frozen=True, kw_only=True):
    """What a worker claims it did. `files_touched` and the rest are claims; the kernel reads the tree itself."""

    schema_version: Literal["verger.worker_report.v1"]
    stage: Literal["execute", "fix", "remediate"]
    verdict: Literal["implemented", "no_change_needed", "blocked", "needs_human_input", "blocked_external"]
    files_touched: tuple[str, ...] = ()
    unresolved_items: tuple[str, ...] = ()
    residual_risks: tuple[str, ...] = ()


class ReportedFinding(_Wire, frozen=True, kw_only=True):
    """One thing an auditor found: `line` in the result, counted from 1, 0 for none; `quote` is the code there."""

    title: str
    severity: Severity
    category: Category
    confidence: Literal["high", "medium", "low"] = "medium"
    file_paths: tuple[str, ...] = ()
    line: Annotated[int, Meta(ge=0, le=LINE_MAX)] = 0
    quote: str = ""
    evidence: tuple[str, ...] = ()
    why_it_matters: str = ""
    recommended_action: str = ""
    is_blocking: bool


class AuditReport(_Report, frozen=True, kw_only=True):
    """What one lane says of the packet whose digest it repeats."""

    schema_version: Literal["verger.audit_report.v1"]
    stage: Literal["audit"]
    lane: Lane
    packet_sha256: str
    overall_verdict: Literal["pass", "issues_found", "blocked", "inconclusive"]
    findings: Annotated[tuple[ReportedFinding, ...], Meta(max_length=FINDINGS_MAX)] = ()
    limitations: tuple[str, ...] = ()


class FindingDisposition(_Wire, frozen=True, kw_only=True):
    """What triage says about one merged finding, and why."""

    finding_id: str
    disposition: Disposition
    reason: str


class TriageReport(_Report, frozen=True, kw_only=True):
    """What a triage agent proposes; `triage.rule` bounds it."""

    schema_version: Literal["verger.triage_report.v1"]
    stage: Literal["triage"]
    packet_sha256: str
    overall_decision: Literal["pass", "fix_required", "awaiting_human_gate", "blocked_external", "escalate"]
    dispositions: tuple[FindingDisposition, ...] = ()


class ParkNote(_Wire, frozen=True, kw_only=True):
    """What stands in the place of a report where the agent cannot go on and is not to blame.

    `resets_at_utc` is ISO-8601 in UTC, empty when the agent does not know.
    """

    schema_version: Literal["verger.park.v1"]
    cause: Cause
    why: str
    resets_at_utc: str = ""


Report = WorkerReport | AuditReport | TriageReport

REPORT_TYPES: dict[Stage, type[WorkerReport] | type[AuditReport] | type[TriageReport]] = {
    "execute": WorkerReport,
    "fix": WorkerReport,
    "remediate": WorkerReport,
    "audit": AuditReport,
    "triage": TriageReport,
}


class ReportRefused(Exception):
    """An agent's answer that cannot be used; `str()` names the field, what it holds and what it must hold."""


def read_report(data: bytes, task: TaskSpecification) -> Report:
    """The report that `data` holds, proved to answer `task`. Raises ReportRefused and nothing else."""
    try:
        report = decoded(data, REPORT_TYPES[task.stage])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportRefused(f"no valid {task.report_schema}: {error}") from None
    _said_once(data)
    for name in ("run_id", "item_id", "attempt", "round", "stage", "agent"):
        _same(name, getattr(report, name), getattr(task, name))
    if isinstance(report, AuditReport):
        _same("lane", report.lane, task.lane)
        _consistent(report)
    if isinstance(report, AuditReport | TriageReport):
        _same("packet_sha256", report.packet_sha256, task.packet_sha256)
    return report


def _said_once(data: bytes) -> None:
    """Raises ReportRefused for a key that stands twice in one object: two readers would read two reports."""
    json.loads(data, object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ReportRefused(f"the report answers twice: it repeats the key {name!r}")
        seen.add(name)


def _same(field: str, reported: object, expected: object) -> None:
    if reported != expected:
        raise ReportRefused(
            f"the report answers another call: {field} is {reported!r}, asked was {expected!r}"
        )


def _consistent(report: AuditReport) -> None:
    if report.overall_verdict == "issues_found" and not report.findings:
        raise ReportRefused("overall_verdict is 'issues_found' but findings is empty")
    if report.overall_verdict == "pass" and any(finding.is_blocking for finding in report.findings):
        raise ReportRefused("overall_verdict is 'pass' but a finding is blocking")
