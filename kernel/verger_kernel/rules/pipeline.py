"""The first half of an item, from selection to the frozen packet: one short function an event.

Not here: verification (`verifying.py`); audits, triage, gate (`judgement.py`); the map (`transitions.py`).
"""

from msgspec.structs import replace

from verger_kernel.rules import budgets
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import Digest, effect_id
from verger_kernel.rules.intake import choose
from verger_kernel.rules.now import Now
from verger_kernel.rules.packs import LANES, Lane
from verger_kernel.rules.rounds import escalate, named, work
from verger_kernel.rules.step import Step, go, stay


def next_item(state: s.RunState, now: Now) -> Step:
    """The first attempt of the next item, or a run at rest when there is none or this invocation may begin none."""
    if state.request is None or state.request.kind == "settle" or state.items_left == 0:
        return stay(state)
    choice = choose(
        state.frame.items, passed=state.passed_ids(), queue=state.queue, auto_advance=state.auto_advance
    )
    state = replace(state, queue=choice.queue, trouble=choice.why)
    return begin(state, choice.item, 1, now) if choice.item else stay(state)


def item_closed(state: s.RunState, now: Now) -> Step:
    """The item is passed and in the ledger; the next one begins."""
    stage = state.stage
    assert isinstance(stage, s.Closing)
    entry = s.PassedItem(
        ordinal=len(state.passed) + 1,
        item=stage.spot.item,
        attempt=stage.spot.attempt,
        round=stage.spot.round,
        commit=stage.spot.tip,
        tree=stage.tree,
        decision=stage.decision,
        at_utc_ms=now.utc_ms,
        spent=state.spending.item,
    )
    state = replace(
        state,
        stage=s.Idle(),
        spending=budgets.next_item(state.spending),
        tip=stage.spot.tip,
        measured=tuple(one for one in state.measured if one.commit == stage.spot.tip),
        passed=(*state.passed, entry),
        passed_chain=s.chained(state.passed_chain, entry),
        items_left=None if state.items_left is None else state.items_left - 1,
    )
    return next_item(state, now)


def begin_again(state: s.RunState, stage: s.BlockedExternal | s.Escalated, now: Now) -> Step:
    """A further attempt at the item that stopped; what a person wrote who rejected the last one goes with it."""
    spot = stage.spot
    decision = stage.decision if isinstance(stage, s.Escalated) else None
    said = f"{decision.by}: {decision.note}" if decision else spot.rejection
    return begin(state, spot.item, spot.attempt + 1, now, rejection=said)


def begin(state: s.RunState, item: str, attempt: int, now: Now, *, rejection: str = "") -> Step:
    """A fresh attempt: its worktree, or a wait for evidence that the item needs and nobody supplied."""
    facts = state.frame.item(item)
    spot = s.Spot(
        item=item,
        attempt=attempt,
        round=0,
        fix_rounds=0,
        remediation_rounds=0,
        base=state.tip,
        tip=state.tip,
        evidence="",
        rejection=rejection,
    )
    if facts.evidence and not state.evidence:
        why = "the playbook asks for evidence from outside and none was supplied"
        return go(state, s.BlockedExternal(spot, why=why, since_utc_ms=now.utc_ms))
    effect = f.PrepareWorktree(
        effect_id(item, attempt, 0, "prepare"),
        item=item,
        attempt=attempt,
        base=state.tip,
        evidence=state.evidence,
    )
    return go(state, s.Preparing(spot), effect)


def worktree_ready(state: s.RunState, event: e.WorktreeReady) -> Step:
    """The worker begins."""
    assert isinstance(state.stage, s.Preparing)
    spot = replace(state.stage.spot, evidence=event.evidence)
    return work(replace(state, evidence=""), spot, "execute", ())


def worker_returned(state: s.RunState, event: e.WorkerReturned, now: Now) -> Step:
    """The recorded tree becomes a checkpoint, unless the worker left its bounds or asks to stop."""
    stage = state.stage
    assert isinstance(stage, s.Working)
    if event.escapes:
        return escalate(state, stage.spot, "the worker left its bounds", event.escapes, now)
    if event.out_of_scope:
        why = f"{event.out_of_scope_count} path(s) outside allowed_write_roots were changed"
        return escalate(state, stage.spot, why, event.out_of_scope, now)
    if event.problem:
        return escalate(state, stage.spot, f"the worker gave no answer: {event.problem}", (), now)
    if event.verdict == "blocked_external":
        why = "the worker says that something outside the repository is missing"
        return go(state, s.BlockedExternal(stage.spot, why=why, since_utc_ms=now.utc_ms))
    welcome = ["implemented", "no_change_needed"]
    if state.frame.item(stage.spot.item).gate:
        # A person will look at the end of this item anyway.
        welcome.append("needs_human_input")
    if event.verdict not in welcome:
        return escalate(state, stage.spot, f"the worker's verdict is {event.verdict}", (), now)
    claims = s.Claims(
        stage=stage.name,
        report=event.report,
        unresolved=event.unresolved,
        asks_person=event.verdict == "needs_human_input",
    )
    effect = f.Checkpoint(
        named(stage.spot, "checkpoint"),
        item=stage.spot.item,
        attempt=stage.spot.attempt,
        round=stage.spot.round,
        stage=stage.name,
        base=stage.spot.base,
        tree=event.tree,
        parent=stage.spot.tip,
        at_utc_ms=now.utc_ms,
    )
    return go(state, s.Checkpointing(stage.spot, claims=claims, tree=event.tree), effect)


def packet_refused(state: s.RunState, event: e.PacketRefused, now: Now) -> Step:
    """Somebody changed what the kernel had kept: nobody is asked to audit that."""
    assert isinstance(state.stage, s.Verifying | s.Freezing)
    return escalate(
        state, state.stage.spot, "what the kernel kept of this round was changed", event.changed, now
    )


def packet_frozen(state: s.RunState, event: e.PacketFrozen) -> Step:
    """Both lanes begin, at the same time, on the same packet."""
    stage = state.stage
    assert isinstance(stage, s.Freezing)
    auditing = s.Auditing(
        stage.spot,
        claims=stage.claims,
        tree=stage.tree,
        verification=stage.verification,
        found=stage.found,
        packet=event.packet,
        lanes=(),
    )
    return go(state, auditing, *(_audit(stage.spot, lane, event.packet) for lane in LANES))


def _audit(spot: s.Spot, lane: Lane, packet: Digest) -> f.Audit:
    return f.Audit(
        named(spot, "audit", lane),
        item=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        lane=lane,
        tip=spot.tip,
        packet=packet,
    )
