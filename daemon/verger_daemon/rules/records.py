"""What the daemon writes below `supervision/` of a run, one type a file. Source: plan_orchestrator, 7.2 and 7.5.

Not here: when each is written; see `supervision.py` and `heartbeats.py`. Times for people are milliseconds of UTC,
times that are compared are nanoseconds of boottime, which mean something only together with their `boot_id`.
"""

from typing import Literal

import msgspec

from verger_probes.rules.liveness import Claim, Rest
from verger_probes.rules.probe import ActiveStage, Doing, Identity


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file, or a part of one."""


class BridgeRegistration(_Record, frozen=True, kw_only=True):
    """`bridge_registration.json`: which kernel is at work, where it answers, and whose supervision it began under."""

    schema_version: Literal["verger.bridge_registration.v1"] = "verger.bridge_registration.v1"
    run_id: str
    epoch: int
    invocation: str
    identity: Identity
    probe_socket: str
    registered_utc_ms: int


class ActiveStageRecord(_Record, frozen=True, kw_only=True):
    """`active_stage.json`: what the kernel last answered that it is at."""

    schema_version: Literal["verger.active_stage.v1"] = "verger.active_stage.v1"
    run_id: str
    epoch: int
    invocation: str
    stage: ActiveStage
    doing: tuple[Doing, ...]
    boot_id: str
    observed_utc_ms: int


class ProbeRequest(_Record, frozen=True, kw_only=True):
    """`probe_request.json`: the challenge that `probe_ack.json` answers. It was used and can prove nothing more."""

    schema_version: Literal["verger.probe_request.v1"] = "verger.probe_request.v1"
    run_id: str
    epoch: int
    invocation: str
    probe_nonce: str
    boot_id: str
    issued_utc_ms: int
    issued_boottime_ns: int
    expires_boottime_ns: int


class ProbeAck(_Record, frozen=True, kw_only=True):
    """`probe_ack.json`: the last answer that said something new about the run; not a proof that it lives now."""

    schema_version: Literal["verger.probe_ack.v1"] = "verger.probe_ack.v1"
    run_id: str
    epoch: int
    invocation: str
    probe_nonce: str
    identity: Identity
    run_root: str
    run_state_sha256: str
    journal_seq: int
    journal_head: str
    acked_utc_ms: int
    acked_boottime_ns: int


class ProbeEvidence(_Record, frozen=True, kw_only=True):
    """The answer that a claim rests on."""

    probe_nonce: str
    asked_boottime_ns: int
    age_ms: int
    run_state_sha256: str
    journal_seq: int
    journal_head: str


class Heartbeat(_Record, frozen=True, kw_only=True):
    """`heartbeats/<SEQ>_<TIMESTAMP>.json`: a claim on record.

    `probe_evidence` is the last good answer, None before the first of this invocation; a claim that does not say
    `live_attached` does not rest on it. `rejection_reason` is why what came after it proved nothing; `missed` counts
    the challenges since it that nothing answered in time, `late` this invocation's answers to older ones.
    """

    schema_version: Literal["verger.supervision_heartbeat.v1"] = "verger.supervision_heartbeat.v1"
    run_id: str
    epoch: int
    invocation: str
    heartbeat_sequence: int
    observed_utc_ms: int
    observed_boottime_ns: int
    boot_id: str
    claim: Claim
    reason: str
    expires_boottime_ns: int | None
    probe_interval_ms: int
    ack_deadline_ms: int
    probe_evidence: ProbeEvidence | None
    active_stage: ActiveStage | None
    doing: tuple[Doing, ...]
    missed: int
    late: int
    rejection_reason: str
    rest: Rest
    exit_code: int | None
    latest_intervention: int


ActionKind = Literal[
    "attach_kernel",
    "stop_kernel",
    "end_kernel",
    "sweep_survivors",
    "doctor_fix_safe",
    "resume_after_crash",
    "resume_after_failure",
    "resume_after_breach",
    "resume_after_reboot",
    "resume_after_gate",
    "resume_with_evidence",
    "wake_from_park",
]
"""What the daemon does by itself; a decision about a gate is not among it."""


class Intervention(_Record, frozen=True, kw_only=True):
    """`interventions/<SEQ>_<ACTION>_<TIMESTAMP>.json`: one act of the daemon, written before it is done.

    `identity` and `invocation` are those of the kernel it is about, None and empty where none is at work. `fingerprint`
    names the cause of a recovery whenever it comes again; `evidence` is what was seen that led to the act.
    """

    schema_version: Literal["verger.supervision_intervention.v1"] = "verger.supervision_intervention.v1"
    run_id: str
    epoch: int
    invocation: str
    intervention_sequence: int
    observed_utc_ms: int
    action_kind: ActionKind
    identity: Identity | None
    reason: str
    claim: Claim
    fingerprint: str = ""
    evidence: tuple[str, ...] = ()


SCHEMAS: dict[str, type[_Record]] = {
    "verger.active_stage.v1": ActiveStageRecord,
    "verger.bridge_registration.v1": BridgeRegistration,
    "verger.probe_ack.v1": ProbeAck,
    "verger.probe_request.v1": ProbeRequest,
    "verger.supervision_heartbeat.v1": Heartbeat,
    "verger.supervision_intervention.v1": Intervention,
}
"""The type of each record by the name of its schema."""
