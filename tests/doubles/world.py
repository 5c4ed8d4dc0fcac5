"""A world drawn from a seed: it performs what a run asks of it in memory, and remembers what a disk would.

Not here: who drives the run, kills it and answers its gates; see simulation.py.

What is drawn depends on the item, attempt, round and stage alone, never on the order or the try: a killed run
meets the world of the undisturbed one.
"""

import random
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from tests.doubles.walk import digest, facts, frame, good_answer, mark, object_id

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules.frame import Frame, ItemFacts
from verger_kernel.rules.ids import Digest, ObjectId
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.verification import GroupResult

Place = tuple[str, int, int]
"""Item, attempt and round."""
Call = f.RunWorker | f.Audit | f.Triage
CATEGORIES = ("correctness", "correctness", "test_gap", "manual_gate", "external_dependency")
PROPOSALS = ("pass", "pass", "pass", "fix_required", "awaiting_human_gate", "blocked_external", "escalate")


def name_of(effect: f.Effect) -> str:
    """The effect's id without its try."""
    return effect.id.rpartition("/t")[0]


def place_of(effect: Any) -> Place:
    """Where in the run an effect of a round belongs."""
    return effect.item, effect.attempt, effect.round


class World:
    """What happens to one run. Everything here outlives a kill; what is in a performer's hands does not."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.frame = self._plan()
        self.branch = self.frame.base_commit
        self.moves: list[f.CloseItem] = []
        self.closed: list[f.CloseItem] = []
        self.prepared: list[f.PrepareWorktree] = []
        self.answers: dict[str, e.Answer] = {}
        self.verified: dict[Place, dict[str, tuple[ObjectId, GroupResult]]] = {}
        self.packets: dict[Digest, tuple[Place, ObjectId]] = {}
        self.heard: dict[Place, dict[str, tuple[Digest, e.AuditReturned]]] = {}
        self._trees = {self.branch: object_id("base tree")}
        self._failed: set[str] = set()

    def draw(self, *what: object) -> random.Random:
        """The dice for exactly this: they fall the same each time."""
        return random.Random(f"{self.seed}/{what}")

    def _plan(self) -> Frame:
        dice = self.draw("plan")
        items: list[ItemFacts] = []
        for number in range(dice.randint(1, 4)):
            earlier = tuple(one.item_id for one in items)
            items.append(
                facts(
                    f"{number + 1:02}",
                    prerequisites=earlier[-1:] if dice.random() < 0.5 else (),
                    gate=dice.random() < 0.3,
                    evidence=dice.random() < 0.2,
                    groups=("required", "suggested") if dice.random() < 0.5 else ("required",),
                )
            )
        return frame(*items, triage_agent=dice.random() < 0.5, fixes=dice.randint(0, 2))

    def perform(self, effect: f.Effect) -> Iterator[e.Event]:
        """The events that `effect` leads to, answer last; what is done before each is done on disk."""
        if self._fails(effect):
            yield e.EffectFailed(effect=effect.id, what="disk full")
        elif isinstance(effect, Call):
            yield from self._called(effect)
        else:
            yield self._done(effect)

    def _fails(self, effect: f.Effect) -> bool:
        # A disk that was full once has room the next time, so that a failure only costs a resume.
        name = name_of(effect)
        fails = name not in self._failed and self.draw("failure", name).random() < 0.02
        self._failed.add(name)
        return fails

    def _called(self, effect: Call) -> Iterator[e.Event]:
        name = name_of(effect)
        if name not in self.answers:
            yield e.AgentStarted(effect=effect.id, agent="agent", session=effect.id, files="calls")
            self.answers[name] = self._said(effect)
        answer = replace(self.answers[name], effect=effect.id)
        if isinstance(effect, f.Audit) and isinstance(answer, e.AuditReturned):
            self.heard.setdefault(place_of(effect), {})[effect.lane] = (effect.packet, answer)
        yield answer

    def _said(self, effect: Call) -> e.Answer:
        match effect:
            case f.RunWorker():
                return self._worked(effect)
            case f.Audit():
                return self._audited(effect)
            case f.Triage():
                return self._weighed(effect)

    def _worked(self, effect: f.RunWorker) -> e.Answer:
        dice = self.draw("worker", place_of(effect), effect.stage)
        good = good_answer(effect)
        changed: dict[str, Any] = dice.choices(
            (
                {},
                {"unresolved": 1},
                {"verdict": "no_change_needed", "tree": self._trees[effect.tip], "changed": 0},
                {"verdict": "needs_human_input"},
                {"verdict": "blocked"},
                {"verdict": "blocked_external"},
                {"problem": "timeout", "verdict": "", "report": ""},
                {"out_of_scope": ("elsewhere",), "out_of_scope_count": 1},
                {"escapes": ("a nested .git",), "tree": ObjectId("")},
            ),
            weights=(70, 8, 5, 5, 3, 3, 2, 2, 2),
        )[0]
        return replace(good, **changed)

    def _audited(self, effect: f.Audit) -> e.Answer:
        dice = self.draw("audit", place_of(effect), effect.lane)
        found = self._found(dice, f"audit-{effect.lane}")
        heard = replace(good_answer(effect), findings=found, verdict="issues_found" if found else "pass")
        changed: dict[str, Any] = dice.choices(
            (
                {},
                {"verdict": "inconclusive"},
                {"verdict": "blocked"},
                {"problem": "silence", "verdict": "", "report": "", "findings": ()},
                {"packet_intact": False},
            ),
            weights=(92, 2, 2, 2, 2),
        )[0]
        return replace(heard, **changed)

    def _found(self, dice: random.Random, source: str) -> tuple[FindingMark, ...]:
        count = dice.choices((0, 1, 2), weights=(60, 30, 10))[0]
        chosen = dice.sample(range(len(CATEGORIES)), count)
        return tuple(
            mark(str(number), category=CATEGORIES[number], blocking=dice.random() < 0.4, source=source)
            for number in chosen
        )

    def _weighed(self, effect: f.Triage) -> e.Answer:
        dice = self.draw("triage", place_of(effect))
        if dice.random() < 0.03:
            return replace(good_answer(effect), problem="timeout", decision="")
        names = (*map(str, range(len(CATEGORIES))), "required", "suggested")
        dismissed = tuple(f"finding_{name}" for name in names if dice.random() < 0.3)
        return replace(good_answer(effect), decision=dice.choice(PROPOSALS), dismissed=dismissed)

    def _done(self, effect: f.Effect) -> e.Event:
        match effect:
            case f.PrepareWorktree():
                self.prepared.append(effect)
            case f.Checkpoint():
                return self._checkpointed(effect)
            case f.RunCommands():
                return self._verified(effect)
            case f.FreezePacket():
                if self.draw("packet", place_of(effect)).random() < 0.02:
                    return e.PacketRefused(effect.id, changed=("worker_report.json",))
                frozen = good_answer(effect)
                assert isinstance(frozen, e.PacketFrozen)
                self.packets[frozen.packet] = (place_of(effect), effect.commit)
                return frozen
            case f.CloseItem():
                return self._closed(effect)
        return good_answer(effect)

    def _checkpointed(self, effect: f.Checkpoint) -> e.Event:
        if self._trees[effect.parent] == effect.tree:
            return e.Checkpointed(effect.id, commit=effect.parent)
        done = good_answer(effect)
        assert isinstance(done, e.Checkpointed)
        self._trees[done.commit] = effect.tree
        return done

    def _verified(self, effect: f.RunCommands) -> e.Event:
        dice = self.draw("commands", place_of(effect), effect.group)
        required = effect.group == "required"
        failed = mark(effect.group, blocking=required, source="verification")
        fails = dice.random() < (0.12 if required else 0.3)
        result = GroupResult(group=effect.group, failures=(failed,) if fails else ())
        self.verified.setdefault(place_of(effect), {})[effect.group] = (effect.commit, result)
        return e.CommandsReturned(effect.id, result=result, report=digest("report", place_of(effect)))

    def _closed(self, effect: f.CloseItem) -> e.Event:
        if self.branch != effect.new:
            if self.branch != effect.old or self._is_moved_by_somebody(effect):
                return e.CloseRefused(effect=effect.id, found="elsewhere")
            self.branch = effect.new
            self.moves.append(effect)
        self.closed.append(effect)
        return e.ItemClosed(effect.id, quarantine="")

    def _is_moved_by_somebody(self, effect: f.CloseItem) -> bool:
        return self.draw("somebody", effect.item, effect.attempt).random() < 0.05
