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
from tests.doubles.marks import trials_max
from tests.doubles.simulation import Kill, Simulation
from tests.doubles.sweeps import swept
from tests.doubles.world import HELD, Place, World, place_of

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import fold
from verger_kernel.rules.transitions import RUN_EVENTS, TRANSITIONS
from verger_kernel.rules.trials import CommandMark, TrialMark

SEEDS = 200
KILLS: tuple[Kill, ...] = ("before", "torn", "after", "power")
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
    check_known(world)
    check_money(simulation, state)


def check_branch(world: World, state: s.RunState) -> None:
    """Only a close moves a run branch, each from where the one before it left it."""
    for branch, made_at in world.made_at.items():
        moves = [effect for effect in world.moves if effect.branch == branch]
        places = [made_at, *(effect.new for effect in moves)]
        assert [effect.old for effect in moves] == places[:-1]
        assert world.branches[branch] == places[-1]
    if not state.outstanding:
        assert state.tip == world.branches[state.run_branch]


def check_was_proved(world: World, effect: f.CloseItem) -> None:
    """The last verification of the closed item passed on the result, and both lanes read one packet of it."""
    rounds = [place for place in world.trials if place[:2] == (effect.item, effect.attempt)]
    last = max(rounds)
    check_trials(world, last)
    assert {asked.commit for asked, _ in world.trials[last].values()} == {effect.new}
    lanes = world.heard[last]
    assert set(lanes) == {"a", "b"}
    (packet,) = {packet for packet, _ in lanes.values()}
    assert world.packets[packet] == (last, effect.new)
    for _, answer in lanes.values():
        assert (answer.problem, answer.packet_intact) == ("", True)
        assert answer.verdict in USABLE


def check_trials(world: World, place: Place) -> None:
    """What was promised failed at most at times, where the policy lets that through; what else failed was dismissed."""
    facts = world.frame.item(place[0])
    tried: dict[str, list[TrialMark]] = {}
    for _, trial in world.trials[place].values():
        tried.setdefault(trial.purpose if trial.group == "required" else trial.group, []).append(trial)
    numbers = {mark.number for trial in tried["green"] for mark in trial.commands}
    assert numbers >= set(range(1, len(facts.required) + 1))
    for number in numbers:
        check_command(
            world, [one for trial in tried["green"] for one in trial.commands if one.number == number]
        )
    assert ("suggested" in tried) is facts.suggested
    if facts.red:
        assert any(
            all(one.failed for one in runs)
            for runs in zip(*(one.commands for one in tried["red"]), strict=True)
        )
    assert not world.surfaces[place].held_out or tried["held-out"]
    need, judgement = world.judged(place)
    assert {one.verdict for one in judgement.verdicts} <= {"pass", "flaky_pass"}
    assert sum(map(len, tried.values())) <= trials_max(need)
    found = (*world.surfaces[place].findings, *(one.mark for one in judgement.dismissible))
    assert {one.finding_id for one in found if one.is_blocking} <= set(world.dismissed.get(place, ()))


def check_command(world: World, marks: list[CommandMark]) -> None:
    """The command passed, or failed at times and either its flakes or all of them are let through."""
    flakes = world.frame.flakes
    failed = {case for mark in marks for case in mark.failed}
    if failed and not failed <= set(flakes.quarantined):
        assert flakes.accepted or marks[0].command in flakes.quarantined
        assert any(mark.status == "pass" for mark in marks)
    assert not set.intersection(*(set(mark.failed) for mark in marks))


def check_money(simulation: Simulation, state: s.RunState) -> None:
    """Every call that was made counts once, at what it said or at what was held back, and no budget was broken."""
    events = [record.event for record in read(simulation.journal).records]
    begun = [event for event in events if isinstance(event, e.AgentStarted)]
    bills = {bill.call: bill for event in events if (bill := getattr(event, "bill", None))}
    open_ = {one.effect for one in state.spending.held}
    settled = [bills.get(one.effect) for one in begun if one.effect not in open_]
    assert len({one.effect for one in begun}) == len(begun)
    assert state.spending.spent.calls == len(settled)
    assert state.spending.spent.microusd == sum(
        HELD.microusd if bill is None or bill.microusd is None else bill.microusd for bill in settled
    )
    items = [entry.spent for entry in state.passed] + [state.spending.item]
    for sums in (items, [stage.spent for stage in state.spending.stages]):
        assert sum(one.microusd for one in sums) == state.spending.spent.microusd
    if simulation.world.frame.budget.microusd is not None:
        assert simulation.world.made <= {one.effect for one in begun}
        assert state.spending.budget.microusd is not None
        held = sum(one.amount.microusd for one in state.spending.held)
        assert state.spending.spent.microusd + held <= state.spending.budget.microusd


def check_known(world: World) -> None:
    """What is taken for known of a base was seen when it was a result that passed its verification."""
    asked = {effect for round_ in world.trials.values() for effect, _ in round_.values() if effect.known}
    for effect in asked:
        places = {
            place_of(one)
            for told in world.trials.values()
            for one, _ in told.values()
            if one.commit == effect.base
        }
        assert any(world.judged(place)[1].outcome in ("pass", "partial") for place in places)
        assert {mark.status for mark in effect.known.commands} == {"pass"}


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


@pytest.mark.parametrize("seed", swept(range(SEEDS), every=8))
def test_a_run_keeps_its_promises_and_a_killed_one_ends_as_the_undisturbed(seed: int) -> None:
    undisturbed = done(seed)
    for time in (1, 2):
        check_same_end(undisturbed, drawn_kills(seed, undisturbed[0].moment, time), order=time)


@pytest.mark.parametrize(
    ("seed", "kill", "first"),
    swept(
        [(seed, kill, first) for seed in (7, 19, 42) for kill in KILLS for first in (1, 2, 3, 4)], every=48
    ),
)
def test_no_moment_is_a_bad_one_to_be_killed_at(seed: int, kill: Kill, first: int) -> None:
    undisturbed = done(seed)
    for moment in range(first, undisturbed[0].moment + 1, 4):
        check_same_end(undisturbed, {moment: kill, moment + 2: "before"}, order=0)


@pytest.mark.sweep
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
