"""Everything that can happen to a watch, as its hands report it.

Not here: what follows from it; see `supervision.py`.
"""

import msgspec

from verger_daemon.rules.records import ActionKind
from verger_probes.rules.liveness import Rest
from verger_probes.rules.probe import Ack, Identity


class IllegalEvent(Exception):
    """An event that cannot happen where the watch stands: a hand has a defect."""


class _Event(
    msgspec.Struct,
    frozen=True,
    tag=True,
    tag_field="event",
    forbid_unknown_fields=True,
    kw_only=True,
    gc=False,
):
    """One thing that happened."""


class Started(_Event, frozen=True):
    """A kernel was started here, said who it is and got its key."""

    invocation: str
    identity: Identity
    probe_socket: str


class Adopted(_Event, frozen=True):
    """A kernel that an earlier supervisor started, of `epoch`: it `is_there` still, or its end is told next."""

    invocation: str
    identity: Identity
    epoch: int
    probe_socket: str
    is_there: bool = True


class Reachable(_Event, frozen=True):
    """A connection to the kernel's socket stands."""


class Unreachable(_Event, frozen=True):
    """There is no connection, or nothing can be sent over it: why. It says nothing about the kernel."""

    reason: str


class Asked(_Event, frozen=True):
    """A challenge was sent. `sent_ns` (boottime) was read before its nonce was drawn, so no answer can be older."""

    nonce: str
    sent_ns: int


class Answered(_Event, frozen=True):
    """An answer came whose MAC is right; `files` names the saved run's files as they are now, see RunRead."""

    ack: Ack
    files: str


class AnswerRefused(_Event, frozen=True):
    """Something came that is no answer under the key: why."""

    reason: str


class Hinted(_Event, frozen=True):
    """The kernel, or somebody in its place, says that its journal holds record `seq`."""

    seq: int


class Touched(_Event, frozen=True):
    """The saved run's files may be others than those read last; `files` names them as they are now."""

    files: str


class RunRead(_Event, frozen=True):
    """Reading `number` is done.

    `flaw` is why nothing can be said (`run_state_missing`, `run_state_unsteady`, …), else empty. `state_seq` and
    `state_head` are what `run_state.json` says of itself, `run_state_sha256` is that of its bytes; `journal_head` is
    the hash of record `state_seq` in the journal, and `heads` those of the records that were asked for, in that order,
    empty where the journal has none. `files` names the very files that were read (device, inode, size, change time of
    each): looked up before the first byte and again after the last, and read once more if they differ. `ended_code` is
    that of the journal's InvocationEnded of the invocation that was asked for.
    """

    number: int
    flaw: str = ""
    state_seq: int = 0
    state_head: str = ""
    run_state_sha256: str = ""
    journal_head: str = ""
    heads: tuple[str, ...] = ()
    files: str = ""
    rest: Rest = ""
    ended_code: int | None = None


class StopAsked(_Event, frozen=True):
    """Somebody wants the kernel to end."""

    reason: str


class Acted(_Event, frozen=True):
    """The daemon is about to do something about the run; see the record of an intervention."""

    kind: ActionKind
    reason: str
    fingerprint: str = ""
    evidence: tuple[str, ...] = ()


class Ended(_Event, frozen=True):
    """The process of an invocation is over; `code` is None where it was no child of ours."""

    invocation: str
    code: int | None


class LockLost(_Event, frozen=True):
    """The control lock of the run is no longer ours."""


class Tick(_Event, frozen=True):
    """The time that Wake named has come."""


Event = (
    Started
    | Adopted
    | Reachable
    | Unreachable
    | Asked
    | Answered
    | AnswerRefused
    | Hinted
    | Touched
    | RunRead
    | StopAsked
    | Acted
    | Ended
    | LockLost
    | Tick
)
