"""Where a run stands. Each stage carries only what is true in it; nothing is optional that should be set by then.

Not here: what leads from one stage to the next; see `machine.py`.
"""

import hashlib

import msgspec

from verger_kernel.rules.bills import Spent
from verger_kernel.rules.budgets import Spending
from verger_kernel.rules.effects import Effect
from verger_kernel.rules.events import Request
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.gates import Decision
from verger_kernel.rules.ids import Digest, ObjectId
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.parks import Park
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import CommandMark, TrialMark

ZERO = Digest("0" * 64)


class Spot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which item, attempt and round; `base` is the run branch when the attempt began, `tip` its last checkpoint.

    `evidence` digests the external evidence, empty where none was taken. `rejection` is what a person wrote who
    rejected an earlier attempt, the newest one.
    """

    item: str
    attempt: int
    round: int
    fix_rounds: int
    remediation_rounds: int
    base: ObjectId
    tip: ObjectId
    evidence: str
    rejection: str = ""


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the worker's report said that matters later."""

    stage: str
    report: str
    unresolved: int
    asks_person: bool


class _Stage(msgspec.Struct, frozen=True, tag=True, tag_field="stage", forbid_unknown_fields=True):
    """Where the current item stands."""


class _ItemStage(_Stage, frozen=True):
    """A stage with an item in it."""

    spot: Spot


class Opening(_Stage, frozen=True):
    """The run branch is being made."""


class Idle(_Stage, frozen=True):
    """No item is in hand."""


class Preparing(_ItemStage, frozen=True):
    """The worktree is being made."""


class Working(_ItemStage, frozen=True, kw_only=True):
    """The worker has the worktree; `name` is execute, fix or remediate."""

    name: str
    rework: tuple[str, ...]


class Checkpointing(_ItemStage, frozen=True, kw_only=True):
    """The recorded tree is becoming a commit."""

    claims: Claims
    tree: ObjectId


class Verifying(_ItemStage, frozen=True, kw_only=True):
    """Trials are made of the checkpoint, which is the spot's tip; `known` is what was seen of the base before."""

    claims: Claims
    tree: ObjectId
    surface: SurfaceMark
    known: TrialMark | None
    trials: tuple[TrialMark, ...]
    report: str


class Freezing(_ItemStage, frozen=True, kw_only=True):
    """The packet is being collected and sealed. `found` is what verification found that triage may weigh."""

    claims: Claims
    tree: ObjectId
    found: tuple[FindingMark, ...]
    verification: Digest


class LaneResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one lane came to. `problem` says why its answer cannot count, empty when it can."""

    lane: str
    problem: str
    verdict: str
    report: str
    findings: tuple[FindingMark, ...]


class Auditing(_ItemStage, frozen=True, kw_only=True):
    """Both lanes read the packet; `lanes` holds those that came back, in lane order.

    `found` is what verification found that triage may weigh: nothing final failed, or nobody would audit.
    """

    claims: Claims
    tree: ObjectId
    verification: Digest
    found: tuple[FindingMark, ...]
    packet: Digest
    lanes: tuple[LaneResult, ...]


class Triaging(_ItemStage, frozen=True, kw_only=True):
    """The triage agent weighs the merged findings."""

    claims: Claims
    tree: ObjectId
    packet: Digest
    findings: tuple[FindingMark, ...]


class OpeningGate(_ItemStage, frozen=True, kw_only=True):
    """The worktree is being put away before a person is asked."""

    tree: ObjectId
    packet: Digest
    findings: tuple[FindingMark, ...]


class AwaitingGate(_ItemStage, frozen=True, kw_only=True):
    """A person must decide about `asked`, whose outcome, name and note are still empty."""

    asked: Decision
    asked_utc_ms: int
    findings: tuple[FindingMark, ...]


class Closing(_ItemStage, frozen=True, kw_only=True):
    """The run branch is moving to the result; `decision` is the gate's approval where there was one."""

    tree: ObjectId
    decision: Decision | None


class BlockedExternal(_ItemStage, frozen=True, kw_only=True):
    """The item waits for something outside."""

    why: str
    since_utc_ms: int


class Escalated(_ItemStage, frozen=True, kw_only=True):
    """A person must take over; `decision` is the rejection where a gate led here.

    Unless it `is_workers`, no further attempt can help: what is at fault stood there before the item began.
    """

    why: str
    details: tuple[str, ...]
    decision: Decision | None
    since_utc_ms: int
    is_workers: bool = True


Stage = (
    Opening
    | Idle
    | Preparing
    | Working
    | Checkpointing
    | Verifying
    | Freezing
    | Auditing
    | Triaging
    | OpeningGate
    | AwaitingGate
    | Closing
    | BlockedExternal
    | Escalated
)
ItemStage = (
    Preparing
    | Working
    | Checkpointing
    | Verifying
    | Freezing
    | Auditing
    | Triaging
    | OpeningGate
    | AwaitingGate
    | Closing
    | BlockedExternal
    | Escalated
)


class PassedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One finished item: it lies in a file of its own and only its digest weighs on the state."""

    ordinal: int
    item: str
    attempt: int
    round: int
    commit: ObjectId
    tree: ObjectId
    decision: Decision | None
    at_utc_ms: int
    spent: Spent = Spent()


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the commands of the required group showed on `commit`, all of them passing."""

    commit: ObjectId
    commands: tuple[CommandMark, ...]


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the machine holds it. `passed` is the whole ledger, oldest first; saved, it is `saved.Passed`.

    `measured` is about the run branch's tip and the newest verified result, the base of the next item. Records up to
    `lasting_seq` outlast a power cut. `park` says why what is outstanding was put off. `spending` is its money.
    """

    frame: Frame
    journal_seq: int
    journal_head: Digest
    lasting_seq: int
    updated_utc_ms: int
    invocation: str
    request: Request | None
    queue: tuple[str, ...]
    auto_advance: bool
    items_left: int | None
    evidence: str
    run_branch: str
    tip: ObjectId
    passed: tuple[PassedItem, ...]
    passed_chain: Digest
    measured: tuple[Measured, ...]
    agent_calls: int
    trouble: str
    stage: Stage
    outstanding: tuple[Effect, ...]
    park: Park | None
    spending: Spending

    def passed_ids(self) -> frozenset[str]:
        """The items whose result is on the run branch."""
        return frozenset(entry.item for entry in self.passed)


def chained(chain: Digest, entry: PassedItem) -> Digest:
    """The ledger's digest after `entry`."""
    body = msgspec.json.encode(entry, order="deterministic")
    return Digest(hashlib.sha256(chain.encode() + body).hexdigest())
