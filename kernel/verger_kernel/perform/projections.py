"""What is written for people after each step: gate, escalation, passed items. All of it can be made again.

Not here: anything that decides; the state does.
"""

import msgspec

from verger_kernel.disk.layout import RunFolder
from verger_kernel.perform.findings import findings_of
from verger_kernel.perform.reports import pretty
from verger_kernel.rules import state as s
from verger_kernel.rules.findings import Finding
from verger_kernel.rules.gates import Decision
from verger_kernel.rules.now import iso
from verger_kernel.rules.plan import Item, ManualGate, NormalizedPlan
from verger_kernel.rules.sarif import sarif
from verger_probes.records import write_record
from verger_probes.version import VERSION


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`manual_gate.json`: what a person is asked and what was decided."""

    schema_version: str = "verger.manual_gate.v1"
    run_id: str
    item_id: str
    attempt: int
    status: str
    gate: ManualGate
    requested_at_utc: str
    asked: Decision
    decision: Decision | None
    review_findings: tuple[Finding, ...]
    decide_with: str


class EscalationManifest(msgspec.Struct, frozen=True, kw_only=True):
    """`escalation_manifest.json`: why an attempt stopped, what was kept, what a person can do."""

    schema_version: str = "verger.escalation_manifest.v1"
    run_id: str
    item_id: str
    attempt: int
    round: int
    terminal_state: str
    since_utc: str
    summary: str
    details: tuple[str, ...]
    findings: tuple[Finding, ...]
    run_branch: str
    base: str
    tip: str
    worktree: str
    required_human_action: str
    suggested_resume_command: str


def publish(folder: RunFolder, plan: NormalizedPlan, before: s.RunState, after: s.RunState) -> None:
    """Writes what the step from `before` to `after` has to tell. Written again, it is the same."""
    if len(after.passed) > len(before.passed):
        _passed(folder, after.passed[-1])
    stage = after.stage
    if isinstance(before.stage, s.AwaitingGate) and not isinstance(stage, s.AwaitingGate):
        decision = stage.decision if isinstance(stage, s.Closing | s.Escalated) else None
        _gate(folder, plan, after, before.stage, decision)
    if stage == before.stage or isinstance(stage, s.Opening | s.Idle):
        return
    if isinstance(stage, s.AwaitingGate):
        _gate(folder, plan, after, stage, None)
    if isinstance(stage, s.BlockedExternal | s.Escalated):
        _stopped(folder, after, stage)
    _findings(folder, before.stage)


def _passed(folder: RunFolder, entry: s.PassedItem) -> None:
    path = folder.item(entry.item) / "passed.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_record(path, pretty(entry), durable=False)


def _findings(folder: RunFolder, stage: s.Stage) -> None:
    if isinstance(stage, s.Verifying | s.Auditing | s.Triaging):
        attempt = folder.attempt(stage.spot.item, stage.spot.attempt)
        found = findings_of(attempt, stage.spot.round)
        write_record(attempt.findings(stage.spot.round), pretty(found), durable=False)
        log = sarif(
            found,
            version=VERSION,
            run_id=folder.root.name,
            item=stage.spot.item,
            attempt=stage.spot.attempt,
            round_=stage.spot.round,
        )
        write_record(attempt.sarif(stage.spot.round), pretty(log), durable=False)


def _gate(
    folder: RunFolder,
    plan: NormalizedPlan,
    state: s.RunState,
    stage: s.AwaitingGate,
    decision: Decision | None,
) -> None:
    spot = stage.spot
    attempt = folder.attempt(spot.item, spot.attempt)
    record = GateRecord(
        run_id=state.frame.run_id,
        item_id=spot.item,
        attempt=spot.attempt,
        status=decision.outcome if decision else "pending",
        gate=_item(plan, spot.item).manual_gate,
        requested_at_utc=iso(stage.asked_utc_ms),
        asked=stage.asked,
        decision=decision,
        review_findings=findings_of(attempt, spot.round),
        decide_with=(
            f"verger mark-manual-gate {state.frame.run_id} --item {spot.item} "
            "--decision approved|rejected --by NAME --note TEXT"
        ),
    )
    attempt.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_record(attempt.gate, pretty(record), durable=False)


def _stopped(folder: RunFolder, state: s.RunState, stage: s.BlockedExternal | s.Escalated) -> None:
    spot = stage.spot
    attempt = folder.attempt(spot.item, spot.attempt)
    blocked = isinstance(stage, s.BlockedExternal)
    resume = f"verger resume {state.frame.run_id}"
    facts = state.frame.item(spot.item)
    manifest = EscalationManifest(
        run_id=state.frame.run_id,
        item_id=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        terminal_state="blocked_external" if blocked else "escalated",
        since_utc=iso(stage.since_utc_ms),
        summary=stage.why,
        details=stage.details if isinstance(stage, s.Escalated) else (),
        findings=findings_of(attempt, spot.round),
        run_branch=state.run_branch,
        base=spot.base,
        tip=spot.tip,
        worktree=str(attempt.worktree) if attempt.worktree.exists() else "",
        required_human_action=_action(stage),
        suggested_resume_command=f"{resume} --external-evidence-dir DIR"
        if blocked and facts.evidence
        else resume,
    )
    attempt.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_record(attempt.escalation, pretty(manifest), durable=False)


def _action(stage: s.BlockedExternal | s.Escalated) -> str:
    if isinstance(stage, s.BlockedExternal):
        return "Supply what is missing, then resume."
    if stage.is_workers:
        return (
            "Look at the findings and what the attempt left, mend the cause, then resume for a fresh attempt."
        )
    return (
        "Mend it on a branch, make the run go on from there with refresh-run, then resume. A run keeps the policy "
        "that it began with: where setup, reruns or quarantine must change, begin a new run."
    )


def _item(plan: NormalizedPlan, item_id: str) -> Item:
    return next(item for item in plan.items if item.item_id == item_id)
