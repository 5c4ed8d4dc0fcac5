"""Every event either lasts, or what it tells of is made again by an effect that is safe to do twice."""

from typing import get_args

from msgspec.structs import replace

from verger_kernel.rules import events as e
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.lasting import _LASTING, lasts

AGAIN = {
    e.InvocationStarted,
    e.RunBranchCreated,
    e.WorktreeReady,
    e.AgentStarted,
    e.SessionBegan,
    e.Checkpointed,
    e.CommandsReturned,
    e.PacketFrozen,
    e.PacketRefused,
}
"""What tells of nothing that was paid for or decided."""


def test_every_event_is_of_one_kind() -> None:
    assert set(get_args(e.Event)) == {*_LASTING, *AGAIN}
    assert AGAIN.isdisjoint(_LASTING)


def test_answers_decisions_and_results_last() -> None:
    paid = {e.WorkerReturned, e.AuditReturned, e.TriageReturned}
    decided = {e.GateDecided, e.RunRetargeted, e.ItemClosed}
    assert paid | decided <= set(_LASTING)


def test_a_call_that_a_budget_bounds_is_not_forgotten_and_any_other_may_be() -> None:
    call = e.AgentStarted(effect=EffectId("01/a1/r0/execute/t1"), agent="a", session="s", files="f")
    assert not lasts(call)
    assert lasts(replace(call, is_bounded=True))
