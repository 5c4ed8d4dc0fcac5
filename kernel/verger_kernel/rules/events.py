"""Everything that can happen to a run: what its journal holds, one event a record.

Not here: what follows from an event; see `machine.py`.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.bills import Amount, Bill
from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.gates import Decision
from verger_kernel.rules.ids import Digest, EffectId, ObjectId
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import Lane
from verger_kernel.rules.parks import Cause
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import TrialMark


class _Event(msgspec.Struct, frozen=True, tag=True, tag_field="type", forbid_unknown_fields=True):
    """One thing that happened."""


class _Answer(_Event, frozen=True):
    """What came of the effect `effect`."""

    effect: EffectId


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one invocation is asked to do. `evidence` is an absolute folder, or empty.

    `settle` carries out what was already decided and begins no further item.
    """

    kind: Literal["run", "resume", "settle"]
    items: tuple[str, ...] = ()
    auto_advance: bool = False
    max_items: int | None = None
    evidence: str = ""


class RunCreated(_Event, frozen=True, kw_only=True):
    """The run exists: everything that will never change about it, and what it was first asked to do."""

    frame: Frame
    request: Request


class InvocationStarted(_Event, frozen=True, kw_only=True):
    """A kernel process took the run's locks. `swept` counts survivors of an earlier one that were ended."""

    invocation: str
    pid: int
    start_ticks: int
    request: Request
    swept: int


class InvocationEnded(_Event, frozen=True, kw_only=True):
    """The kernel process is about to leave with exit code `code`."""

    invocation: str
    code: int


class RunBranchCreated(_Answer, frozen=True, kw_only=True):
    """The run branch stands at the base commit."""


class WorktreeReady(_Answer, frozen=True, kw_only=True):
    """The worktree stands at the base. `evidence` digests the evidence folder, empty when none was taken."""

    evidence: str
    quarantine: str


class AgentStarted(_Event, frozen=True, kw_only=True):
    """An agent is about to be executed for `effect`; `session` names the call, `files` the folder of its streams.

    `held` is held back for it until it is settled; a run that `is_bounded` must not forget that.
    `prompt_sha256` digests what it is fed; `version` is that of its program, empty where nobody asked for it.
    """

    effect: EffectId
    agent: str
    session: str
    files: str
    held: Amount = Amount()
    is_bounded: bool = False
    prompt_sha256: str = ""
    version: str = ""


class SessionBegan(_Event, frozen=True, kw_only=True):
    """The agent at work for `effect` said that its `session` began: from here on it can be continued."""

    effect: EffectId
    session: str


class WorkerReturned(_Answer, frozen=True, kw_only=True):
    """The worker ended and the tree it left was recorded.

    `problem` is empty when it answered. `tree` is empty when none could be recorded. `out_of_scope` and `escapes`
    name paths and tricks, cut to a readable number; the two counts are whole. `left_out` are files that the change's
    own ignore rules took away. `bill` is about the call that answered; None where none is known.
    """

    problem: str
    verdict: str
    report: str
    tree: ObjectId
    changed: int
    unresolved: int
    out_of_scope: tuple[str, ...]
    out_of_scope_count: int
    escapes: tuple[str, ...]
    quarantine: str
    left_out: tuple[str, ...] = ()
    bill: Bill | None = None


class Checkpointed(_Answer, frozen=True, kw_only=True):
    """The result is a commit; it is the parent itself when nothing changed. `surface` is about all since the base."""

    commit: ObjectId
    surface: SurfaceMark


class CommandsReturned(_Answer, frozen=True, kw_only=True):
    """One trial came to its end; `report` digests the verification report so far.

    `escapes` say what became of the user's repository meanwhile that no user at work does.
    """

    trial: TrialMark
    report: Digest
    escapes: tuple[str, ...] = ()


class PacketFrozen(_Answer, frozen=True, kw_only=True):
    """Both lanes will read this packet."""

    packet: Digest


class PacketRefused(_Answer, frozen=True, kw_only=True):
    """What is going into the packet is no longer what the kernel kept; `changed` names the files."""

    changed: tuple[str, ...]


class AuditReturned(_Answer, frozen=True, kw_only=True):
    """One lane ended. `problem` is empty when it answered; `packet_intact` says the packet still had its digest."""

    lane: Lane
    problem: str
    verdict: str
    report: str
    findings: tuple[FindingMark, ...]
    packet_intact: bool
    bill: Bill | None = None


class TriageReturned(_Answer, frozen=True, kw_only=True):
    """The triage agent ended; `dismissed` are the findings it judged not actionable."""

    problem: str
    decision: str
    report: str
    dismissed: tuple[str, ...]
    bill: Bill | None = None


class GateOpened(_Answer, frozen=True, kw_only=True):
    """A person must decide; the decision must repeat `nonce`."""

    nonce: str
    quarantine: str


class GateDecided(_Event, frozen=True, kw_only=True):
    """A person decided. No effect leads here: only `mark-manual-gate` records it."""

    decision: Decision


class ItemClosed(_Answer, frozen=True, kw_only=True):
    """The run branch stands at the result and the worktree is gone."""

    quarantine: str


class CloseRefused(_Answer, frozen=True, kw_only=True):
    """The run branch is neither where this run left it nor where it should go; `found` is where it is."""

    found: str


class RunRetargeted(_Event, frozen=True, kw_only=True):
    """A person moved the run to `branch`, made at `tip`, a descendant of where it stood. No effect leads here."""

    branch: str
    tip: ObjectId


class EffectFailed(_Event, frozen=True, kw_only=True):
    """The world could not do `effect` (disk, git, permissions). It stays outstanding; resume tries it again."""

    effect: EffectId
    what: str


class EffectParked(_Event, frozen=True, kw_only=True):
    """`effect` cannot be done for now and nobody is to blame. It stays outstanding; resume tries it again.

    `raise_with` is the flag that raises our own budget where that is what it met.
    """

    effect: EffectId
    cause: Cause
    why: str
    resets_utc_ms: int | None
    raise_with: str = ""
    bill: Bill | None = None


class BudgetRaised(_Event, frozen=True, kw_only=True):
    """A person lets the run spend more; `budget` is all that it may from now on. No effect leads here."""

    budget: Budget
    by: str


Event = (
    RunCreated
    | InvocationStarted
    | InvocationEnded
    | RunBranchCreated
    | WorktreeReady
    | AgentStarted
    | SessionBegan
    | WorkerReturned
    | Checkpointed
    | CommandsReturned
    | PacketFrozen
    | PacketRefused
    | AuditReturned
    | TriageReturned
    | GateOpened
    | GateDecided
    | ItemClosed
    | CloseRefused
    | RunRetargeted
    | EffectFailed
    | EffectParked
    | BudgetRaised
)
Answer = (
    RunBranchCreated
    | WorktreeReady
    | WorkerReturned
    | Checkpointed
    | CommandsReturned
    | PacketFrozen
    | PacketRefused
    | AuditReturned
    | TriageReturned
    | GateOpened
    | ItemClosed
    | CloseRefused
)
