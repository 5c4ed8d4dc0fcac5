"""The params and the result of every method about runs, and what all have in common. The docs are written from here.

Not here: messages about gates (`gate_messages.py`) and the daemon (`daemon_messages.py`), reading them (`session.py`),
events (`notices.py`), what the methods do.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from verger_daemon.protocol.words import (
    Attempt,
    Claim,
    Directory,
    Environment,
    Epoch,
    ExitCode,
    InEpoch,
    Invocation,
    ItemId,
    Pid,
    Reason,
    RunId,
    RunName,
    Seq,
    Since,
    State,
    StateFolder,
    Text,
    Version,
    Words,
)

PROTOCOL = "verger-daemon/1"
"""What `initialize` agrees on. The number changes when something that was there is gone or means something else."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Params, a result, or a part of one. Results may get more fields."""


class Params(Message, frozen=True, forbid_unknown_fields=True):
    """What a method is asked with. What it does not know is refused by name."""


class Nothing(Params, frozen=True):
    """Params of a method that needs none."""


class InitializeParams(Params, frozen=True):
    """What a client may say first."""

    protocol_version: Annotated[str, Meta(description="the version that the client speaks")] = PROTOCOL
    capabilities: Annotated[
        dict[str, Any], Meta(description="what the client can do; none is known yet")
    ] = {}


class InitializeResult(Message, frozen=True):
    """What is spoken here, and within which bounds."""

    protocol_version: Annotated[str, Meta(description="the version that is spoken")]
    version: Version
    capabilities: Annotated[tuple[str, ...], Meta(description="the methods that are there")]
    line_bytes_max: Annotated[int, Meta(description="what a line may hold, either way")]


class PingParams(Params, frozen=True):
    """A question that only a living daemon can answer."""

    nonce: Annotated[
        str, Meta(max_length=128, description="drawn by the client, for this question alone")
    ] = ""


class PingResult(Message, frozen=True):
    """The daemon's own proof that it is alive and can do its work."""

    nonce: Annotated[str, Meta(description="that of the question")]
    mac: Annotated[str, Meta(description="over nonce, pid and epoch, under the daemon's key; hexadecimal")]
    pid: Pid
    epoch: Epoch
    version: Version
    lock_held: Annotated[bool, Meta(description="whether the lock of the daemon is still its own")]
    journal_writable: Annotated[bool, Meta(description="whether it can write what it must remember")]
    loop_lag_us: Annotated[int, Meta(description="how late its loop was last, in microseconds")]


class TextResult(Message, frozen=True):
    """What was done, in words."""

    text: Text


class StartParams(Params, frozen=True):
    """A run that is to begin."""

    directory: Directory
    words: Words
    environment: Environment = {}


class RunParams(Params, frozen=True):
    """One run of a repository."""

    directory: Directory
    run: RunName = "latest"
    state: StateFolder = ""


class ResumeParams(RunParams, frozen=True):
    """A run that is to go on."""

    words: Words = ()
    environment: Environment = {}


class StartResult(Message, frozen=True):
    """The kernel that is at work now; `seq` is where its events begin."""

    run_id: RunId
    invocation: Invocation
    attached: Annotated[bool, Meta(description="whether it was at work before, and nothing was started")]
    record: Annotated[
        int, Meta(description="the last line of the run's journal before: events bear later ones")
    ]
    seq: Seq
    text: Text


class StatusParams(RunParams, frozen=True):
    """One run of a repository."""

    prove: Annotated[bool, Meta(description="whether the kernel is asked anew, before the answer")] = False


class Stage(Message, frozen=True):
    """What the kernel said that it is at."""

    stage_name: Annotated[str, Meta(description="the stage")]
    item_id: ItemId
    attempt_number: Attempt
    round: Annotated[int, Meta(description="from 0")]


class Effect(Message, frozen=True):
    """An effect under way, as of the last ack."""

    effect: Annotated[str, Meta(description="its id")]
    age_ms: Annotated[int, Meta(description="for how long")]
    left_ms: Annotated[int, Meta(description="until it is stuck; below 0 when it is")]


class Supervision(Message, frozen=True):
    """What the daemon itself saw."""

    at_work: Annotated[bool, Meta(description="whether a kernel was started or found and not seen to end")]
    invocation: Invocation
    pid: Pid
    start_ticks: Annotated[int, Meta(description="when that process started, in clock ticks; 0 for none")]
    boot_id: Annotated[str, Meta(description="the boot of the machine in which it did; empty for none")]
    pid_namespace: Annotated[int, Meta(description="the pid namespace that its pid counts in; 0 for none")]
    probe: Annotated[
        Literal["protected", "unprotected"], Meta(description="whether agents could forge an ack")
    ]
    probe_socket: Annotated[str, Meta(description="where the kernel itself can be asked")]
    missed: Annotated[int, Meta(description="challenges in a row without an ack")]
    refused: Annotated[str, Meta(description="why the answer after the last ack proved nothing; else empty")]
    journal_seq: Annotated[int, Meta(description="the last record of the run's journal, by the last ack")]
    stage: Stage | None
    doing: tuple[Effect, ...]
    heartbeat: Annotated[str, Meta(description="the newest heartbeat, relative to the run's folder")]
    intervention: Annotated[str, Meta(description="the newest intervention, relative to the run's folder")]
    next: Annotated[
        str, Meta(description="of a run at rest what it waits for, or what is done about it; else empty")
    ]
    next_utc: Annotated[
        str, Meta(description="when the daemon does it, ISO 8601 in UTC; empty where it does nothing")
    ]


class RunStatusResult(Message, frozen=True):
    """Both planes of a run, side by side: what is proved now, and what is saved. They are never mixed."""

    run_id: RunId
    claim: Claim
    exit_code: ExitCode
    reason: Reason
    ack_age_ms: Annotated[int | None, Meta(description="how old the last ack is; null before the first")]
    ack_expires_ms: Annotated[
        int | None, Meta(description="how long the claim still holds by itself, or null")
    ]
    supervision: Supervision
    kernel: Annotated[dict[str, Any], Meta(description="what `verger status --format json` says")]
    text: Text


class ListParams(Params, frozen=True):
    """All that is there, or what is in one repository."""

    directory: Annotated[str | None, Meta(description="a folder of a repository; null is all")] = None
    state: StateFolder = ""


class RunRow(Message, frozen=True):
    """A run in a list."""

    run_id: RunId
    directory: Directory
    claim: Claim
    reason: Reason
    state: State
    item_id: ItemId


class RunListResult(Message, frozen=True):
    """The supervised runs, the newest first."""

    runs: tuple[RunRow, ...]
    text: Text


class LogsParams(RunParams, frozen=True):
    """A piece of what a kernel printed."""

    invocation: Annotated[str, Meta(description="one of the run's; empty is the last")] = ""
    stream: Annotated[Literal["stdout", "stderr"], Meta(description="which of the two")] = "stderr"
    offset: Annotated[int, Meta(ge=0, description="the byte to begin at")] = 0


class LogsResult(Message, frozen=True):
    """That piece; ask again with `offset` for the next."""

    invocation: Invocation
    path: Annotated[str, Meta(description="the file")]
    offset: Annotated[int, Meta(description="the byte behind the piece")]
    chunk: Annotated[str, Meta(description="the piece; bytes that are no UTF-8 are shown as U+FFFD")]
    ended: Annotated[bool, Meta(description="whether nothing more will come")]


class EventsParams(Params, frozen=True):
    """Which events are wanted."""

    run: Annotated[str, Meta(description="the id of a run; empty is all of them")] = ""
    since: Since | None = None
    epoch: InEpoch | None = None


class WatchParams(RunParams, frozen=True):
    """Which events of one run are wanted."""

    since: Since | None = None
    epoch: InEpoch | None = None


class SubscribedResult(Message, frozen=True):
    """Notifications `event` follow, from seq `first` on; `seq` is the last that there is."""

    epoch: Epoch
    seq: Seq
    first: Annotated[int, Meta(description="the seq that comes first, this one or the next that is wanted")]
