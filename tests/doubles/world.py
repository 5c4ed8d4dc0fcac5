"""A world drawn from a seed: it performs what a run asks of it in memory, and remembers what a disk would.

Not here: who drives the run, kills it and answers its gates; see simulation.py.

What is drawn depends on the item, attempt, round and stage alone, never on the order or the try: a killed run
meets the world of the undisturbed one.
"""

import random
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from tests.doubles.marks import command, exits
from tests.doubles.walk import digest, facts, frame, good_answer, mark, object_id, shown, surface

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules.bills import Amount, Bill
from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.frame import FlakeRules, Frame, ItemFacts
from verger_kernel.rules.ids import Digest, ObjectId
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import SETUP, CommandMark, TrialMark
from verger_kernel.rules.verification import Judgement, Need, judge
from verger_kernel.rules.verifying import need_of

Place = tuple[str, int, int]
"""Item, attempt and round."""
Call = f.RunWorker | f.Audit | f.Triage
COMMANDS = ("make test", "make lint")
HELD = Amount(tokens=100, microusd=1_000_000)
"""What is held back for each call."""
NATURES = {
    "honest": 60,
    "flaky": 10,
    "broken": 6,
    "broken before": 4,
    "broken tests of the base": 5,
    "not red": 4,
    "fewer": 4,
    "slow": 2,
    "setup": 3,
}
"""What a result is like, with weights. All that is not honest is so in its last command, or in the setup."""
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
        self.branches = {self.frame.run_branch: self.frame.base_commit}
        self.made_at = dict(self.branches)
        self.moves: list[f.CloseItem] = []
        self.closed: list[f.CloseItem] = []
        self.prepared: list[f.PrepareWorktree] = []
        self.answers: dict[str, e.Answer] = {}
        self.trials: dict[Place, dict[str, tuple[f.RunCommands, TrialMark]]] = {}
        self.surfaces: dict[Place, SurfaceMark] = {}
        self.dismissed: dict[Place, tuple[str, ...]] = {}
        self.packets: dict[Digest, tuple[Place, ObjectId]] = {}
        self.heard: dict[Place, dict[str, tuple[Digest, e.AuditReturned]]] = {}
        self._trees = {self.frame.base_commit: object_id("base tree")}
        self._failed: set[str] = set()
        self.made: set[str] = set()

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
                    required=COMMANDS[: dice.randint(1, 2)],
                    suggested=dice.random() < 0.5,
                    red=dice.random() < 0.3,
                    shared=COMMANDS if dice.random() < 0.5 else (),
                )
            )
        flakes = FlakeRules(
            reruns=dice.randint(0, 2),
            accepted=dice.random() < 0.3,
            quarantined=dice.choice(((), (), COMMANDS[:1], ("a",))),
        )
        budget = Budget(microusd=dice.randint(2, 6) * HELD.microusd) if dice.random() < 0.5 else Budget()
        triage_agent, fixes = dice.random() < 0.5, dice.randint(0, 2)
        return frame(*items, triage_agent=triage_agent, fixes=fixes, flakes=flakes, budget=budget)

    def refresh(self, branch: str, tip: ObjectId) -> e.RunRetargeted:
        """A person makes `branch` on top of `tip`; done twice, it is the same branch."""
        merged = object_id("merged", branch, tip)
        self.branches.setdefault(branch, merged)
        self.made_at[branch] = merged
        self._trees[merged] = object_id("merged tree", branch, tip)
        return e.RunRetargeted(branch=branch, tip=merged)

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
            bounded = self.frame.budget.is_set
            yield e.AgentStarted(
                effect=effect.id,
                agent="agent",
                session=effect.id,
                files="calls",
                held=HELD,
                is_bounded=bounded,
            )
            if self._is_over(effect):
                why, bill = "the limit is used up", self._bill(effect)
                yield e.EffectParked(effect=effect.id, cause="limit", why=why, resets_utc_ms=None, bill=bill)
                return
            self.answers[name] = replace(self._said(effect), bill=self._bill(effect))
        answer = replace(self.answers[name], effect=effect.id)
        if isinstance(effect, f.Audit) and isinstance(answer, e.AuditReturned):
            self.heard.setdefault(place_of(effect), {})[effect.lane] = (effect.packet, answer)
        yield answer

    def _is_over(self, effect: Call) -> bool:
        """Whether the provider's limit is: a call that met it once meets it no more."""
        name = ("limit", name_of(effect))
        is_over = str(name) not in self._failed and self.draw(*name).random() < 0.03
        self._failed.add(str(name))
        return is_over

    def _bill(self, effect: Call) -> Bill:
        """What a call costs, never more than was held back for it; some say nothing."""
        dice = self.draw("bill", name_of(effect))
        return Bill(call=effect.id, microusd=dice.choice((None, 0, dice.randint(1, HELD.microusd))))

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
        _, judgement = self.judged(place_of(effect))
        names = [f"finding_{name}" for name in (*range(len(CATEGORIES)), "surface")]
        names += [one.mark.finding_id for one in judgement.dismissible]
        dismissed = tuple(name for name in names if dice.random() < 0.5)
        self.dismissed[place_of(effect)] = dismissed
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
        seen = self._surface(place_of(effect))
        if self._trees[effect.parent] == effect.tree:
            return e.Checkpointed(effect.id, commit=effect.parent, surface=seen)
        done = good_answer(effect)
        assert isinstance(done, e.Checkpointed)
        self._trees[done.commit] = effect.tree
        return replace(done, surface=seen)

    def _surface(self, place: Place) -> SurfaceMark:
        dice = self.draw("surface", place)
        found = mark("surface", blocking=dice.random() < 0.4, category="test_gap", source="verification")
        self.surfaces[place] = surface(
            held_out=dice.random() < 0.3,
            may_shrink=dice.random() < 0.3,
            findings=(found,) if dice.random() < 0.15 else (),
        )
        return self.surfaces[place]

    def _verified(self, effect: f.RunCommands) -> e.Event:
        if effect.report and self.draw("report", name_of(effect)).random() < 0.01:
            return e.PacketRefused(effect.id, changed=("verification_report.json",))
        trial = shown(effect, *self._commands(effect))
        self.trials.setdefault(place_of(effect), {})[name_of(effect)] = (effect, trial)
        seen = digest("report", place_of(effect), trial)
        escapes = ("a hook was changed",) if self.draw("escapes", name_of(effect)).random() < 0.003 else ()
        return e.CommandsReturned(effect.id, trial=trial, report=seen, escapes=escapes)

    def judged(self, place: Place) -> tuple[Need, Judgement]:
        """What a round had to show, and what its trials prove."""
        told = list(self.trials[place].values())
        need = need_of(self.frame, place[0], self.surfaces[place], told[0][0].known)
        return need, judge(need, tuple(trial for _, trial in told))

    def _commands(self, effect: f.RunCommands) -> Iterator[CommandMark]:
        nature = self.draw("nature", place_of(effect)).choices(list(NATURES), list(NATURES.values()))[0]
        asked = self.frame.item(effect.item).required if effect.group == "required" else ("make docs",)
        if self.draw("setup").random() < 0.3:
            fails = nature == "setup" and effect.purpose != "held-out"
            yield exits("fail" if fails else "pass", number=SETUP, command="npm ci")
            if fails:
                return
        for number, text in enumerate(asked, 1):
            like = nature if number == len(asked) and effect.group == "required" else ""
            yield self._command(effect, like, number, text)

    def _command(self, effect: f.RunCommands, nature: str, number: int, text: str) -> CommandMark:
        dice = self.draw("trial", name_of(effect), number)
        fails = {
            "honest": effect.purpose == "red",
            "flaky": effect.purpose == "red" or dice.random() < 0.4,
            "broken": effect.purpose != "base",
            "broken before": True,
            "broken tests of the base": effect.purpose == "held-out",
            "slow": effect.purpose != "base",
        }.get(nature, effect.group == "suggested" and dice.random() < 0.3)
        if nature == "slow" and fails:
            return exits("timeout", number=number, command=text)
        if self.draw("runner", text).random() < 0.5:
            return exits("fail" if fails else "pass", number=number, command=text)
        turned = ("a",) if fails and effect.purpose == "red" and nature != "broken before" else ()
        count = 7 if nature == "fewer" and effect.purpose == "green" else 10
        told = command(*("a",) * fails, number=number, command=text, executed=count)
        return replace(told, turned=turned)

    def _closed(self, effect: f.CloseItem) -> e.Event:
        if self.branches[effect.branch] != effect.new:
            if self.branches[effect.branch] != effect.old or self._is_moved_by_somebody(effect):
                return e.CloseRefused(effect=effect.id, found="elsewhere")
            self.branches[effect.branch] = effect.new
            self.moves.append(effect)
        self.closed.append(effect)
        return e.ItemClosed(effect.id, quarantine="")

    def _is_moved_by_somebody(self, effect: f.CloseItem) -> bool:
        return self.draw("somebody", effect.item, effect.attempt).random() < 0.05
