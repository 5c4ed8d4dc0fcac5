"""What follows from the audits: pass, fix, gate, wait or escalate, and why.

Not here: the budget of rounds; the machine owns it. A triage agent proposes, this module bounds it.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.marks import FindingMark


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do next; `findings` are what a fix must mend."""

    kind: Literal["pass", "fix", "gate", "blocked", "escalate"]
    why: str
    findings: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that may weigh on a ruling. `proposal` is the triage agent's decision, empty when the rule decides alone."""

    findings: tuple[FindingMark, ...]
    unresolved: int
    gate: bool
    proposal: str = ""
    dismissed: tuple[str, ...] = ()


def rule(case: Case) -> Ruling:
    """The ruling. A proposal can be stricter than the rule and can dismiss findings; it cannot skip what is left."""
    open_findings = tuple(mark for mark in case.findings if mark.finding_id not in case.dismissed)
    blocking = tuple(mark for mark in open_findings if mark.is_blocking)
    if case.proposal == "escalate":
        return Ruling(kind="escalate", why="triage asks for a person")
    if case.proposal == "blocked_external" or any(m.category == "external_dependency" for m in blocking):
        return Ruling(kind="blocked", why="something outside the repository is missing")
    if case.proposal == "awaiting_human_gate" and not case.gate:
        return Ruling(kind="escalate", why="triage asks for a gate that the playbook does not declare")
    mend = _to_mend(case, open_findings, blocking)
    if mend or case.unresolved:
        return Ruling(kind="fix", why=_why(len(mend), case.unresolved), findings=mend)
    if case.proposal == "fix_required":
        return Ruling(kind="escalate", why="triage asks for a fix but names nothing that is open")
    return Ruling(kind="gate" if case.gate else "pass", why="nothing blocking is open")


def _to_mend(
    case: Case, open_findings: tuple[FindingMark, ...], blocking: tuple[FindingMark, ...]
) -> tuple[str, ...]:
    # A person at the gate answers findings of category manual_gate; no fix round can.
    chosen = open_findings if case.proposal == "fix_required" else blocking
    return tuple(m.finding_id for m in chosen if not (case.gate and m.category == "manual_gate"))


def _why(findings: int, unresolved: int) -> str:
    parts = []
    if findings:
        parts.append(f"{findings} finding(s) to mend")
    if unresolved:
        parts.append(f"{unresolved} item(s) the worker left unresolved")
    return " and ".join(parts)
