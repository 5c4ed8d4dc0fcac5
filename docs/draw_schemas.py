"""Draws docs/schemas/ from the types: `python docs/draw_schemas.py`, after a change of what is on the wire.

Not here: the types; see `verger_kernel.rules.packs`, `verger_kernel.agents.scenario` and `verger_daemon.rules.records`.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "schemas"
sys.path[:0] = [str(ROOT / "daemon"), str(ROOT / "kernel"), str(ROOT / "probes")]

from verger_daemon.rules.records import SCHEMAS as SUPERVISION  # noqa: E402  # found by the line above
from verger_kernel.agents.scenario import Scenario  # noqa: E402
from verger_kernel.rules.packs import (  # noqa: E402
    AuditReport,
    TaskSpecification,
    TriageReport,
    WorkerReport,
)
from verger_kernel.rules.policy_snapshot import RuntimePolicySnapshot  # noqa: E402

SCHEMAS: dict[str, type] = {
    "verger.audit_report.v1": AuditReport,
    "verger.runtime_policy.v1": RuntimePolicySnapshot,
    "verger.scenario.v1": Scenario,
    "verger.task_specification.v1": TaskSpecification,
    "verger.triage_report.v1": TriageReport,
    "verger.worker_report.v1": WorkerReport,
    **SUPERVISION,
}


def drawn(kind: type) -> bytes:
    """The JSON schema of `kind`, the same bytes under every Python."""
    schema = _clean(msgspec.json.schema(kind))
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2) + b"\n"


def _clean(value: Any) -> Any:
    # Since 3.13 Python itself takes the indentation out of docstrings; before, it is part of the description.
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return inspect.cleandoc(value) if isinstance(value, str) else value


if __name__ == "__main__":
    for name, kind in SCHEMAS.items():
        (FOLDER / f"{name}.json").write_bytes(drawn(kind))
