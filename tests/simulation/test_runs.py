"""Hundreds of drawn runs, undisturbed and killed at drawn moments, and what must hold of every one of them.

Not here: how the world is drawn and how a kernel is killed; see tests/doubles/world.py and simulation.py.

The number in a failed test's name is the seed; the note under the failure replays the one run that failed:
`Simulation(seed, order, kills).run()`.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest
from tests.doubles.simulation import Kill, Simulation
from tests.doubles.world import World

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import fold
from verger_kernel.rules.transitions import RUN_EVENTS, TRANSITIONS

SEEDS = 250
KILLS: tuple[Kill, ...] = ("before", "torn", "after")
USABLE = ("pass", "issues_found")


def done(seed: int, order: int = 0, kills: Mapping[int, Kill] | None = None) -> tuple[Simulation, s.RunState]:
    """A simulation that ran to its end and kept every promise."""
    simulation = Simulation(seed, order, kills or {})
    try:
        state = simulation.run()
        check_promises(simulation, state)
    except Exception as error:
        error.add_note(f"replay: Simulation({seed}, {order}, {kills or {}})")
        raise
    return simulation, state


def check_promises(simulation: Simulation, state: s.RunState) -> None:
    world = simulation.world
    reading = read(simulation.journal)
    assert reading.flaw == ""
    assert fold(reading.records) == state
    check_branch(world, state)
    for effect in world.closed:
        check_was_proved(world, effect)
    check_ledger(simulation, state)
    check_evidence(world)


def check_branch(world: World, state: s.RunState) -> None:
    """Only a close moves the run branch, each from where the one before it left it."""
    places = [world.frame.base_commit, *(effect.new for effect in world.moves)]
    assert [effect.old for effect in world.moves] == places[:-1]
    assert world.branch == places[-1]
    if not state.outstanding:
        assert state.tip == world.branch
    assert {effect.branch for effect in world.closed} <= {world.frame.run_branch}


def check_was_proved(world: World, effect: f.CloseItem) -> None:
    """The last verification of the closed item passed on the result, and both lanes read one packet of it."""
    rounds = [place for place in world.verified if place[:2] == (effect.item, effect.attempt)]
    last = max(rounds)
    groups = world.verified[last]
    assert set(groups) == set(world.frame.item(effect.item).groups)
    assert {commit for commit, _ in groups.values()} == {effect.new}
    assert not any(mark.is_blocking for _, result in groups.values() for mark in result.failures)
    lanes = world.heard[last]
    assert set(lanes) == {"a", "b"}
    (packet,) = {packet for packet, _ in lanes.values()}
    assert world.packets[packet] == (last, effect.new)
    for _, answer in lanes.values():
        assert (answer.problem, answer.packet_intact) == ("", True)
        assert answer.verdict in USABLE


def check_ledger(simulation: Simulation, state: s.RunState) -> None:
    """The chain recomputes, each entry was closed, and no item with a gate passed without its approval."""
    chain = "0" * 64
    for ordinal, entry in enumerate(state.passed, 1):
        chain = hashlib.sha256(chain.encode() + msgspec.json.encode(entry)).hexdigest()
        assert entry.ordinal == ordinal
        assert (entry.item, entry.attempt, entry.commit) in {
            (effect.item, effect.attempt, effect.new) for effect in simulation.world.closed
        }
        approved = simulation.person.approved.get((entry.item, entry.attempt))
        assert entry.decision == approved
        if simulation.world.frame.item(entry.item).gate:
            assert approved is not None
            assert (approved.outcome, approved.new, approved.tree) == ("approved", entry.commit, entry.tree)
    assert chain == state.passed_chain
    assert len(state.passed_ids()) == len(state.passed)


def check_evidence(world: World) -> None:
    """Evidence reached the item it was brought for and no other, and no item that needs it began without."""
    for effect in world.prepared:
        needed = world.frame.item(effect.item).evidence
        assert effect.evidence == (f"/evidence/{effect.item}" if needed else "")


def end(state: s.RunState) -> object:
    """Where a run ended, apart from times and what depends on them."""
    spot = state.stage.spot if isinstance(state.stage, s.ItemStage) else None
    where = (type(state.stage), spot and (spot.item, spot.attempt, spot.round))
    return where, [(entry.item, entry.attempt, entry.round, entry.tree) for entry in state.passed]


def drawn_kills(seed: int, moments: int, time: int) -> dict[int, Kill]:
    """Up to six moments at which the kernel dies; some come soon after another, while it recovers."""
    dice = random.Random(f"{seed}/kills/{time}")
    first = [dice.randint(1, moments) for _ in range(dice.randint(1, 3))]
    soon = [moment + dice.randint(1, 4) for moment in first if dice.random() < 0.5]
    return {moment: dice.choice(KILLS) for moment in sorted({*first, *soon})}


def check_same_end(undisturbed: tuple[Simulation, s.RunState], kills: Mapping[int, Kill], order: int) -> None:
    """A killed run keeps its promises, ends as the undisturbed one and pays only for calls in flight."""
    simulation, state = undisturbed
    killed, killed_state = done(simulation.seed, order, kills)
    replay = f"replay: Simulation({simulation.seed}, {order}, {dict(kills)})"
    assert end(killed_state) == end(state), replay
    assert killed_state.agent_calls <= state.agent_calls + killed.in_flight, replay


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_run_keeps_its_promises_and_a_killed_one_ends_as_the_undisturbed(seed: int) -> None:
    undisturbed = done(seed)
    for time in (1, 2):
        check_same_end(undisturbed, drawn_kills(seed, undisturbed[0].moment, time), order=time)


@pytest.mark.parametrize("seed", [7, 19, 42])
@pytest.mark.parametrize("kill", KILLS)
def test_no_moment_is_a_bad_one_to_be_killed_at(seed: int, kill: Kill) -> None:
    undisturbed = done(seed)
    for moment in range(1, undisturbed[0].moment + 1):
        check_same_end(undisturbed, {moment: kill, moment + 2: "before"}, order=0)


def test_the_drawn_runs_go_every_way_and_come_to_every_end() -> None:
    trail, ends = set(), Counter[str]()
    for seed in range(SEEDS):
        simulation = Simulation(seed)
        ends[type(simulation.run().stage).__name__] += 1
        trail |= simulation.trail
    drawn = {
        (source, event, target)
        for source, events in TRANSITIONS.items()
        for event, targets in events.items()
        for target in targets
    }
    # Nobody creates a run that is asked for nothing.
    assert drawn - trail == {(s.Opening, e.RunBranchCreated, s.Idle)}
    assert {source for source, event, target in trail if event in RUN_EVENTS and source != target} == {
        s.Idle,
        s.BlockedExternal,
        s.Escalated,
    }
    assert min(ends[name] for name in ("Idle", "AwaitingGate", "BlockedExternal", "Escalated")) >= 5
    assert set(ends) == {"Idle", "AwaitingGate", "BlockedExternal", "Escalated"}
