"""Everything a run can ask of the world. Each effect is safe to do twice: who performs it looks first.

Not here: a way to record a gate decision, which no effect can do; see `events.GateDecided`.
"""

import msgspec

from verger_kernel.rules.ids import Digest, EffectId, ObjectId
from verger_kernel.rules.packs import Lane
from verger_kernel.rules.trials import Purpose, TrialMark


class _Effect(msgspec.Struct, frozen=True, tag=True, tag_field="effect", forbid_unknown_fields=True):
    """One thing to do. The event that reports `id` is the only one that ends it."""

    id: EffectId


class CreateRunBranch(_Effect, frozen=True, kw_only=True):
    """Make the run branch at the base commit. Answer: RunBranchCreated."""

    branch: str
    commit: ObjectId


class PrepareWorktree(_Effect, frozen=True, kw_only=True):
    """Make the attempt's worktree at `base` and take the evidence folder in, if one is named. Answer: WorktreeReady."""

    item: str
    attempt: int
    base: ObjectId
    evidence: str


class RunWorker(_Effect, frozen=True, kw_only=True):
    """Let the worker change the worktree, then record its tree. Answer: WorkerReturned.

    `base` is where the attempt began, `tip` the last checkpoint, whose tree this stage starts from;
    `rework` names the findings of the round before that must be mended. `evidence` digests the evidence it reads,
    `rejection` is what a person wrote who rejected an earlier attempt.
    """

    item: str
    attempt: int
    round: int
    stage: str
    base: ObjectId
    tip: ObjectId
    evidence: str
    rework: tuple[str, ...]
    rejection: str


class Checkpoint(_Effect, frozen=True, kw_only=True):
    """Commit `tree` on top of `parent` and point the item branch at it. Answer: Checkpointed.

    `at_utc_ms` is the commit's date: the same effect, done twice, makes the same commit.
    """

    item: str
    attempt: int
    round: int
    stage: str
    base: ObjectId
    tree: ObjectId
    parent: ObjectId
    at_utc_ms: int


class RunCommands(_Effect, frozen=True, kw_only=True):
    """Make one trial: run a command group on the tree that `purpose` asks for. Answer: CommandsReturned.

    `base` is where the attempt began and `commit` its result; `known` is what the base showed as the result of an
    earlier item; `surface` digests the report on the test surface, `report` what the trials before have told, empty
    before the first. Answer as well: PacketRefused, when somebody changed what they told.
    """

    item: str
    attempt: int
    round: int
    group: str
    purpose: Purpose
    nth: int
    base: ObjectId
    commit: ObjectId
    known: TrialMark | None
    surface: Digest
    report: str


class FreezePacket(_Effect, frozen=True, kw_only=True):
    """Collect, hash and seal what both lanes will read. Answer: PacketFrozen, or PacketRefused when a part was changed.

    `verification` and `report` digest what the kernel kept of this round.
    """

    item: str
    attempt: int
    round: int
    base: ObjectId
    commit: ObjectId
    verification: Digest
    report: str


class Audit(_Effect, frozen=True, kw_only=True):
    """Let one lane audit the packet; the worktree it may look around in stands at `tip`. Answer: AuditReturned."""

    item: str
    attempt: int
    round: int
    lane: Lane
    tip: ObjectId
    packet: Digest


class Triage(_Effect, frozen=True, kw_only=True):
    """Ask the triage agent about the merged findings; the worktree stands at `tip`. Answer: TriageReturned."""

    item: str
    attempt: int
    round: int
    tip: ObjectId
    packet: Digest


class OpenGate(_Effect, frozen=True, kw_only=True):
    """Put the worktree away and draw the gate's nonce. Answer: GateOpened."""

    item: str
    attempt: int
    tip: ObjectId


class CloseItem(_Effect, frozen=True, kw_only=True):
    """Move the run branch from `old` to `new` and put the worktree away. Answer: ItemClosed or CloseRefused."""

    item: str
    attempt: int
    branch: str
    old: ObjectId
    new: ObjectId


Effect = (
    CreateRunBranch
    | PrepareWorktree
    | RunWorker
    | Checkpoint
    | RunCommands
    | FreezePacket
    | Audit
    | Triage
    | OpenGate
    | CloseItem
)
