"""One lane's turn: it reads the frozen packet and answers with what it found.

Not here: how an agent that only reads is asked (`readers.py`), and merging the lanes (`rules/findings.py`).
"""

from typing import cast

from anyio import to_thread

from verger_kernel.agents.outcome import Answered
from verger_kernel.perform import answers, calls
from verger_kernel.perform.readers import Reading, ask
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace
from verger_kernel.rules.effects import Audit
from verger_kernel.rules.events import AuditReturned
from verger_kernel.rules.findings import from_audit
from verger_kernel.rules.packs import AuditReport


async def audit(effect: Audit, site: Site, tell: calls.Tell) -> AuditReturned:
    """Calls the lane's agent, unless an earlier try already has its complete answer."""
    place = _place(effect, site)
    reading = await ask(site, place, effect.tip, tell)
    return await to_thread.run_sync(_returned, effect, site, place, reading)


def _place(effect: Audit, site: Site) -> CallPlace:
    lanes = site.policy.lanes_for(effect.item)
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


def _returned(effect: Audit, site: Site, place: CallPlace, reading: Reading) -> AuditReturned:
    outcome, report, kept = reading.outcome, None, ""
    if isinstance(outcome, Answered):
        report = cast(AuditReport, outcome.report)
        kept = answers.keep(site, place, f"audit-{effect.lane}", outcome)
    return AuditReturned(
        effect=effect.id,
        lane=effect.lane,
        problem="" if isinstance(outcome, Answered) else f"{outcome.kind}: {outcome.why}",
        verdict=report.overall_verdict if report else "",
        report=kept,
        findings=tuple(one.mark for one in from_audit(report)) if report else (),
        packet_intact=reading.packet_intact,
        bill=outcome.bill,
    )
