"""What `run`, `resume` and `mark-manual-gate` say when they are done.

Not here: `status`, which reads a run that somebody else may hold.
"""

import json

import msgspec

from verger_kernel.cost_views import cost_rows
from verger_kernel.disk.layout import RunFolder
from verger_kernel.rules.state import RunState
from verger_kernel.snapshot import Snapshot, listed, take
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def show_result(state: RunState, folder: RunFolder, code: Exit, style: str) -> int:
    """Prints where the run stands now; answers with the exit code."""
    view = take(folder)
    result = {
        "run_id": view.run_id,
        "current_state": view.current_state,
        "current_item_id": view.current_item_id,
        "last_terminal_state": _last_terminal(state, view.current_state),
        "passed": [entry.item for entry in state.passed],
        "run_branch_name": view.run_branch,
        "run_state_path": view.run_state_path,
        "pending_action": view.pending_action,
        "why": view.why,
        "details": view.details,
        "report": view.report,
        "look_at": view.look_at,
        "status_level": view.status_level,
        "exit_code": int(code),
        "cost": msgspec.to_builtins(view.cost),
    }
    if style == "json":
        print(json.dumps(result, indent=2))
    else:
        print(_text(result, view))
    return int(code)


def _last_terminal(state: RunState, current: str) -> str:
    if current in ("awaiting_human_gate", "blocked_external", "escalated"):
        return current
    return "passed" if state.passed else "none"


def _text(result: dict[str, object], view: Snapshot) -> str:
    rows = {
        "run": result["run_id"],
        "status": result["status_level"] if result["status_level"] == "interrupted" else "",
        "state": result["current_state"],
        "item": result["current_item_id"],
        "why": result["why"],
        "found": listed(view.details),
        "read": view.report,
        "passed": ", ".join(map(str, result["passed"])) if isinstance(result["passed"], list) else "",
        **cost_rows(view.cost),
        "branch": result["run_branch_name"],
        "state file": result["run_state_path"],
        "look": result["look_at"],
        "next": result["pending_action"],
    }
    return "\n".join(f"{name:<11} {printable(str(value))}" for name, value in rows.items() if value)
