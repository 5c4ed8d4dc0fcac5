"""A run walked event by event: it answers effects as a well-meaning world would, unless told otherwise.

Not here: a world with a will of its own; see world.py.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Literal, Self, assert_never

from msgspec.structs import replace
from tests.doubles.marks import COMMAND, FLAKES, exits
from tests.doubles.marks import trial as trial_of

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.chain import GENESIS, line
from verger_kernel.rules.frame import FlakeRules, Frame, Identity, ItemFacts
from verger_kernel.rules.ids import Digest, ObjectId, RunId
from verger_kernel.rules.machine import advance, counted
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.now import Now
from verger_kernel.rules.packs import Category, Severity
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import CommandMark, TrialMark

Kind = Literal["run", "resume", "settle"]
UNBOUNDED = Budget()
Show = Callable[[f.RunCommands], TrialMark]
"""What a trial shows."""
Trail = tuple[type[s.Stage], type[e.Event], type[s.Stage]]
"""One step: from which stage, by which event, to which stage."""


def digest(*words: object) -> Digest:
    """A digest that only these words have."""
    return Digest(hashlib.sha256(repr(words).encode()).hexdigest())


def object_id(*words: object) -> ObjectId:
    """A git object id that only these words have."""
    return ObjectId(digest(*words)[:40])


def facts(
    item_id: str = "01",
    *,
    prerequisites: tuple[str, ...] = (),
    gate: bool = False,
    evidence: bool = False,
    required: tuple[str, ...] = (COMMAND,),
    suggested: bool = False,
    red: bool = False,
    shared: tuple[str, ...] = (),
) -> ItemFacts:
    """An item that asks for nothing special unless it is told to."""
    return ItemFacts(
        item_id=item_id,
        prerequisites=prerequisites,
        gate=gate,
        evidence=evidence,
        required=required,
        suggested=suggested,
        red=red,
        shared=shared,
    )


def frame(
    *items: ItemFacts,
    triage_agent: bool = False,
    fixes: int = 2,
    remediations: int = 1,
    flakes: FlakeRules = FLAKES,
    budget: Budget = UNBOUNDED,
) -> Frame:
    """The constants of a run of `items`, of one plain item when none is given."""
    return Frame(
        run_id=RunId("RUN_20260101T000000Z_" + "0" * 32),
        repository_id="repository",
        repository_root="/repository",
        base_commit=object_id("base"),
        run_branch="orchestrator/run/1",
        playbook_path="playbook.md",
        playbook_sha256=digest("playbook"),
        snapshot_sha256=digest("snapshot"),
        plan_sha256=digest("plan"),
        policy_sha256=digest("policy"),
        identity=Identity(name="Verger", email="verger@example.org"),
        max_fix_rounds=fixes,
        max_remediation_rounds=remediations,
        triage_agent=triage_agent,
        flakes=flakes,
        git_settings=(),
        items=items or (facts(),),
        budget=budget,
    )


def mark(
    name: str = "1",
    *,
    blocking: bool = True,
    severity: Severity = "high",
    category: Category = "correctness",
    source: str = "audit-a",
) -> FindingMark:
    """A finding that blocks unless it is told not to."""
    return FindingMark(
        finding_id=f"finding_{name}",
        severity=severity,
        category=category,
        is_blocking=blocking,
        sources=(source,),
    )


def surface(**changed: Any) -> SurfaceMark:
    """A change that left the test surface as it was, unless it is told to."""
    mark_ = SurfaceMark(held_out=False, may_shrink=False, findings=(), report=digest("surface"))
    return replace(mark_, **changed)


def shown(effect: f.RunCommands, *commands: CommandMark) -> TrialMark:
    """The trial that `effect` asks for, in which the commands did this."""
    return trial_of(*commands, group=effect.group, purpose=effect.purpose, nth=effect.nth)


def honest(effect: f.RunCommands) -> TrialMark:
    """What passes with the change and fails without it."""
    return shown(effect, exits("fail" if effect.purpose == "red" else "pass"))


def broken(effect: f.RunCommands) -> TrialMark:
    """What fails on the result each time, and passes on the base."""
    fails = effect.group == "required" and effect.purpose != "base"
    return shown(effect, exits("fail" if fails else "pass"))


def broken_before(effect: f.RunCommands) -> TrialMark:
    """What fails on the result each time, and on the base as well."""
    return shown(effect, exits("fail" if effect.group == "required" else "pass"))


def flaky(effect: f.RunCommands) -> TrialMark:
    """What fails in every first trial and passes in every second one."""
    return shown(effect, exits("fail" if effect.nth % 2 else "pass"))


def poor(effect: f.RunCommands) -> TrialMark:
    """What passes in all that is required and fails in all that is suggested."""
    return shown(effect, exits("fail" if effect.group == "suggested" else "pass"))


def good_answer(effect: f.Effect) -> e.Answer:
    """What the world says when all is well; it depends on what was asked, never on the try."""
    match effect:
        case f.CreateRunBranch():
            return e.RunBranchCreated(effect.id)
        case f.PrepareWorktree():
            taken = digest(effect.evidence) if effect.evidence else ""
            return e.WorktreeReady(effect.id, evidence=taken, quarantine="")
        case f.RunWorker():
            return _worker_returned(effect)
        case f.Checkpoint():
            commit = object_id(effect.tree, effect.parent, effect.at_utc_ms)
            return e.Checkpointed(effect.id, commit=commit, surface=surface())
        case f.RunCommands():
            seen = digest("verification", effect.commit, effect.group, effect.purpose, effect.nth)
            return e.CommandsReturned(effect.id, trial=honest(effect), report=seen)
        case f.FreezePacket():
            where = (effect.item, effect.attempt, effect.round)
            return e.PacketFrozen(effect.id, packet=digest("packet", where, effect.commit))
        case f.Audit():
            return _audit_returned(effect)
        case f.Triage():
            return e.TriageReturned(effect.id, problem="", decision="pass", report="", dismissed=())
        case f.OpenGate():
            return e.GateOpened(effect.id, nonce=digest("nonce", effect.id)[:32], quarantine="")
        case f.CloseItem():
            return e.ItemClosed(effect.id, quarantine="")
        case _:
            assert_never(effect)


def _worker_returned(effect: f.RunWorker) -> e.WorkerReturned:
    return e.WorkerReturned(
        effect.id,
        problem="",
        verdict="implemented",
        report=digest("report", effect.item, effect.attempt, effect.round),
        tree=object_id("tree", effect.item, effect.attempt, effect.round),
        changed=1,
        unresolved=0,
        out_of_scope=(),
        out_of_scope_count=0,
        escapes=(),
        quarantine="",
    )


def _audit_returned(effect: f.Audit) -> e.AuditReturned:
    return e.AuditReturned(
        effect.id,
        lane=effect.lane,
        problem="",
        verdict="pass",
        report=digest("audit", effect.lane),
        findings=(),
        packet_intact=True,
    )


class Walk:
    """A run on its way: its journal, its steps and all that it asked. Each event is a second later."""

    def __init__(self, constants: Frame | None = None, *items: str) -> None:
        self.trail: list[Trail] = []
        self.asked: list[f.Effect] = []
        self.journal = b""
        self.seq = 0
        self.head = GENESIS
        created = e.RunCreated(frame=constants or frame(), request=e.Request(kind="run", items=items))
        state, _ = advance(None, created, self.now)
        self.state = self._recorded(state, created)

    @property
    def now(self) -> Now:
        """The moment of the next event."""
        return Now(1_767_225_600_000 + self.seq * 1000, "boot", self.seq * 10**9, self.seq * 10**9)

    @property
    def stage(self) -> s.Stage:
        """Where the run stands."""
        return self.state.stage

    @property
    def spot(self) -> s.Spot:
        """Which item, attempt and round the run stands in."""
        assert isinstance(self.stage, s.ItemStage)
        return self.stage.spot

    @property
    def passed(self) -> tuple[str, ...]:
        """The items in the ledger, oldest first."""
        return tuple(entry.item for entry in self.state.passed)

    def tell(self, event: e.Event) -> tuple[f.Effect, ...]:
        """What follows from `event`, which is journalled once the machine took it."""
        before = self.state
        after, effects = advance(before, event, self.now)
        self.trail.append((type(before.stage), type(event), type(after.stage)))
        self.asked += effects
        self.state = self._recorded(after, event)
        return effects

    def _recorded(self, state: s.RunState, event: e.Event) -> s.RunState:
        written, self.head = line(self.seq + 1, self.head, self.now, event)
        self.journal += written
        self.seq += 1
        return counted(state, event, self.seq, self.head)

    def start(self, *items: str, kind: Kind = "run", **asked: Any) -> tuple[f.Effect, ...]:
        """An invocation takes the run; `asked` is the rest of its request."""
        request = e.Request(kind=kind, items=items, **asked)
        return self.tell(
            e.InvocationStarted(
                invocation=f"invocation-{self.seq}", pid=1, start_ticks=1, request=request, swept=0
            )
        )

    def end(self) -> None:
        """The invocation leaves."""
        self.tell(e.InvocationEnded(invocation=self.state.invocation, code=0))

    def answer(self, effect: f.Effect | None = None, **changed: Any) -> tuple[f.Effect, ...]:
        """The good answer to `effect`, by default the first one outstanding, with fields `changed`."""
        return self.tell(replace(good_answer(effect or self.state.outstanding[0]), **changed))

    def until(self, stage: type[s.Stage]) -> Self:
        """Good answers until the run stands in `stage`."""
        while not isinstance(self.stage, stage):
            self.answer()
        return self

    def rest(self, show: Show = honest) -> Self:
        """Good answers until nothing is outstanding; `show` says what trials show."""
        while self.state.outstanding:
            self._answer_or_show(show)
        return self

    def verify(self, show: Show = honest) -> tuple[f.Effect, ...]:
        """Goes on to the next verification and through it; answers with what follows from it."""
        self.until(s.Verifying)
        effects: tuple[f.Effect, ...] = ()
        while isinstance(self.stage, s.Verifying):
            effects = self._answer_or_show(show)
        return effects

    def _answer_or_show(self, show: Show) -> tuple[f.Effect, ...]:
        effect = self.state.outstanding[0]
        return self.answer(effect, **({"trial": show(effect)} if isinstance(effect, f.RunCommands) else {}))

    def decide(self, outcome: Literal["approved", "rejected"] = "approved", **changed: Any) -> None:
        """A person answers the gate, in an invocation of its own."""
        assert isinstance(self.stage, s.AwaitingGate)
        decision = replace(self.stage.asked, outcome=outcome, by="Ada", note="seen", **changed)
        self.start(kind="settle")
        self.tell(e.GateDecided(decision=decision))


def walk(*items: ItemFacts, **constants: Any) -> Walk:
    """A run of `items` that was created to do all of them, in its first invocation."""
    plan = frame(*items, **constants)
    made = Walk(plan, *(one.item_id for one in plan.items))
    made.start()
    return made
