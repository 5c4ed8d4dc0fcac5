"""Which events must be on disk before anything follows from them; what the others tell of can be done again.

Not here: syncing (`disk/journal.py`, `disk/durable.py`), and which records a load believes (`disk/store.py`).

An answer that was paid for, a decision, a result on the run branch and the end of an invocation last. What lies between
is made from what lasts, and is the same when it is made again: a worktree, a checkpoint, a trial, a packet.
"""

from verger_kernel.rules import events as e

_LASTING = (
    e.RunCreated,
    e.WorkerReturned,
    e.AuditReturned,
    e.TriageReturned,
    e.GateOpened,
    e.GateDecided,
    e.ItemClosed,
    e.CloseRefused,
    e.RunRetargeted,
    e.EffectFailed,
    e.EffectParked,
    e.BudgetRaised,
    e.InvocationEnded,
)


def lasts(event: e.Event) -> bool:
    """Whether a power cut may not take `event` away once anything followed from it."""
    if isinstance(event, e.AgentStarted):
        # What the call may use is held back by this record alone.
        return event.is_bounded
    return isinstance(event, _LASTING)
