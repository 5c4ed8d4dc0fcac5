"""The heart: `advance(state, event, now)` gives the next state and the effects to perform.

Not here: the steps of one item; see `pipeline.py` and `judgement.py`. Time comes in as `now`, the world as events.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from verger_kernel.rules import budgets, judgement, pipeline, verifying
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.budgets import Spending
from verger_kernel.rules.chain import GENESIS, Record
from verger_kernel.rules.effects import CreateRunBranch, Effect, PrepareWorktree
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.ids import Digest, EffectId, effect_id, next_try
from verger_kernel.rules.lasting import lasts
from verger_kernel.rules.now import Now
from verger_kernel.rules.parks import Park, longer
from verger_kernel.rules.step import IllegalEvent, Step, go, stay
from verger_kernel.rules.transitions import ASKS, allowed


def fold(records: Iterable[Record], state: s.RunState | None = None) -> s.RunState:
    """The state after `records`, from the beginning or from `state`. Raises IllegalEvent, or ValueError for nothing."""
    for record in records:
        state, _ = advance(state, record.event, record.now)
        state = counted(state, record.event, record.seq, record.hash)
    if state is None:
        raise ValueError("no record to fold")
    return state


def counted(state: s.RunState, event: e.Event, seq: int, head: Digest) -> s.RunState:
    """`state`, which `event` led to, once the journal holds that event as record `seq` with the hash `head`."""
    lasting = seq if lasts(event) else state.lasting_seq
    return replace(state, journal_seq=seq, journal_head=head, lasting_seq=lasting)


def advance(state: s.RunState | None, event: e.Event, now: Now) -> Step:
    """What follows from `event`: the new state, in which every effect to perform is already outstanding.

    Raises IllegalEvent for an event that cannot happen here, and Overspent for an agent that may not start. An answer
    to an effect that is not outstanding changes nothing but what is spent: it came late.
    """
    if state is None:
        if not isinstance(event, e.RunCreated):
            raise IllegalEvent(f"a run begins with RunCreated, not with {type(event).__name__}")
        return _created(event, now)
    before = replace(state, updated_utc_ms=now.utc_ms, spending=_spent(state.spending, event, now))
    if isinstance(event, e.Answer | e.EffectFailed | e.EffectParked) and not _is_outstanding(
        before, event.effect
    ):
        return stay(before)
    if isinstance(event, e.Answer):
        before = _answered(before, event)
    targets = allowed(type(before.stage), type(event))
    if not targets:
        raise IllegalEvent(f"{type(before.stage).__name__} does not know {type(event).__name__}")
    after, effects = _step(before, event, now)
    stage = type(after.stage)
    if stage not in targets:
        raise IllegalEvent(
            f"{type(before.stage).__name__} cannot become {stage.__name__} by {type(event).__name__}"
        )
    if not all(type(effect) is ASKS.get(stage) for effect in effects):
        raise IllegalEvent(f"{stage.__name__} cannot ask for {type(effects[0]).__name__}")
    return after, effects


def _created(event: e.RunCreated, now: Now) -> Step:
    request = event.request
    state = s.RunState(
        frame=event.frame,
        journal_seq=0,
        journal_head=GENESIS,
        lasting_seq=0,
        updated_utc_ms=now.utc_ms,
        invocation="",
        request=None,
        queue=request.items,
        auto_advance=request.auto_advance,
        items_left=request.max_items,
        evidence=request.evidence,
        run_branch=event.frame.run_branch,
        tip=event.frame.base_commit,
        passed=(),
        passed_chain=s.ZERO,
        measured=(),
        agent_calls=0,
        trouble="",
        stage=s.Opening(),
        outstanding=(),
        park=None,
        spending=Spending(budget=event.frame.budget),
    )
    return stay(state)


def _spent(spending: Spending, event: e.Event, now: Now) -> Spending:
    """The money after `event`, which is counted before anything else follows from it."""
    spending = budgets.ticked(spending, now)
    match event:
        case e.InvocationStarted():
            return budgets.began(spending, now)
        case e.InvocationEnded():
            return budgets.ended(spending)
        case e.AgentStarted(effect=effect, held=held):
            return budgets.held_for(spending, effect, held)
        case e.WorkerReturned() | e.AuditReturned() | e.TriageReturned() | e.EffectParked():
            return budgets.settle(spending, event.effect, event.bill)
        case e.EffectFailed(effect=effect):
            return budgets.cut_off(spending, effect)
        case e.BudgetRaised(budget=budget):
            return replace(spending, budget=budget)
        case _:
            return spending


def _is_outstanding(state: s.RunState, effect: EffectId) -> bool:
    return any(known.id == effect for known in state.outstanding)


def _answered(state: s.RunState, event: e.Answer) -> s.RunState:
    left = tuple(effect for effect in state.outstanding if effect.id != event.effect)
    return replace(state, outstanding=left, trouble=state.trouble if left else "")


def _step(state: s.RunState, event: e.Event, now: Now) -> Step:
    match event:
        case e.InvocationStarted():
            return _invocation_started(state, event, now)
        case e.InvocationEnded():
            return stay(replace(state, invocation="", request=None))
        case e.AgentStarted():
            return stay(replace(state, agent_calls=state.agent_calls + 1))
        case e.SessionBegan():
            return stay(state)
        case e.EffectFailed():
            return stay(replace(state, trouble=event.what))
        case e.EffectParked():
            return stay(_parked(state, event, now))
        case e.RunBranchCreated():
            return pipeline.next_item(replace(state, stage=s.Idle()), now)
        case e.WorktreeReady():
            return pipeline.worktree_ready(state, event)
        case e.WorkerReturned():
            return pipeline.worker_returned(state, event, now)
        case e.Checkpointed():
            return verifying.checkpointed(state, event)
        case e.CommandsReturned():
            return verifying.commands_returned(state, event, now)
        case e.PacketFrozen():
            return pipeline.packet_frozen(state, event)
        case e.PacketRefused():
            return pipeline.packet_refused(state, event, now)
        case e.AuditReturned():
            return judgement.audit_returned(state, event, now)
        case e.TriageReturned():
            return judgement.triage_returned(state, event, now)
        case e.GateOpened():
            return judgement.gate_opened(state, event, now)
        case e.GateDecided():
            return judgement.gate_decided(state, event, now)
        case e.ItemClosed():
            return pipeline.item_closed(state, now)
        case e.CloseRefused():
            return judgement.close_refused(state, event, now)
        case e.RunRetargeted():
            return stay(_retargeted(state, event))
        case e.BudgetRaised():
            return stay(state)
        case e.RunCreated():
            raise IllegalEvent("a run is created once")
        case _:
            assert_never(event)


def _parked(state: s.RunState, event: e.EffectParked, now: Now) -> s.RunState:
    park = Park(
        cause=event.cause,
        why=event.why,
        resets_utc_ms=event.resets_utc_ms,
        since_utc_ms=now.utc_ms,
        raise_with=event.raise_with,
    )
    return replace(state, trouble=event.why, park=longer(state.park, park))


def _retargeted(state: s.RunState, event: e.RunRetargeted) -> s.RunState:
    stage = state.stage
    if isinstance(stage, s.Escalated):
        # The next attempt begins elsewhere: what was at fault before it may be mended there.
        stage = replace(stage, is_workers=True)
    return replace(state, stage=stage, run_branch=event.branch, tip=event.tip)


def _invocation_started(state: s.RunState, event: e.InvocationStarted, now: Now) -> Step:
    request = event.request
    state = _asked(state, request)
    state = replace(state, invocation=event.invocation, request=request, trouble="", park=None)
    if state.outstanding:
        return _again(state)
    match state.stage:
        case s.Opening():
            return go(state, state.stage, _run_branch(state.frame))
        case s.Idle():
            return pipeline.next_item(state, now)
        case s.BlockedExternal() | s.Escalated() as stage if request.kind == "resume":
            return pipeline.begin_again(state, stage, now)
        case _:
            return stay(state)


def _asked(state: s.RunState, request: e.Request) -> s.RunState:
    """The state with what is asked of it now; what was asked of an invocation that was cut short still counts."""
    if request.kind == "settle":
        return state
    if not was_cut_short(state):
        return replace(
            state,
            queue=state.queue + request.items,
            auto_advance=request.auto_advance,
            items_left=request.max_items,
            evidence=request.evidence,
        )
    return replace(
        state,
        queue=state.queue + request.items,
        auto_advance=state.auto_advance or request.auto_advance,
        items_left=state.items_left if request.max_items is None else request.max_items,
        evidence=_evidence(state, request.evidence),
    )


def _evidence(state: s.RunState, supplied: str) -> str:
    # Evidence is for the item it was supplied for: once that one is past its preparation, it reaches no other.
    if isinstance(state.stage, s.Opening | s.Preparing):
        return supplied or state.evidence
    return ""


def was_cut_short(state: s.RunState) -> bool:
    """Whether the last invocation ended before it had done what it was asked, by a kill, a signal or the world."""
    return bool(state.outstanding) or isinstance(state.stage, s.Opening)


def _run_branch(frame: Frame) -> CreateRunBranch:
    return CreateRunBranch(effect_id("run", 0, 0, "open"), branch=frame.run_branch, commit=frame.base_commit)


def _again(state: s.RunState) -> Step:
    # A crash is no attempt and no round: the stage is re-entered, and only the try grows.
    again = tuple(_once_more(effect, state.evidence) for effect in state.outstanding)
    return replace(state, outstanding=again), again


def _once_more(effect: Effect, evidence: str) -> Effect:
    effect = replace(effect, id=next_try(effect.id))
    if isinstance(effect, PrepareWorktree) and evidence:
        # The folder named before may be why it failed.
        return replace(effect, evidence=evidence)
    return effect
