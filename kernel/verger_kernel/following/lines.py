"""What one journal record is to a program that follows the run: the lines it becomes. Values in, values out.

Not here: reading the journal (`tail.py`) and the line that ends it all (`result.py`).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from verger_kernel.cost_views import budget_view
from verger_kernel.following import kinds as k
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.bills import Spent
from verger_kernel.rules.ids import EffectId, tries_of
from verger_kernel.rules.money import dollars
from verger_kernel.rules.now import iso
from verger_kernel.snapshot import state_name


class Step(NamedTuple):
    """One record of a run: the state before it, None for the first, what happened, and the state after it."""

    before: s.RunState | None
    event: e.Event
    after: s.RunState


def lines(step: Step) -> tuple[k.Line, ...]:
    """The lines of one record in order, `seq` growing; empty when there is nothing to tell."""
    told = (*_happened(step), *_led_to(step))
    first = step.after.journal_seq * k.PER_RECORD
    return tuple(replace(line, seq=first + place) for place, line in enumerate(told))


def _run(state: s.RunState) -> dict[str, Any]:
    return {"seq": 0, "time": iso(state.updated_utc_ms), "run": state.frame.run_id}


def _item(state: s.RunState, effect: EffectId) -> dict[str, Any]:
    item, attempt, round_, *_ = effect.split("/")
    return _run(state) | {"item": item, "attempt": int(attempt[1:]), "round": int(round_[1:])}


def _spot(state: s.RunState, spot: s.Spot) -> dict[str, Any]:
    return _run(state) | {"item": spot.item, "attempt": spot.attempt, "round": spot.round}


def _call(state: s.RunState, effect: EffectId) -> dict[str, Any]:
    stage, _, lane = effect.split("/")[3].partition("-")
    return _item(state, effect) | {"stage": stage, "lane": lane, "try_": tries_of(effect)}


def _happened(step: Step) -> Iterator[k.Line]:
    """What the event itself says."""
    before, event, after = step
    match event:
        case e.RunCreated(frame=frame):
            yield k.RunStarted(
                **_run(after),
                playbook=frame.playbook_path,
                base_commit=frame.base_commit,
                run_branch=frame.run_branch,
                items=tuple(item.item_id for item in frame.items),
            )
        case e.InvocationStarted(invocation=name, pid=pid, request=request, swept=swept):
            yield k.InvocationStarted(
                **_run(after), invocation=name, pid=pid, asked=request.kind, swept=swept
            )
        case e.InvocationEnded(invocation=name, code=code):
            yield k.InvocationEnded(**_run(after), invocation=name, exit_code=code)
        case e.RunRetargeted(branch=branch, tip=tip):
            yield k.RunRetargeted(**_run(after), run_branch=branch, tip=tip)
        case e.AgentStarted(effect=effect, agent=agent, files=files):
            yield k.AgentStarted(**_call(after, effect), agent=agent, files=files)
        case e.GateDecided(decision=told) if before and isinstance(before.stage, s.AwaitingGate):
            where = _spot(after, before.stage.spot)
            yield k.GateDecided(
                **where, outcome=told.outcome, by=told.by, assurance=told.assurance, note=told.note
            )
        case e.EffectFailed(effect=effect, what=what):
            yield k.EffectFailed(**_run(after), effect=effect, what=what)
        case e.EffectParked(effect=effect, cause=cause, why=why, resets_utc_ms=resets):
            until = "" if resets is None else iso(resets)
            cost = _cost(step, event)
            yield k.EffectParked(
                **_run(after), effect=effect, cause=cause, why=why, resets_at=until, cost=cost
            )
        case e.BudgetRaised(budget=budget, by=by):
            yield k.BudgetRaised(**_run(after), by=by, budget=budget_view(budget))
        case _ if isinstance(event, e.Answer) and before and _is_awaited(before, event.effect):
            yield from _answered(step, event)


def _is_awaited(before: s.RunState, effect: EffectId) -> bool:
    # An answer to what nobody waits for any more came late and changed nothing.
    return any(known.id == effect for known in before.outstanding)


def _answered(step: Step, event: e.Answer) -> Iterator[k.Line]:
    after = step.after
    match event:
        case e.WorkerReturned():
            yield _agent_ended(step, event, event.verdict)
            where = _item(after, event.effect)
            yield k.WorkRecorded(
                **where, tree=event.tree, changed=event.changed, out_of_scope=event.out_of_scope_count
            )
        case e.Checkpointed(commit=commit):
            yield k.CheckpointMade(**_item(after, event.effect), commit=commit)
        case e.CommandsReturned():
            yield _trial(event, after)
        case e.PacketFrozen(packet=packet):
            yield k.PacketFrozen(**_item(after, event.effect), packet=packet)
        case e.PacketRefused(changed=changed):
            yield k.PacketRefused(**_item(after, event.effect), changed=changed)
        case e.AuditReturned():
            yield _agent_ended(step, event, event.verdict)
            yield _audit(event, after)
        case e.TriageReturned():
            yield _agent_ended(step, event, event.decision)
        case e.GateOpened() if isinstance(after.stage, s.AwaitingGate):
            asked = after.stage.asked
            where = _spot(after, after.stage.spot)
            yield k.GateAsked(**where, gate_nonce=asked.gate_nonce, old=asked.old, new=asked.new)


def _agent_ended(
    step: Step, event: e.WorkerReturned | e.AuditReturned | e.TriageReturned, verdict: str
) -> k.Line:
    where = _call(step.after, event.effect)
    return k.AgentEnded(**where, verdict=verdict, problem=event.problem, cost=_cost(step, event))


def _cost(
    step: Step, event: e.WorkerReturned | e.AuditReturned | e.TriageReturned | e.EffectParked
) -> k.CallCost | None:
    """What the step counted for calls that ended with it; None where it counted none."""
    before, bill = step.before.spending.spent if step.before else Spent(), event.bill
    spent = step.after.spending.spent
    if spent.calls == before.calls:
        return None
    return k.CallCost(
        usd=dollars(spent.microusd - before.microusd),
        tokens=spent.tokens - before.tokens,
        model=bill.usage.model if bill and bill.usage else "",
        by=bill.priced_by if bill else "",
        assumed=spent.unknown > before.unknown,
    )


def _trial(event: e.CommandsReturned, after: s.RunState) -> k.Line:
    trial = event.trial
    commands = tuple(
        k.TrialCommand(
            number=one.number,
            command=one.command,
            status=one.status,
            exit_code=one.exit_code,
            executed=one.executed,
            failed=one.failed,
        )
        for one in trial.commands
    )
    return k.TrialEnded(
        **_item(after, event.effect),
        group=trial.group,
        purpose=trial.purpose,
        nth=trial.nth,
        passed=not trial.unmade and not any(one.failed for one in trial.commands),
        commands=commands,
        missing=tuple(one.path for one in trial.unmade),
    )


def _audit(event: e.AuditReturned, after: s.RunState) -> k.Line:
    findings = tuple(
        k.LineFinding(
            finding_id=one.finding_id,
            severity=one.severity,
            category=one.category,
            is_blocking=one.is_blocking,
        )
        for one in event.findings
    )
    return k.AuditEnded(
        **_item(after, event.effect),
        lane=event.lane,
        verdict=event.verdict,
        problem=event.problem,
        packet_intact=event.packet_intact,
        findings=findings,
    )


def _led_to(step: Step) -> Iterator[k.Line]:
    """How the item ended because of it, and what begins next."""
    before, event, after = step
    if isinstance(event, e.ItemClosed) and before and len(after.passed) > len(before.passed):
        entry = after.passed[-1]
        where = _run(after) | {"item": entry.item, "attempt": entry.attempt, "round": entry.round}
        yield k.ItemEnded(**where, end="passed", why="", details=(), commit=entry.commit)
    spot = spot_of(after)
    if spot is None or before is None or _place(before) == _place(after):
        return
    known = spot_of(before)
    if known is None or (known.item, known.attempt) != (spot.item, spot.attempt):
        yield k.ItemStarted(**_spot(after, spot))
    if isinstance(after.stage, s.AwaitingGate | s.BlockedExternal | s.Escalated):
        yield _ended(after, spot)
    else:
        yield k.StageStarted(**_spot(after, spot), stage=state_name(after.stage))


def spot_of(state: s.RunState) -> s.Spot | None:
    """Which item is in hand, or stopped the run; None between items."""
    return None if isinstance(state.stage, s.Opening | s.Idle) else state.stage.spot


def _place(state: s.RunState) -> tuple[object, ...]:
    spot = spot_of(state)
    return (state_name(state.stage), spot and (spot.item, spot.attempt, spot.round))


def _ended(after: s.RunState, spot: s.Spot) -> k.Line:
    stage = after.stage
    return k.ItemEnded(
        **_spot(after, spot),
        end=end_of(stage),
        why=stage.why if isinstance(stage, s.BlockedExternal | s.Escalated) else "",
        details=stage.details if isinstance(stage, s.Escalated) else (),
        commit="",
    )


def end_of(stage: s.Stage) -> k.End:
    """How the item in hand stands: at an end that waits for somebody, or unfinished."""
    match stage:
        case s.AwaitingGate():
            return "awaiting_human_gate"
        case s.BlockedExternal():
            return "blocked_external"
        case s.Escalated():
            return "escalated"
        case _:
            return "unfinished"
