"""The run machine's map as literals: what a stage asks for, which events it knows, and where each can lead.

Not here: the conditions; see `machine.py`, `pipeline.py` and `judgement.py`. Each step is checked against this table.
"""

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s

ASKS: dict[type[s.Stage], type[f.Effect]] = {
    s.Opening: f.CreateRunBranch,
    s.Preparing: f.PrepareWorktree,
    s.Working: f.RunWorker,
    s.Checkpointing: f.Checkpoint,
    s.Verifying: f.RunCommands,
    s.Freezing: f.FreezePacket,
    s.Auditing: f.Audit,
    s.Triaging: f.Triage,
    s.OpeningGate: f.OpenGate,
    s.Closing: f.CloseItem,
}
"""The one kind of effect that can be outstanding in a stage; a stage that is not named here waits for a person."""

STOPS = (s.BlockedExternal, s.Escalated)
NEXT_ITEM = (s.Idle, s.Preparing, s.BlockedExternal)
"""Where a run can stand once an item is behind it: nothing to do, the next one, or one that waits for evidence."""

TRANSITIONS: dict[type[s.Stage], dict[type[e.Event], tuple[type[s.Stage], ...]]] = {
    s.Opening: {e.RunBranchCreated: NEXT_ITEM},
    s.Idle: {e.RunRetargeted: (s.Idle,)},
    s.Preparing: {e.WorktreeReady: (s.Working,)},
    s.Working: {e.WorkerReturned: (s.Checkpointing, *STOPS)},
    s.Checkpointing: {e.Checkpointed: (s.Verifying,)},
    s.Verifying: {
        e.CommandsReturned: (s.Verifying, s.Freezing, s.Working, s.Escalated),
        e.PacketRefused: (s.Escalated,),
    },
    s.Freezing: {e.PacketFrozen: (s.Auditing,), e.PacketRefused: (s.Escalated,)},
    s.Auditing: {
        e.AuditReturned: (s.Auditing, s.Triaging, s.OpeningGate, s.Closing, s.Working, *STOPS),
    },
    s.Triaging: {e.TriageReturned: (s.OpeningGate, s.Closing, s.Working, *STOPS)},
    s.OpeningGate: {e.GateOpened: (s.AwaitingGate,)},
    s.AwaitingGate: {e.GateDecided: (s.Closing, s.Escalated)},
    s.Closing: {e.ItemClosed: NEXT_ITEM, e.CloseRefused: (s.Escalated,)},
    s.BlockedExternal: {e.RunRetargeted: (s.BlockedExternal,)},
    s.Escalated: {e.RunRetargeted: (s.Escalated,)},
}

FRESH_ATTEMPT = (s.Preparing, s.BlockedExternal)
RUN_EVENTS: dict[type[e.Event], dict[type[s.Stage], tuple[type[s.Stage], ...]]] = {
    e.InvocationStarted: {s.Idle: NEXT_ITEM, s.BlockedExternal: FRESH_ATTEMPT, s.Escalated: FRESH_ATTEMPT},
    e.InvocationEnded: {},
    e.AgentStarted: {},
    e.SessionBegan: {},
    e.EffectFailed: {},
    e.EffectParked: {},
    e.BudgetRaised: {},
}
"""Events that any stage knows, with the stages from which they may lead on; elsewhere the stage stays."""


def allowed(stage: type[s.Stage], event: type[e.Event]) -> tuple[type[s.Stage], ...]:
    """Where `event` may lead from `stage`; empty when the stage does not know it."""
    if event in RUN_EVENTS:
        return (stage, *RUN_EVENTS[event].get(stage, ()))
    return TRANSITIONS[stage].get(event, ())
