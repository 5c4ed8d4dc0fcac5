"""What can be said of a run from its files, without touching it.

Not here: whether it is alive right now; only a probe can say that.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from verger_kernel.cost_views import CostView, cost_view
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.gate_views import GateView, gates_of, papers_of
from verger_kernel.remembered import Source
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import shown
from verger_kernel.rules.now import iso
from verger_kernel.rules.parks import Cause, Park
from verger_kernel.rules.saved import SavedState, decode
from verger_probes.decoding import decoded
from verger_probes.exits import Exit
from verger_probes.locks import is_held

_SHOWN = 5

Level = Literal["ok", "waiting", "interrupted", "error"]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A run as `status` shows it. `error` is empty unless the state could not be read.

    Of a run that stopped, `details` are what led there, blocking findings among them, and `report` tells all of it.
    """

    run_id: str
    status_level: Level
    exit_code: int
    current_state: str = ""
    current_item_id: str = ""
    attempt: int = 0
    round: int = 0
    why: str = ""
    details: tuple[str, ...] = ()
    report: str = ""
    pending_action: str = ""
    look_at: str = ""
    held: bool = False
    passed: int = 0
    items_total: int = 0
    run_branch: str = ""
    tip: str = ""
    base_commit: str = ""
    playbook: str = ""
    agent_calls: int = 0
    cost: CostView | None = None
    lanes: dict[str, str] = {}
    sandbox: str = ""
    gates: tuple[GateView, ...] = ()
    updated_at_utc: str = ""
    run_state_path: str = ""
    error: str = ""


def take(folder: RunFolder) -> Snapshot:
    """The snapshot of one run."""
    run_id = folder.root.name
    try:
        saved = decode(read_file(folder.run_state))
        if saved.run_id != run_id:
            raise ValueError(f"it is the state of {shown(saved.run_id)}")
        return _of(saved, folder, held=is_held(folder.run_lock))
    except (OSError, msgspec.DecodeError, ValueError, OverflowError) as error:
        return Snapshot(
            run_id=run_id,
            status_level="error",
            exit_code=int(Exit.INPUT),
            error=f"{folder.run_state} cannot be read: {error}",
            pending_action=f"verger doctor --run-id {run_id}",
        )


def _of(saved: SavedState, folder: RunFolder, *, held: bool) -> Snapshot:
    level, code, action = _judged(saved, held)
    stage = saved.stage
    spot = None if isinstance(stage, s.Opening | s.Idle) else stage.spot
    details, report = _told(stage, folder)
    return Snapshot(
        run_id=saved.run_id,
        status_level=level,
        exit_code=int(code),
        current_state=state_name(stage),
        current_item_id=spot.item if spot else "",
        attempt=spot.attempt if spot else 0,
        round=spot.round if spot else 0,
        why=_why(saved),
        details=details,
        report=report,
        pending_action=action,
        look_at=_look_at(saved),
        held=held,
        passed=saved.passed.count,
        items_total=saved.items_total,
        run_branch=saved.run_branch,
        tip=saved.tip,
        base_commit=saved.base_commit,
        playbook=saved.playbook_path,
        agent_calls=saved.agent_calls,
        cost=cost_view(saved.spending),
        **_of_policy(folder),
        gates=gates_of(folder),
        updated_at_utc=iso(saved.updated_utc_ms),
        run_state_path=str(folder.run_state),
    )


def sources(folder: RunFolder, view: Snapshot) -> list[Source] | None:
    """What `view` rests on; None for what can change unseen: a process that may end, the files of a decision."""
    papers = papers_of(folder)
    if view.error or view.held or papers is None:
        return None
    manifest = folder.attempt(view.current_item_id, view.attempt).escalation
    places = (folder.run_state, folder.run_lock, folder.policy, manifest)
    return [*papers, *(("file", str(place)) for place in places)]


def _look_at(saved: SavedState) -> str:
    """The command that shows what the run came to so far, or what a person is asked about."""
    if isinstance(saved.stage, s.AwaitingGate):
        return f"git diff {saved.stage.asked.old} {saved.stage.asked.new}"
    if saved.passed.count:
        return f"git diff {saved.base_commit} {saved.run_branch}"
    return ""


def parked_until(park: Park) -> str:
    """When a park is worth another try, in words."""
    if park.resets_utc_ms is not None:
        return f"after {iso(park.resets_utc_ms)}"
    return _PARKED[park.cause]


def _more(park: Park) -> str:
    return f" {park.raise_with} MORE" if park.raise_with else ""


_PARKED: dict[Cause, str] = {
    "limit": "when the limit is over, which nobody can say",
    "auth": "when the agent is logged in again",
    "outage": "when the provider can be reached again",
    "budget": "when there is more to spend",
}


def state_name(stage: s.Stage) -> str:
    """The stage in the words of the design: one of the four ends, or what is being done."""
    match stage:
        case s.AwaitingGate():
            return "awaiting_human_gate"
        case s.BlockedExternal():
            return "blocked_external"
        case s.Escalated():
            return "escalated"
        case s.Working(name=name):
            return name
        case _:
            return _STAGE_NAMES[type(stage)]


_STAGE_NAMES: dict[type[s.Stage], str] = {
    s.Opening: "opening",
    s.Idle: "idle",
    s.Preparing: "prepare",
    s.Checkpointing: "checkpoint",
    s.Verifying: "verify",
    s.Freezing: "freeze",
    s.Auditing: "audit",
    s.Triaging: "triage",
    s.OpeningGate: "gate",
    s.Closing: "close",
}


def _why(saved: SavedState) -> str:
    if isinstance(saved.stage, s.BlockedExternal | s.Escalated):
        return saved.stage.why
    return saved.trouble


class _Mark(msgspec.Struct, frozen=True):
    is_blocking: bool


class _Finding(msgspec.Struct, frozen=True):
    """As much of a finding as is shown."""

    title: str
    mark: _Mark


class _Manifest(msgspec.Struct, frozen=True):
    """As much of `escalation_manifest.json` as is shown."""

    details: tuple[str, ...]
    findings: tuple[_Finding, ...]


def _told(stage: s.Stage, folder: RunFolder) -> tuple[tuple[str, ...], str]:
    """What led a run that stopped there, and the file that tells all of it."""
    if not isinstance(stage, s.BlockedExternal | s.Escalated):
        return (), ""
    path = folder.attempt(stage.spot.item, stage.spot.attempt).escalation
    try:
        manifest = decoded(read_file(path), _Manifest)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        # It is a projection: the journal has all of it, and doctor draws it again.
        return stage.details if isinstance(stage, s.Escalated) else (), ""
    blocking = tuple(one.title for one in manifest.findings if one.mark.is_blocking)
    return (*manifest.details, *blocking), str(path)


def listed(details: tuple[str, ...]) -> str:
    """The first of what led there, and how many more there are, as one line."""
    more = len(details) - _SHOWN
    return "; ".join(details[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _judged(saved: SavedState, held: bool) -> tuple[Level, Exit, str]:
    run = saved.run_id
    match saved.stage:
        case s.AwaitingGate(spot=spot):
            decide = f"verger mark-manual-gate {run} --item {spot.item} --decision approved|rejected"
            return "waiting", Exit.AWAITING_HUMAN_GATE, f"{decide} --by NAME --note TEXT"
        case s.BlockedExternal():
            return "waiting", Exit.BLOCKED_EXTERNAL, f"verger resume {run} --external-evidence-dir DIR"
        case s.Escalated(is_workers=True):
            return "error", Exit.ESCALATED, f"look at it, then: verger resume {run}"
        case s.Escalated():
            refresh = f"verger refresh-run {run} --retarget-run-branch-to BRANCH"
            return "error", Exit.ESCALATED, f"mend it on a branch, then: {refresh} && verger resume {run}"
        case _ if held:
            return "ok", Exit.DONE, ""
        case _ if saved.park:
            return (
                "waiting",
                Exit.PARKED,
                f"{parked_until(saved.park)}: verger resume {run}{_more(saved.park)}",
            )
        case _ if saved.outstanding:
            # Nobody drives it and work is outstanding: it was killed or interrupted in the middle of a stage.
            return "interrupted", Exit.PARKED, f"verger resume {run}"
        case _ if saved.passed.count < saved.items_total:
            return "ok", Exit.DONE, f"verger resume {run}"
        case _:
            return "ok", Exit.DONE, f"all items passed; take the result with: git merge {saved.run_branch}"


def _of_policy(folder: RunFolder) -> dict[str, Any]:
    from verger_kernel.rules.policy_snapshot import read_policy_snapshot

    try:
        policy = read_policy_snapshot(read_file(folder.policy)).policy
    except (OSError, msgspec.DecodeError):
        return {}
    lanes = {
        role: f"{name} ({policy.agents[name].kind})" if name in policy.agents else name
        for role, name in msgspec.to_builtins(policy.lanes).items()
    }
    return {"lanes": lanes, "sandbox": policy.sandbox}


def table_of(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of equal length as aligned text, the first row being the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
