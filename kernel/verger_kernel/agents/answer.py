"""What a scripted agent answers: the honest report, with what the scenario puts in its place.

Not here: writing it; see `playing.py`.
"""

from typing import Any

import msgspec

from verger_kernel.agents.scenario import Call
from verger_kernel.agents.steps import changed_paths
from verger_kernel.rules.packs import TaskSpecification


def answer(task: TaskSpecification, call: Call) -> bytes:
    """The report as JSON. Whatever the scenario says, the summary admits that it is scripted."""
    report = _bound(task) | _verdict(task, call) | call.report
    report["summary"] = f"scripted: {report.get('summary', 'played without a model')}"
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def _bound(task: TaskSpecification) -> dict[str, Any]:
    return {
        "schema_version": task.report_schema,
        "run_id": task.run_id,
        "item_id": task.item_id,
        "attempt": task.attempt,
        "round": task.round,
        "stage": task.stage,
        "agent": task.agent,
    }


def _verdict(task: TaskSpecification, call: Call) -> dict[str, Any]:
    if task.stage == "audit":
        verdict = "issues_found" if call.report.get("findings") else "pass"
        return {"lane": task.lane, "packet_sha256": task.packet_sha256, "overall_verdict": verdict}
    if task.stage == "triage":
        return {"packet_sha256": task.packet_sha256, "overall_decision": "pass"}
    touched = changed_paths(call.steps)
    return {"verdict": "implemented" if touched else "no_change_needed", "files_touched": touched}
