"""One lane's turn: it reads the frozen packet, whose digest is checked before and after.

Not here: merging the lanes; see `rules/findings.py`.
"""

from typing import cast

from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome
from verger_kernel.disk import packets
from verger_kernel.perform import calls, worktree
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.rules.effects import Audit
from verger_kernel.rules.events import AuditReturned
from verger_kernel.rules.findings import from_audit
from verger_kernel.rules.packs import AuditReport


async def audit(effect: Audit, site: Site, tell: calls.Tell) -> AuditReturned:
    """Calls the lane's agent, unless an earlier try already has its complete answer."""
    place = _place(effect, site)
    attempt = site.attempt(effect.item, effect.attempt)
    packet = attempt.packet(effect.round)
    before = await to_thread.run_sync(packets.is_intact, packet, effect.packet)
    outcome: Outcome | None = await to_thread.run_sync(
        lambda: calls.earlier_answer(site, place, same_boot=False)
    )
    if outcome is None and before:
        await to_thread.run_sync(worktree.ensure, site, effect.item, effect.attempt, effect.tip)
        call = calls.Call(site, place, task(site, place), attempt.call(effect.id))
        outcome = await calls.make(call, tell)
    after = await to_thread.run_sync(packets.is_intact, packet, effect.packet)
    kept = ""
    if isinstance(outcome, Answered):
        kept = await to_thread.run_sync(calls.keep_answer, site, place, f"audit-{effect.lane}", outcome)
    return _returned(effect, outcome, kept, intact=before and after)


def _place(effect: Audit, site: Site) -> CallPlace:
    lanes = site.policy.lanes
    return CallPlace(
        effect=effect.id,
        item=effect.item,
        attempt=effect.attempt,
        round=effect.round,
        stage="audit",
        lane=effect.lane,
        agent=lanes.audit_a if effect.lane == "a" else lanes.audit_b,
        packet=effect.packet,
    )


def _returned(effect: Audit, outcome: Outcome | None, kept: str, *, intact: bool) -> AuditReturned:
    report = cast(AuditReport, outcome.report) if isinstance(outcome, Answered) else None
    return AuditReturned(
        effect=effect.id,
        lane=effect.lane,
        problem=_problem(outcome),
        verdict=report.overall_verdict if report else "",
        report=kept,
        findings=tuple(one.mark for one in from_audit(report)) if report else (),
        packet_intact=intact,
    )


def _problem(outcome: Outcome | None) -> str:
    if isinstance(outcome, Answered):
        return ""
    if outcome is None:
        return "the packet was not what was frozen, so nobody was asked to read it"
    return f"{outcome.kind}: {outcome.why}"
