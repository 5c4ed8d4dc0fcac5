"""A run driven through a drawn world, by a person who answers gates and resumes, and killed where it is told.

Not here: what the world does; see world.py. What must hold of every run; see tests/simulation.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec.structs import replace
from tests.doubles.walk import Trail
from tests.doubles.world import World

from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.budgets import Overspent
from verger_kernel.rules.chain import GENESIS, Record, line, read
from verger_kernel.rules.gates import Decision
from verger_kernel.rules.intake import first_ready
from verger_kernel.rules.lasting import lasts
from verger_kernel.rules.machine import advance, counted, fold, was_cut_short
from verger_kernel.rules.now import Now
from verger_kernel.rules.saved import encode

Kill = Literal["before", "torn", "after", "power"]
"""Where a kill falls: before a record is written, in the midst of it, or before anything follows from it.

`power` is the last, with the machine: what is not made to last is gone.
"""
ENDS = (s.Idle, s.AwaitingGate, s.BlockedExternal, s.Escalated)
ATTEMPTS = 3
INVOCATIONS = 120

_decoder = msgspec.json.Decoder(Record)


class Killed(Exception):
    """The kernel's process is gone, and all that it held in memory."""


class Person:
    """Who asks for a run, resumes it, brings evidence and decides; gives an item up after three attempts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.approved: dict[tuple[str, int], Decision] = {}

    def first_request(self) -> e.Request:
        """What the run is created for: some items from the top of the plan."""
        dice = self.world.draw("request")
        names = tuple(one.item_id for one in self.world.frame.items)
        return e.Request(
            kind="run",
            items=names[: dice.randint(1, len(names))],
            auto_advance=dice.random() < 0.5,
            max_items=dice.choice((None, None, 1, 2)),
            evidence=self._evidence(names[0]) if dice.random() < 0.8 else "",
        )

    def next_request(self, state: s.RunState) -> tuple[e.Request, tuple[e.Event, ...]] | None:
        """What to ask of a run at rest and what to tell it; None when nothing is left or it is given up."""
        stage = state.stage
        if isinstance(stage, s.AwaitingGate):
            return self._decision(stage.asked)
        if was_cut_short(state):
            return self._again(state), ()
        refreshed = self._refreshed(state)
        if refreshed:
            return e.Request(kind="settle"), (refreshed,)
        if isinstance(stage, s.ItemStage):
            return None if stage.spot.attempt >= ATTEMPTS else (self._fresh(stage.spot), ())
        return self._onward(state)

    def raised(self, state: s.RunState) -> tuple[e.BudgetRaised, ...]:
        """What is said to a run that met its budget, now and then only when it met it again."""
        budget = state.spending.budget
        if budget.microusd is None or state.park is None or state.park.cause != "budget":
            return ()
        if self.world.draw("raises", state.journal_seq).random() < 0.2:
            return ()
        return (e.BudgetRaised(budget=replace(budget, microusd=budget.microusd + 3_000_000), by="Ada"),)

    def _refreshed(self, state: s.RunState) -> e.RunRetargeted | None:
        spot = state.stage.spot if isinstance(state.stage, s.ItemStage) else None
        place = f"{len(state.passed)}-{spot.item}-{spot.attempt}" if spot else f"{len(state.passed)}"
        branch = f"orchestrator/run-refresh/{place}"
        if state.run_branch == branch or self.world.draw("refresh", branch).random() > 0.15:
            return None
        return self.world.refresh(branch, state.tip)

    def _again(self, state: s.RunState) -> e.Request:
        # Somebody who does not know how far it came brings the evidence once more.
        item = state.stage.spot.item if isinstance(state.stage, s.ItemStage) else ""
        return e.Request(kind="resume", evidence=self._evidence(item) if item else "")

    def _fresh(self, spot: s.Spot) -> e.Request:
        brings = self.world.draw("brings", spot.item, spot.attempt).random() < 0.8
        return e.Request(kind="resume", evidence=self._evidence(spot.item) if brings else "")

    def _onward(self, state: s.RunState) -> tuple[e.Request, tuple[e.Event, ...]] | None:
        left = first_ready(state.frame.items, state.passed_ids())
        if not left:
            return None
        item = state.queue[0] if state.queue else left
        dice = self.world.draw("onward", item)
        asked = e.Request(
            kind="resume",
            items=() if state.queue else (left,),
            auto_advance=dice.random() < 0.5,
            max_items=dice.choice((None, 1, 2)),
            evidence=self._evidence(item),
        )
        return asked, ()

    def _evidence(self, item: str) -> str:
        return f"/evidence/{item}" if self.world.frame.item(item).evidence else ""

    def _decision(self, asked: Decision) -> tuple[e.Request, tuple[e.Event, ...]] | None:
        dice = self.world.draw("gate", asked.item, asked.attempt)
        if dice.random() < 0.1:
            return None
        approves = dice.random() < 0.75
        decision = replace(asked, outcome="approved" if approves else "rejected", by="Ada", note="seen")
        if approves:
            self.approved[asked.item, asked.attempt] = decision
        return e.Request(kind="settle"), (e.GateDecided(decision=decision),)


def _parked(event: e.AgentStarted, over: Overspent) -> e.EffectParked:
    return e.EffectParked(
        effect=event.effect, cause="budget", why=over.why, resets_utc_ms=None, raise_with=over.raise_with
    )


@dataclass
class Simulation:
    """One run of the world `seed`; `order` decides who is served first, `kills` where the kernel dies.

    A moment is one attempt to write a record, counted from 1. The same three values give the same run.
    """

    seed: int
    order: int = 0
    kills: Mapping[int, Kill] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(self.seed)
        self.person = Person(self.world)
        self.journal = b""
        self.moment = 0
        self.in_flight = 0
        self.trail: set[Trail] = set()
        self.asked: set[str] = set()
        self.state: s.RunState | None = None
        self._dice = random.Random(f"{self.seed}/order/{self.order}")
        self._replica: s.RunState | None = None
        self._started: set[str] = set()

    def run(self) -> s.RunState:
        """The state at the end of all invocations."""
        for _ in range(INVOCATIONS):
            self._load()
            if self.state is None:
                asked: tuple[e.Request, tuple[e.Event, ...]] | None = self.person.first_request(), ()
            else:
                asked = self.person.next_request(self.state)
            if asked is None:
                assert self.state is not None
                return self.state
            try:
                self._invoke(*asked)
            except Killed:
                self.in_flight += len(self._started - self.world.answers.keys())
        raise AssertionError(f"the run does not come to an end: it stands in {self.state}")

    def _load(self) -> None:
        reading = read(self.journal)
        self.journal = self.journal[: reading.length]
        loaded = fold(reading.records) if reading.records else None
        assert loaded == self._replica, "what was loaded is not what was saved"
        self.state = loaded
        self._started = set()

    def _invoke(self, request: e.Request, then: tuple[e.Event, ...]) -> None:
        if self.state is None:
            self._commit(e.RunCreated(frame=self.world.frame, request=request))
            request = e.Request(kind="run")
        name = f"invocation-{self.moment}"
        start = e.InvocationStarted(invocation=name, pid=1, start_ticks=1, request=request, swept=0)
        raised = self.person.raised(self.state) if self.state and not then else ()
        performers = [one for event in (*raised, start, *then) for one in self._commit(event)]
        waiting: dict[Iterator[e.Event], e.AgentStarted] = {}
        while performers:
            performer = self._dice.choice(performers)
            event = waiting.pop(performer, None) or next(performer, None)
            if event is None:
                performers.remove(performer)
                continue
            try:
                performers += self._commit(event)
                if isinstance(event, e.AgentStarted):
                    self.world.made.add(event.effect)
            except Overspent as over:
                assert isinstance(event, e.AgentStarted)
                if over.fits_later:
                    assert len(performers) > 1, "it waits for nobody"
                    waiting[performer] = event
                    continue
                performers.remove(performer)
                self._commit(_parked(event, over))
        self._check_rest()
        self._commit(e.InvocationEnded(invocation=name, code=0))

    def _commit(self, event: e.Event) -> list[Iterator[e.Event]]:
        self.moment += 1
        kill = self.kills.get(self.moment)
        if kill == "before":
            raise Killed
        now = Now(1_767_225_600_000 + self.moment * 1000, "boot", self.moment * 10**9, self.moment * 10**9)
        before = self.state
        after, effects = advance(before, event, now)
        seq, head = (before.journal_seq, before.journal_head) if before else (0, GENESIS)
        written, head = line(seq + 1, head, now, event)
        if kill == "torn":
            self.journal += written[: self._dice.randrange(len(written))]
            raise Killed
        self.journal += written
        self.state = counted(after, event, seq + 1, head)
        self._check_step(before, event, written)
        ids = {effect.id for effect in effects}
        assert self.asked.isdisjoint(ids), "an effect was asked for twice under one name"
        self.asked |= ids
        if kill == "power":
            self._lose_power()
        if kill in ("after", "power"):
            raise Killed
        return [self.world.perform(effect) for effect in effects]

    def _lose_power(self) -> None:
        """Leaves of the journal what outlasts a power cut, and forgets what was asked for since."""
        reading = read(self.journal)
        kept = next(one.seq for one in reversed(reading.records) if lasts(one.event))
        self.journal = self.journal[: reading.ends[kept - 1]]
        self._replica, self.asked = None, set()
        for record in reading.records[:kept]:
            _, effects = advance(self._replica, record.event, record.now)
            self.asked |= {effect.id for effect in effects}
            self._replica = fold([record], self._replica)
        assert self._replica is not None
        assert self._replica.lasting_seq == self._replica.journal_seq == kept

    def _check_step(self, before: s.RunState | None, event: e.Event, written: bytes) -> None:
        # A fold from the first record takes the same steps: _load takes them all, here each is taken once.
        assert self.state is not None
        self._replica = fold([_decoder.decode(written)], self._replica)
        assert self._replica == self.state
        assert encode(self._replica) == encode(self.state)
        if isinstance(event, e.AgentStarted):
            self._started.add(event.effect.rpartition("/t")[0])
        if before:
            self.trail.add((type(before.stage), type(event), type(self.state.stage)))

    def _check_rest(self) -> None:
        assert self.state is not None
        if self.state.outstanding:
            assert self.state.trouble, "something is left to do and nobody says why"
        else:
            assert isinstance(self.state.stage, ENDS)
