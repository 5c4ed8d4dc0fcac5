"""The triage agent's turn: it is shown the merged findings and proposes what to do with them.

Not here: how far its proposal counts; see `rules/triage.py`.
"""

from typing import cast

from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome
from verger_kernel.perform import answers, calls
from verger_kernel.perform.findings import findings_of
from verger_kernel.perform.readers import ask
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace
from verger_kernel.rules.effects import Triage
from verger_kernel.rules.events import TriageReturned
from verger_kernel.rules.packs import TriageReport

DISMISSING = ("false_positive", "duplicate", "out_of_scope")
"""The dispositions that take a finding off the table."""


async def triage(effect: Triage, site: Site, tell: calls.Tell) -> TriageReturned:
    """Calls the triage agent, unless an earlier try already has its complete answer."""
    place = CallPlace(
        effect=effect.id,
        item=effect.item,
        attempt=effect.attempt,
        round=effect.round,
        stage="triage",
        lane=None,
        agent=site.policy.lanes.triage,
        packet=effect.packet,
    )
    attempt = site.attempt(effect.item, effect.attempt)
    found = await to_thread.run_sync(findings_of, attempt, effect.round)
    points = tuple(one.rework_point() for one in found)
    outcome = (await ask(site, place, effect.tip, tell, points)).outcome
    kept = ""
    if isinstance(outcome, Answered):
        kept = await to_thread.run_sync(answers.keep, site, place, "triage", outcome)
    return _returned(effect, outcome, kept)


def _returned(effect: Triage, outcome: Outcome, kept: str) -> TriageReturned:
    if not isinstance(outcome, Answered):
        problem = f"{outcome.kind}: {outcome.why}"
        return TriageReturned(
            effect=effect.id, problem=problem, decision="", report="", dismissed=(), bill=outcome.bill
        )
    report = cast(TriageReport, outcome.report)
    dismissed = {one.finding_id for one in report.dispositions if one.disposition in DISMISSING}
    return TriageReturned(
        effect=effect.id,
        problem="",
        decision=report.overall_decision,
        report=kept,
        dismissed=tuple(sorted(dismissed)),
        bill=outcome.bill,
    )
