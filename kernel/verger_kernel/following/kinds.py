"""The lines of `--follow`: one struct a type, in the order of its fields.

Not here: which event becomes which line; see `lines.py`. What each field means stands in docs/following.md.
"""

from typing import Literal

import msgspec

from verger_kernel.cost_views import BudgetView
from verger_kernel.rules.parks import Cause

PER_RECORD = 10
"""The numbers that the lines of one journal record may take: record 12 gives 120, 121 and so on."""

End = Literal["passed", "awaiting_human_gate", "blocked_external", "escalated", "unfinished", "not_begun"]


class Line(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """What all lines have."""

    seq: int
    time: str
    run: str


class ItemLine(Line, frozen=True, kw_only=True):
    """What all lines about one item have."""

    item: str
    attempt: int
    round: int


class CallLine(ItemLine, frozen=True, kw_only=True):
    """What all lines about one agent call have; `lane` is empty where the stage has none."""

    stage: str
    lane: str
    try_: int = msgspec.field(name="try")


class CallCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one call counts as: money is text in US dollars, `by` says whose price it is, `assumed` that nobody said."""

    usd: str
    tokens: int
    model: str
    by: str
    assumed: bool


class RunStarted(Line, frozen=True, kw_only=True, tag="run.started"):
    """The run was made; nothing has been done yet."""

    playbook: str
    base_commit: str
    run_branch: str
    items: tuple[str, ...]


class InvocationStarted(Line, frozen=True, kw_only=True, tag="invocation.started"):
    """A process took the run into its hands."""

    invocation: str
    pid: int
    asked: str
    swept: int


class InvocationEnded(Line, frozen=True, kw_only=True, tag="invocation.ended"):
    """That process is about to leave."""

    invocation: str
    exit_code: int


class RunRetargeted(Line, frozen=True, kw_only=True, tag="run.retargeted"):
    """A person moved the run onto another commit."""

    run_branch: str
    tip: str


class ItemStarted(ItemLine, frozen=True, kw_only=True, tag="item.started"):
    """An attempt at an item begins."""


class StageStarted(ItemLine, frozen=True, kw_only=True, tag="stage.started"):
    """An item entered a stage, or the same one in the next round."""

    stage: str


class AgentStarted(CallLine, frozen=True, kw_only=True, tag="agent.started"):
    """An agent is about to be executed."""

    agent: str
    files: str


class AgentEnded(CallLine, frozen=True, kw_only=True, tag="agent.ended"):
    """An agent ended and its answer was read."""

    verdict: str
    problem: str
    cost: CallCost | None


class WorkRecorded(ItemLine, frozen=True, kw_only=True, tag="work.recorded"):
    """The tree that the worker left was recorded."""

    tree: str
    changed: int
    out_of_scope: int


class CheckpointMade(ItemLine, frozen=True, kw_only=True, tag="checkpoint.made"):
    """The recorded tree is a commit."""

    commit: str


class TrialCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command of a trial; number 0 is the setup."""

    number: int
    command: str
    status: str
    exit_code: int | None
    executed: int
    failed: tuple[str, ...]


class TrialEnded(ItemLine, frozen=True, kw_only=True, tag="trial.ended"):
    """A group of commands was run on one tree."""

    group: str
    purpose: str
    nth: int
    passed: bool
    commands: tuple[TrialCommand, ...]
    missing: tuple[str, ...]


class PacketFrozen(ItemLine, frozen=True, kw_only=True, tag="packet.frozen"):
    """What both lanes read was sealed."""

    packet: str


class PacketRefused(ItemLine, frozen=True, kw_only=True, tag="packet.refused"):
    """What belongs into the packet was changed by somebody."""

    changed: tuple[str, ...]


class LineFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding; its words stand in the report."""

    finding_id: str
    severity: str
    category: str
    is_blocking: bool


class AuditEnded(ItemLine, frozen=True, kw_only=True, tag="audit.ended"):
    """One lane came back."""

    lane: str
    verdict: str
    problem: str
    packet_intact: bool
    findings: tuple[LineFinding, ...]


class GateAsked(ItemLine, frozen=True, kw_only=True, tag="gate.asked"):
    """A person is asked to decide."""

    gate_nonce: str
    old: str
    new: str


class GateDecided(ItemLine, frozen=True, kw_only=True, tag="gate.decided"):
    """A person decided."""

    outcome: str
    by: str
    assurance: str
    note: str


class EffectFailed(Line, frozen=True, kw_only=True, tag="effect.failed"):
    """The world refused something; resume tries it again."""

    effect: str
    what: str


class EffectParked(Line, frozen=True, kw_only=True, tag="effect.parked"):
    """Something must wait, and nobody is to blame; `resets_at` is empty where nobody knows for how long."""

    effect: str
    cause: Cause
    why: str
    resets_at: str
    cost: CallCost | None


class BudgetRaised(Line, frozen=True, kw_only=True, tag="budget.raised"):
    """A person lets the run spend more; `budget` is all that it may from now on."""

    by: str
    budget: BudgetView


class ItemEnded(ItemLine, frozen=True, kw_only=True, tag="item.ended"):
    """An attempt came to one of the four ends."""

    end: End
    why: str
    details: tuple[str, ...]
    commit: str


class ItemEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How one item of the playbook stands and what it cost; `commit` is empty unless it passed."""

    item: str
    end: End
    attempt: int
    commit: str
    usd: str
    tokens: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a command stopped: the error that stands on standard error as well."""

    what: str
    hint: str


class Result(Line, frozen=True, kw_only=True, tag="result"):
    """The last line, always."""

    exit_code: int
    state: str
    driver: Literal["left", "gone", "at work", "none"]
    items: tuple[ItemEnd, ...]
    why: str
    next: str
    error: Failure | None = None


KINDS: tuple[type[Line], ...] = (
    RunStarted,
    InvocationStarted,
    InvocationEnded,
    RunRetargeted,
    ItemStarted,
    StageStarted,
    AgentStarted,
    AgentEnded,
    WorkRecorded,
    CheckpointMade,
    TrialEnded,
    PacketFrozen,
    PacketRefused,
    AuditEnded,
    GateAsked,
    GateDecided,
    EffectFailed,
    EffectParked,
    BudgetRaised,
    ItemEnded,
    Result,
)


def encoded(line: Line) -> bytes:
    """One line of JSON, newline included."""
    return msgspec.json.encode(line) + b"\n"
