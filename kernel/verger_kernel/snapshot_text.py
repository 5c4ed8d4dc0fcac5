"""Snapshots of runs as text for people.

Not here: taking them; see `snapshot.py`.
"""

from verger_kernel.cost_views import cost_rows
from verger_kernel.gate_views import GateView
from verger_kernel.snapshot import Snapshot, listed, table_of
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def text(view: Snapshot) -> str:
    """One run as labelled lines; what is empty is left out."""
    item = (
        f"{view.current_item_id}, attempt {view.attempt}, round {view.round}" if view.current_item_id else ""
    )
    rows = {
        "run": view.run_id,
        "status": f"{level(view)} (exit code {view.exit_code})",
        "state": view.current_state + (" (a process holds the run)" if view.held else ""),
        "item": item,
        "why": view.why,
        "found": listed(view.details),
        "read": view.report,
        "passed": "" if view.error else f"{view.passed} of {view.items_total}",
        "agents": ", ".join(f"{role} {name}" for role, name in view.lanes.items()),
        "sandbox": "none: agents and commands could see and write all that you can"
        * (view.sandbox == "none"),
        "gates": "; ".join(map(gate_text, view.gates)),
        "agent calls": "" if view.error else str(view.agent_calls),
        **cost_rows(view.cost),
        "run branch": view.run_branch,
        "playbook": view.playbook,
        "updated": view.updated_at_utc,
        "state file": view.run_state_path,
        "error": view.error,
        "look": view.look_at,
        "next": view.pending_action,
    }
    return "\n".join(f"{name:<12} {printable(value)}" for name, value in rows.items() if value)


def level(view: Snapshot) -> str:
    """How the run is, in a word: one that stopped for a person is no error of Verger's."""
    return "stopped" if view.exit_code == Exit.ESCALATED else view.status_level


def gate_text(gate: GateView) -> str:
    """One gate in words: what stands, who said so, and how far that can be trusted."""
    who = f" by {gate.by}" if gate.by else ""
    # Before the decision there is nothing that could be assured.
    assurance = f" ({gate.assurance})" if gate.by else ""
    papers = f"; its evidence: {', '.join(gate.evidence_changed)}" if gate.evidence_changed else ""
    return f"{gate.item} {gate.status}{who}{assurance}{papers}"


def table(views: list[Snapshot]) -> str:
    """All runs, newest first, one a line."""
    if not views:
        return "no runs"
    rows = [("RUN", "STATUS", "STATE", "ITEM", "PASSED", "UPDATED")]
    rows += [
        (
            view.run_id,
            level(view),
            view.current_state or "unreadable",
            view.current_item_id or "-",
            "-" if view.error else f"{view.passed}/{view.items_total}",
            view.updated_at_utc or "-",
        )
        for view in views
    ]
    return table_of(rows)
