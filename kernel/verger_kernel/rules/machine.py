"""The heart: `advance(state, event, now)` gives the next state and the effects to perform.

Not here: the steps of one item; see `pipeline.py` and `judgement.py`. Pure: time comes in as `now`, the world as events.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from verger_kernel.rules import events as e
from verger_kernel.rules import judgement, pipeline
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import GENESIS, Record
from verger_kernel.rules.effects import CreateRunBranch, Effect
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.ids import effect_id, next_try
from verger_kernel.rules.now import Now
from verger_kernel.rules.step import Step, stay
from verger_kernel.rules.transitions import allowed


class IllegalEvent(Exception):
    """An event that the stage does not know: the journal is not one of ours, or the kernel has a defect."""


def fold(records: Iterable[Record], state: s.RunState | None = None) -> s.RunState:
    """The state after `records`, from the beginning or from `state`. Raises IllegalEvent; ValueError when there are none."""
    for record in records:
        state, _ = advance(state, record.event, record.now)
        state = replace(state, journal_seq=record.seq, journal_head=record.hash)
    if state is None:
        raise ValueError("no record to fold")
    return state


def advance(state: s.RunState | None, event: e.Event, now: Now) -> Step:
    """What follows from `event`: the new state, in which every effect to perform is already outstanding.

    Raises IllegalEvent for an event that cannot happen here. An answer to an effect that is not outstanding
    changes nothing: it came late.
    """
    if state is None:
        if not isinstance(event, e.RunCreated):
            raise IllegalEvent(f"a run begins with RunCreated, not with {type(event).__name__}")
        return _created(event.frame, now)
    before = replace(state, updated_utc_ms=now.utc_ms)
    if isinstance(event, e.Answer):
        if all(effect.id != event.effect for effect in before.outstanding):
            return stay(before)
        before = _answered(before, event)
    targets = allowed(type(before.stage), type(event))
    if not targets:
        raise IllegalEvent(f"{type(before.stage).__name__} does not know {type(event).__name__}")
    after, effects = _step(before, event, now)
    if not isinstance(after.stage, targets):
        raise IllegalEvent(
            f"{type(before.stage).__name__} cannot become {type(after.stage).__name__} by {type(event).__name__}"
        )
    return after, effects


def _created(frame: Frame, now: Now) -> Step:
    branch = CreateRunBranch(
        effect_id("run", 0, 0, "open"), branch=frame.run_branch, commit=frame.base_commit
    )
    state = s.RunState(
        frame=frame,
        journal_seq=0,
        journal_head=GENESIS,
        updated_utc_ms=now.utc_ms,
        invocation="",
        request=None,
        queue=(),
        auto_advance=False,
        items_left=None,
        evidence="",
        tip=frame.base_commit,
        passed=(),
        passed_chain=s.ZERO,
        agent_calls=0,
        trouble="",
        stage=s.Opening(),
        outstanding=(branch,),
    )
    return state, (branch,)


def _answered(state: s.RunState, event: e.Answer) -> s.RunState:
    left = tuple(effect for effect in state.outstanding if effect.id != event.effect)
    return replace(state, outstanding=left, trouble="")


def _step(state: s.RunState, event: e.Event, now: Now) -> Step:
    match event:
        case e.InvocationStarted():
            return _invocation_started(state, event, now)
        case e.InvocationEnded():
            # Evidence is kept only for work that was cut short: it must not reach an item it was not meant for.
            evidence = state.evidence if state.outstanding else ""
            return stay(replace(state, invocation="", request=None, evidence=evidence))
        case e.AgentStarted():
            return stay(replace(state, agent_calls=state.agent_calls + 1))
        case e.EffectFailed():
            return stay(replace(state, trouble=event.what))
        case e.RunBranchCreated():
            return pipeline.next_item(replace(state, stage=s.Idle()), now)
        case e.WorktreeReady():
            return pipeline.worktree_ready(state, event)
        case e.WorkerReturned():
            return pipeline.worker_returned(state, event, now)
        case e.Checkpointed():
            return pipeline.checkpointed(state, event)
        case e.CommandsReturned():
            return pipeline.commands_returned(state, event, now)
        case e.PacketFrozen():
            return pipeline.packet_frozen(state, event)
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
        case e.RunCreated():
            raise IllegalEvent("a run is created once")
        case _:
            assert_never(event)


def _invocation_started(state: s.RunState, event: e.InvocationStarted, now: Now) -> Step:
    request = event.request
    state = replace(
        state,
        invocation=event.invocation,
        request=request,
        queue=state.queue + request.items,
        auto_advance=state.auto_advance or request.auto_advance,
        evidence=request.evidence or state.evidence,
        trouble="",
    )
    if state.outstanding:
        return _again(state)
    state = replace(state, items_left=request.max_items)
    match state.stage:
        case s.Idle():
            return pipeline.next_item(state, now)
        case s.BlockedExternal(spot=spot) | s.Escalated(spot=spot) if request.kind == "resume":
            return pipeline.begin(state, spot.item, spot.attempt + 1, now)
        case _:
            return stay(state)


def _again(state: s.RunState) -> Step:
    # A crash is no attempt and no round: the stage is re-entered, and only the try grows.
    again: tuple[Effect, ...] = tuple(replace(effect, id=next_try(effect.id)) for effect in state.outstanding)
    return replace(state, outstanding=again), again
