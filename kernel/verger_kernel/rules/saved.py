"""The state as `run_state.json` holds it: without what lies in files of its own under the digests named here.

Not here: writing it; see `disk/store.py`. Loading folds the journal and compares: nothing is decoded into a state.
"""

import msgspec

from verger_kernel.rules.budgets import Spending
from verger_kernel.rules.effects import Effect
from verger_kernel.rules.events import Request
from verger_kernel.rules.ids import Digest, ObjectId
from verger_kernel.rules.parks import Park
from verger_kernel.rules.state import AwaitingGate, BlockedExternal, Escalated, Measured, RunState, Stage
from verger_probes.decoding import decoded

SCHEMA = "verger.run_state.v1"


class Passed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All finished items: how many, and the digest of their chain."""

    count: int
    chain: Digest


class SavedState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `run_state.json` holds: the state without what lies in files of its own under the digests named here."""

    schema_version: str
    run_id: str
    repository_id: str
    repository_root: str
    base_commit: ObjectId
    run_branch: str
    playbook_path: str
    playbook_sha256: Digest
    snapshot_sha256: Digest
    plan_sha256: Digest
    policy_sha256: Digest
    items_total: int
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
    tip: ObjectId
    passed: Passed
    measured: tuple[Measured, ...]
    agent_calls: int
    trouble: str
    stage: Stage
    outstanding: tuple[Effect, ...]
    park: Park | None
    spending: Spending


_FROM_FRAME = (
    "run_id",
    "repository_id",
    "repository_root",
    "base_commit",
    "playbook_path",
    "playbook_sha256",
    "snapshot_sha256",
    "plan_sha256",
    "policy_sha256",
)
_FROM_STATE = (
    "journal_seq",
    "journal_head",
    "lasting_seq",
    "updated_utc_ms",
    "invocation",
    "request",
    "queue",
    "auto_advance",
    "items_left",
    "evidence",
    "run_branch",
    "tip",
    "measured",
    "agent_calls",
    "trouble",
    "stage",
    "outstanding",
    "park",
    "spending",
)


def saved(state: RunState) -> SavedState:
    """The state as it is written: its size does not grow with finished items."""
    return SavedState(
        schema_version=SCHEMA,
        items_total=len(state.frame.items),
        passed=Passed(count=len(state.passed), chain=state.passed_chain),
        **{name: getattr(state.frame, name) for name in _FROM_FRAME},
        **{name: getattr(state, name) for name in _FROM_STATE},
    )


def goes_on(saved: SavedState) -> bool:
    """Whether something is left of what the run was asked, and no person is waited for."""
    if isinstance(saved.stage, AwaitingGate | BlockedExternal | Escalated):
        return False
    asked = bool(saved.queue) or (saved.auto_advance and saved.items_left != 0)
    return bool(saved.outstanding) or (asked and saved.passed.count < saved.items_total)


def encode(state: RunState) -> bytes:
    """The bytes of `run_state.json`: equal states give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(saved(state), order="deterministic"), indent=2) + b"\n"


def decode(data: bytes) -> SavedState:
    """What those bytes say. Raises msgspec.DecodeError, or UnicodeDecodeError, when they are none of ours."""
    return decoded(data, SavedState)
