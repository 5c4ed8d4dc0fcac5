"""Everything that a watch can ask of its hands.

Not here: a way to start, kill or restart a kernel because an answer was missed; there is none.
"""

import msgspec

from verger_daemon.rules.records import (
    ActiveStageRecord,
    BridgeRegistration,
    Heartbeat,
    Intervention,
    ProbeAck,
    ProbeRequest,
)
from verger_probes.rules.liveness import Claim, Rest


class _Effect(
    msgspec.Struct,
    frozen=True,
    tag=True,
    tag_field="effect",
    forbid_unknown_fields=True,
    kw_only=True,
    gc=False,
):
    """One thing to do."""


class Connect(_Effect, frozen=True):
    """Connect to the socket, closing what stood before. Answer: Reachable or Unreachable."""

    probe_socket: str


class Ask(_Effect, frozen=True):
    """Read boottime, draw a nonce, send the challenge, in this order. Answer: Asked, or Unreachable."""

    run_id: str
    invocation: str
    epoch: int


class ReadRun(_Effect, frozen=True):
    """Read the saved run and its journal. Answer: RunRead with this `number`, in any case."""

    number: int
    seqs: tuple[int, ...]
    invocation: str


class WriteRegistration(_Effect, frozen=True):
    """Write `bridge_registration.json`, durably: by it a later supervisor finds the kernel."""

    record: BridgeRegistration


class WriteAck(_Effect, frozen=True):
    """Write the probe's files; without an active stage its file is removed."""

    active_stage: ActiveStageRecord | None
    probe_request: ProbeRequest
    probe_ack: ProbeAck


class WriteHeartbeat(_Effect, frozen=True):
    """Write one more heartbeat."""

    record: Heartbeat


class WriteIntervention(_Effect, frozen=True):
    """Put an act of the daemon on record, durably and before anything that comes after it is done."""

    record: Intervention


class Stop(_Effect, frozen=True):
    """Ask the kernel to end. Answer, once it did: Ended."""


class DropKey(_Effect, frozen=True):
    """Forget the key of an invocation that is over, and remove what WriteRegistration and WriteAck wrote of it."""

    invocation: str


class Announce(_Effect, frozen=True):
    """Tell subscribers the claim, which is another than before or has another reason."""

    claim: Claim
    reason: str


class AnnounceEnd(_Effect, frozen=True):
    """Tell subscribers that an invocation is over, and how; `exit_code` is None where nobody knows."""

    invocation: str
    exit_code: int | None
    rest: Rest


class Wake(_Effect, frozen=True):
    """Report Tick at `at_ns` of boottime or soon after; it replaces the Wake before. None: nothing is due."""

    at_ns: int | None


Effect = (
    Connect
    | Ask
    | ReadRun
    | WriteRegistration
    | WriteAck
    | WriteHeartbeat
    | WriteIntervention
    | Stop
    | DropKey
    | Announce
    | AnnounceEnd
    | Wake
)
