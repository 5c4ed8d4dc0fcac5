"""Rounds of an attempt: how one begins, how the next is bought from the budget, and how an attempt is given up.

Not here: what is judged in between; see `pipeline.py` and `judgement.py`.
"""

from msgspec.structs import replace

from verger_kernel.rules import effects as f
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import EffectId, effect_id
from verger_kernel.rules.now import Now
from verger_kernel.rules.step import Step, go


def work(state: s.RunState, spot: s.Spot, name: str, rework: tuple[str, ...]) -> Step:
    """The worker begins the round; `rework` names the findings it must mend."""
    effect = f.RunWorker(
        named(spot, name),
        item=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        stage=name,
        base=spot.base,
        tip=spot.tip,
        evidence=spot.evidence,
        rework=rework,
        rejection=spot.rejection,
    )
    return go(state, s.Working(spot, name=name, rework=rework), effect)


def mend(state: s.RunState, spot: s.Spot, findings: tuple[str, ...], why: str, now: Now) -> Step:
    """A fix round, or a remediation, or an escalation when the budget of both is used up."""
    frame = state.frame
    if spot.fix_rounds < frame.max_fix_rounds:
        fixed = replace(spot, round=spot.round + 1, fix_rounds=spot.fix_rounds + 1)
        return work(state, fixed, "fix", findings)
    if spot.remediation_rounds < frame.max_remediation_rounds:
        remedied = replace(spot, round=spot.round + 1, remediation_rounds=spot.remediation_rounds + 1)
        return work(state, remedied, "remediate", findings)
    return escalate(state, spot, f"{why}, and the budget of rounds is used up", (), now)


def escalate(
    state: s.RunState,
    spot: s.Spot,
    why: str,
    details: tuple[str, ...],
    now: Now,
    *,
    is_workers: bool = True,
) -> Step:
    """A person must take over; `details` are the paths, lanes or commands that led here.

    `is_workers` says that another attempt at the same item may help.
    """
    escalated = s.Escalated(
        spot, why=why, details=details, decision=None, since_utc_ms=now.utc_ms, is_workers=is_workers
    )
    return go(state, escalated)


def named(spot: s.Spot, stage: str, part: str = "") -> EffectId:
    """The id of an effect of this round."""
    return effect_id(spot.item, spot.attempt, spot.round, stage, part=part)
