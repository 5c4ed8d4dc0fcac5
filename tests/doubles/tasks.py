"""Task specifications, and reports that answer them, for tests that need one.

Not here: how the kernel makes a task; see verger_kernel/perform/tasks.py.
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from verger_kernel.agents.base import Turn
from verger_kernel.rules.packs import Stage, TaskItem, TaskSpecification
from verger_kernel.rules.policy import AgentDefinition

STAGES: tuple[Stage, ...] = ("execute", "fix", "remediate", "audit", "triage")
_SCHEMAS = {"audit": "verger.audit_report.v1", "triage": "verger.triage_report.v1"}
_VERDICTS: dict[str, dict[str, Any]] = {
    "audit": {"overall_verdict": "pass"},
    "triage": {"overall_decision": "pass"},
}


def task(stage: Stage = "execute", *, folder: Path = Path("/nowhere"), **changed: Any) -> TaskSpecification:
    """A task for `stage` whose worktree and report lie in `folder`; `changed` replaces fields."""
    task = TaskSpecification(
        run_id="RUN_20260325T101112Z_" + "0a" * 16,
        item_id="02",
        attempt=1,
        round=0,
        stage=stage,
        lane="a" if stage == "audit" else None,
        agent="painter",
        worktree=str(folder / "worktree"),
        packet_dir=str(folder / "packet") if stage in _SCHEMAS else "",
        packet_sha256="ab" * 32 if stage in _SCHEMAS else "",
        report_path=str(folder / "reports" / "report.json"),
        report_schema=_SCHEMAS.get(stage, "verger.worker_report.v1"),
        evidence_dir="",
        item=_item(),
        allowed_write_roots=("docs/",),
        forbidden_roots=(".git",),
        consult_paths=("README.md",),
        required_commands=("make test",),
        suggested_commands=(),
        required_artifacts=(),
        sections=(),
        rework=(),
        notes=(),
    )
    return msgspec.structs.replace(task, **changed)


def _item() -> TaskItem:
    return TaskItem(
        item_id="02",
        phase="Phase 1",
        action="Paint the fence",
        why_now="It is grey.",
        deliverable="docs/fence.md",
        exit_criteria="The fence is white.",
        change_profile="docs_only",
        requires_red_green=False,
        manual_gate_required=False,
        external_check_required=False,
    )


def turn(
    agent: AgentDefinition,
    asked: TaskSpecification,
    root: Path = Path("/repository"),
    *,
    is_enclosed: bool = False,
) -> Turn:
    """The first start of `agent` about `asked`, in the checkout `root`; its folder lies beside the worktree."""
    folder = Path(asked.worktree).parent / "agent"
    return Turn(agent, asked, root, folder, os.environ.get("PATH", os.defpath), is_enclosed)


def answer_to(task: TaskSpecification, **changed: Any) -> dict[str, Any]:
    """A report that answers `task`, as the object it is on the wire; `changed` replaces or adds keys."""
    bound = {"schema_version": task.report_schema, "summary": "done"}
    bound |= {
        name: getattr(task, name) for name in ("run_id", "item_id", "attempt", "round", "stage", "agent")
    }
    if task.stage == "audit":
        bound["lane"] = task.lane
    if task.stage in _SCHEMAS:
        bound["packet_sha256"] = task.packet_sha256
    return bound | _VERDICTS.get(task.stage, {"verdict": "implemented"}) | changed


def written(task: TaskSpecification, **changed: Any) -> bytes:
    """`answer_to` as the bytes of a file."""
    return msgspec.json.encode(answer_to(task, **changed))
