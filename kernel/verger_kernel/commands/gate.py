"""`mark-manual-gate`: the only place where a person's decision is recorded.

Not here: asking for one; the machine does. The assurance of a decision made here is `recorded`: free text
that any process of the user could have written, and every view says so.
"""

import argparse
import os

from msgspec.structs import replace

from verger_kernel import gate_evidence
from verger_kernel.commands.result import show_result
from verger_kernel.commands.standing import check_run_branch
from verger_kernel.commands.telling import tell
from verger_kernel.doctor import checks
from verger_kernel.doctor.diagnosis import frozen_checks
from verger_kernel.errors import CommandError
from verger_kernel.home import Home, driven, find_home, find_run
from verger_kernel.invocation import invoke
from verger_kernel.rules import state as s
from verger_kernel.rules.events import GateDecided, Request
from verger_kernel.rules.gates import Decision, EvidenceFile, StaleDecision, must_match
from verger_kernel.rules.ids import RunId, shown
from verger_kernel.runs import open_run
from verger_kernel.supervised.working import awaited
from verger_probes.exits import Exit


def mark_manual_gate(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    for name in ("by", "note"):
        if not getattr(args, name).strip():
            raise CommandError(f"--{name} is empty", "say who decides and why", Exit.USAGE)
    files = tuple(gate_evidence.taken(path) for path in args.evidence_path)
    home = find_home(args.directory, os.environ)
    run_id = find_run(home, args.run)
    with driven(home.repository):
        return awaited(_decide, home, run_id, args, files)


async def _decide(
    home: Home, run_id: RunId, args: argparse.Namespace, files: tuple[EvidenceFile, ...]
) -> int:
    opened = await open_run(home.require(), run_id)
    try:
        stage = _waiting(opened.state, args.item)
        checks.refuse(frozen_checks(opened.folder, opened.state), Exit.INPUT)
        check_run_branch(home, opened.state)
        decision = _decision(stage.asked, args, files)
        _refuse_stale(decision, stage.asked)
        request = Request(kind="settle")
        state, code = await invoke(
            opened, home.repository, dict(os.environ), tell, request, GateDecided(decision=decision)
        )
    finally:
        opened.close()
    code = Exit.DONE if decision.outcome == "rejected" and code == Exit.ESCALATED else code
    return show_result(state, opened.folder, code, args.format)


def _waiting(state: s.RunState, item: str) -> s.AwaitingGate:
    if isinstance(state.stage, s.AwaitingGate) and state.stage.spot.item == item:
        return state.stage
    known = [facts.item_id for facts in state.frame.items]
    what = f"item {shown(item)} of run {state.frame.run_id} awaits no decision"
    if item not in known:
        hint = f"the run has no such item; its items are: {', '.join(known)}"
        raise CommandError(what, hint, Exit.REFUSED)
    raise CommandError(what, f"see where the run stands: verger status {state.frame.run_id}", Exit.REFUSED)


def _decision(asked: Decision, args: argparse.Namespace, files: tuple[EvidenceFile, ...]) -> Decision:
    nonce = asked.gate_nonce if args.gate_nonce is None else args.gate_nonce
    return replace(
        asked,
        outcome=args.decision,
        by=args.by.strip(),
        note=args.note.strip(),
        evidence=files,
        gate_nonce=nonce,
    )


def _refuse_stale(decision: Decision, asked: Decision) -> None:
    try:
        must_match(decision, asked)
    except StaleDecision as stale:
        raise CommandError(
            f"the decision is stale: {stale}",
            f"look at what is asked now, item {asked.item} attempt {asked.attempt}, and decide again",
            Exit.REFUSED,
        ) from None
