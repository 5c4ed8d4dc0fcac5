"""What a person reads while a run goes on: what failed, by name, and whether that is bad.

Not here: when it is told; see test_driver.py.
"""

import pytest
from tests.doubles.marks import command, exits, trial
from tests.doubles.walk import facts, walk

from verger_kernel.progress import line
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.trials import SETUP, TrialMark, Unmade

CASES = [
    (trial(exits()), "verify required: passed"),
    (trial(exits("fail"), nth=2), "verify required, trial 2: 1 failed: 'make test' (fail)"),
    (
        trial(command("a", "b", "c", "d"), purpose="base"),
        "verify required on the base: 1 failed: 'make test' (a, b, c and 1 more)",
    ),
    (
        trial(exits("timeout", number=SETUP, command="npm ci")),
        "verify required: 1 failed: setup 'npm ci' (timeout)",
    ),
    (
        trial(exits("fail"), purpose="red"),
        "verify required on the base with the item's tests: 1 failed: 'make test' (fail), "
        "as it must without the change",
    ),
    (
        trial(exits(), purpose="red"),
        "verify required on the base with the item's tests: passed, though it should fail without the change",
    ),
    (
        trial(exits(), unmade=(Unmade(path="dist/x", why="is missing"),)),
        "verify required: 1 failed: dist/x is missing",
    ),
]


def test_how_an_item_ended_is_told_once() -> None:
    before = walk(facts(gate=True)).until(s.OpeningGate)
    (effect,) = before.state.outstanding
    waits = walk(facts(gate=True)).until(s.AwaitingGate).state
    assert line(before.state, e.GateOpened(effect.id, nonce="0" * 32, quarantine=""), waits).endswith(
        "awaits a person"
    )
    started = e.InvocationStarted(
        invocation="two", pid=1, start_ticks=1, request=e.Request(kind="resume"), swept=0
    )
    assert line(waits, started, waits) == ""


def test_a_lane_that_begins_is_named_as_when_it_ends() -> None:
    at = walk().until(s.Auditing)
    effect = at.state.outstanding[0]
    assert "/audit-a/" in effect.id
    started = e.AgentStarted(effect=effect.id, agent="reader", session="", files="")
    assert line(at.state, started, at.state) == "01  round 0  audit a: reader began"


@pytest.mark.parametrize(("made", "said"), CASES, ids=[said for _, said in CASES])
def test_a_trial_is_told_with_what_failed_in_it(made: TrialMark, said: str) -> None:
    at = walk().until(s.Verifying)
    (effect,) = at.state.outstanding
    told = line(at.state, e.CommandsReturned(effect.id, trial=made, report="0" * 64), at.state)
    assert told == f"01  round 0  {said}"
