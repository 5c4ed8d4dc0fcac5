"""The second half of an item: audits, triage, gate and close, one short function an event.

Not here: what a ruling is made of; see `triage.py`.
"""

from msgspec.structs import replace

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.findings import merge_marks
from verger_kernel.rules.gates import Decision, must_match
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.now import Now
from verger_kernel.rules.packs import LANES
from verger_kernel.rules.rounds import escalate, mend, named
from verger_kernel.rules.step import IllegalEvent, Step, go, stay
from verger_kernel.rules.triage import Case, Ruling, rule


def audit_returned(state: s.RunState, event: e.AuditReturned, now: Now) -> Step:
    """Waits for both lanes, then weighs their merged findings. A lane without a usable answer never passes."""
    stage = state.stage
    assert isinstance(stage, s.Auditing)
    if event.lane in (result.lane for result in stage.lanes):
        raise IllegalEvent(f"lane {event.lane} answered twice")
    lanes = tuple(sorted((*stage.lanes, _lane_result(event)), key=lambda result: result.lane))
    if len(lanes) < len(LANES):
        return stay(replace(state, stage=replace(stage, lanes=lanes)))
    problems = tuple(f"lane {result.lane}: {result.problem}" for result in lanes if result.problem)
    if problems:
        return escalate(state, stage.spot, "an audit is inconclusive", problems, now)
    found = (mark for result in lanes for mark in result.findings)
    findings = merge_marks((*stage.found, *found))
    if not state.frame.triage_agent:
        case = _case(state, stage, findings)
        return _ruled(state, stage, findings, rule(case), now)
    triaging = s.Triaging(
        stage.spot, claims=stage.claims, tree=stage.tree, packet=stage.packet, findings=findings
    )
    spot = stage.spot
    effect = f.Triage(
        named(spot, "triage"),
        item=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        tip=spot.tip,
        packet=stage.packet,
    )
    return go(state, triaging, effect)


def _lane_result(event: e.AuditReturned) -> s.LaneResult:
    problem = event.problem
    if not problem and not event.packet_intact:
        problem = "the packet changed while it was being read"
    if not problem and event.verdict not in ("pass", "issues_found"):
        problem = f"its verdict is {event.verdict or 'missing'}"
    return s.LaneResult(
        lane=event.lane,
        problem=problem,
        verdict=event.verdict,
        report=event.report,
        findings=event.findings,
    )


def triage_returned(state: s.RunState, event: e.TriageReturned, now: Now) -> Step:
    """The triage agent's proposal, bounded by the rule."""
    stage = state.stage
    assert isinstance(stage, s.Triaging)
    if event.problem:
        return escalate(state, stage.spot, f"triage gave no answer: {event.problem}", (), now)
    case = _case(state, stage, stage.findings)
    case = replace(case, proposal=event.decision, dismissed=event.dismissed)
    return _ruled(state, stage, stage.findings, rule(case), now)


def _case(state: s.RunState, stage: s.Auditing | s.Triaging, findings: tuple[FindingMark, ...]) -> Case:
    gate = state.frame.item(stage.spot.item).gate
    # What the worker leaves to the person at the gate, no further round of its own can resolve.
    unresolved = 0 if gate and stage.claims.asks_person else stage.claims.unresolved
    return Case(findings=findings, unresolved=unresolved, gate=gate)


def _ruled(
    state: s.RunState,
    stage: s.Auditing | s.Triaging,
    findings: tuple[FindingMark, ...],
    ruling: Ruling,
    now: Now,
) -> Step:
    spot = stage.spot
    match ruling.kind:
        case "fix":
            return mend(state, spot, ruling.findings, ruling.why, now)
        case "blocked":
            return go(state, s.BlockedExternal(spot, why=ruling.why, since_utc_ms=now.utc_ms))
        case "escalate":
            return escalate(state, spot, ruling.why, (), now)
        case "gate":
            opening = s.OpeningGate(spot, tree=stage.tree, packet=stage.packet, findings=findings)
            effect = f.OpenGate(named(spot, "gate"), item=spot.item, attempt=spot.attempt, tip=spot.tip)
            return go(state, opening, effect)
        case "pass":
            return go(state, s.Closing(spot, tree=stage.tree, decision=None), _close(state, spot))


def gate_opened(state: s.RunState, event: e.GateOpened, now: Now) -> Step:
    """A person is asked about exactly this result."""
    stage = state.stage
    assert isinstance(stage, s.OpeningGate)
    asked = Decision(
        outcome="approved",
        by="",
        note="",
        evidence=(),
        assurance="recorded",
        item=stage.spot.item,
        attempt=stage.spot.attempt,
        gate_nonce=event.nonce,
        run_branch=state.run_branch,
        old=state.tip,
        new=stage.spot.tip,
        tree=stage.tree,
        packet=stage.packet,
    )
    return go(
        state,
        s.AwaitingGate(stage.spot, asked=asked, asked_utc_ms=now.utc_ms, findings=stage.findings),
    )


def gate_decided(state: s.RunState, event: e.GateDecided, now: Now) -> Step:
    """An approval closes the item, a rejection escalates it. Raises StaleDecision when it is about something else."""
    stage = state.stage
    assert isinstance(stage, s.AwaitingGate)
    must_match(event.decision, stage.asked)
    if event.decision.outcome == "approved":
        closing = s.Closing(stage.spot, tree=stage.asked.tree, decision=event.decision)
        return go(state, closing, _close(state, stage.spot))
    why = f"{event.decision.by} rejected it: {event.decision.note}"
    escalated = s.Escalated(stage.spot, why=why, details=(), decision=event.decision, since_utc_ms=now.utc_ms)
    return go(state, escalated)


def _close(state: s.RunState, spot: s.Spot) -> f.CloseItem:
    return f.CloseItem(
        named(spot, "close"),
        item=spot.item,
        attempt=spot.attempt,
        branch=state.run_branch,
        old=state.tip,
        new=spot.tip,
    )


def close_refused(state: s.RunState, event: e.CloseRefused, now: Now) -> Step:
    """The run branch was moved by somebody else: a person must look."""
    stage = state.stage
    assert isinstance(stage, s.Closing)
    why = f"the run branch {state.run_branch} was moved by somebody else, to {event.found or 'nothing'}"
    return escalate(state, stage.spot, why, (), now)
