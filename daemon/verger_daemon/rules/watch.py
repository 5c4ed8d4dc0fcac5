"""The watch over one run: what its supervisor knows, which is all that may lead to a claim.

Not here: what leads from one watch to the next; see `supervision.py`. Times are nanoseconds of boottime unless named.
"""

from enum import StrEnum

import msgspec

from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, Rest, Said, Seen
from verger_probes.rules.probe import Ack, Identity

NS_PER_MS = 1_000_000
_ASK_STEPS = 16
"""At so many moments of an interval kernels are asked: to wake up for one costs more than to ask it."""


# Values of values, of which none can hold itself: the collector need not know them (`gc`).
class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One part of a watch."""


class Pace(_Part, frozen=True):
    """How often is asked, how long is waited, and how much is written down."""

    probe_interval_ms: int = 1000
    """How long an answer proves something, from when its nonce was drawn."""
    ack_deadline_ms: int = 250
    hint_gap_ms: int = 50
    """The least time from one challenge to the next, however often the kernel says that its journal moved."""
    reconnect_ms_min: int = 50
    reconnect_ms_max: int = 2000
    misses_max: int = 4
    """After how many missed answers in a row the connection is made anew."""
    heartbeat_ms_max: int = 60_000
    journal_heartbeat_ms_min: int = 5_000
    """How often a heartbeat is written for no other reason than that the journal grew."""

    def __post_init__(self) -> None:
        if not 0 < self.ack_deadline_ms < self.probe_interval_ms:
            raise ValueError("the ack deadline must be shorter than the probe interval")

    @property
    def fresh_ns(self) -> int:
        """How long an answer proves something."""
        return self.probe_interval_ms * NS_PER_MS

    @property
    def deadline_ns(self) -> int:
        """How long an answer may take."""
        return self.ack_deadline_ms * NS_PER_MS

    @property
    def ask_every_ns(self) -> int:
        """From one challenge to the next: an answer in time comes before the one before it is worth nothing."""
        return self.fresh_ns - self.deadline_ns

    def next_ask_ns(self, asked_ns: int) -> int:
        """When to ask after a challenge at `asked_ns`: early rather than late, and at one moment with other runs."""
        every_ns = self.ask_every_ns
        step_ns = max(1, every_ns // _ASK_STEPS)
        return (asked_ns + every_ns) // step_ns * step_ns

    def reconnect_ns(self, failures: int) -> int:
        """How long to wait before connecting again after so many failures in a row."""
        return min(self.reconnect_ms_min << min(failures, 16), self.reconnect_ms_max) * NS_PER_MS


class Phase(StrEnum):
    """Where the supervision of a run stands."""

    RESTING = "resting"
    """No kernel of it is supervised."""
    STARTING = "starting"
    """A kernel was started or found, and has not answered yet."""
    AT_WORK = "at_work"
    """It has answered."""
    ENDED = "ended"
    """It was seen to end, and what it left was not read yet."""
    LOST = "lost"
    """The lock on the run is gone: another supervisor may be at it."""


class Invocation(_Part, frozen=True):
    """One kernel. `epoch` is that of the supervisor which started it; one that was adopted is no child of ours."""

    invocation: str
    identity: Identity
    epoch: int
    probe_socket: str
    is_adopted: bool


class InFlight(_Part, frozen=True):
    """A challenge that waits for its answer; `sent_ns` was read before the nonce was drawn.

    `heard` is what came meanwhile that is none, empty where nothing did.
    """

    nonce: str
    sent_ns: int
    sent_utc_ms: int
    heard: str = ""


class Connection(_Part, frozen=True):
    """Asking the kernel. `connect_ns` and `ask_ns` are when that is due next, None when it is not.

    `failures` counts the attempts to connect since the last answer, `missed` the challenges since it that were not
    answered in time, `late` the answers to older ones.
    """

    is_open: bool = False
    connect_ns: int | None = None
    failures: int = 0
    ask_ns: int | None = None
    asked_ns: int | None = None
    challenge: InFlight | None = None
    missed: int = 0
    late: int = 0


class Doings(_Part, frozen=True):
    """What the kernel said it is at, without times."""

    stage: str
    item_id: str
    attempt_number: int
    round: int
    effects: tuple[str, ...]


NO_DOINGS = Doings(stage="", item_id="", attempt_number=0, round=0, effects=())


class Answer(_Part, frozen=True):
    """An answer that is right in every field, and the challenge that it answers."""

    ack: Ack
    challenge: InFlight
    doings: Doings


class Link(_Part, frozen=True):
    """A place in the run's chain, with the digest of the state that was saved there."""

    seq: int
    head: str
    run_state_sha256: str


class Reading(_Part, frozen=True):
    """A reading of the run's files that was asked for, and the answer that rests upon it, None where none does.

    `links` are the places of the chain that the reading must hold. With `again` another must follow it.
    """

    number: int
    links: tuple[Link, ...]
    answer: Answer | None
    again: bool = False


class Agreed(_Part, frozen=True):
    """What the last reading found that held all it must; `files` names the very files that were read by `at_ns`."""

    link: Link
    files: str
    at_ns: int


class Known(_Part, frozen=True):
    """What answers and readings have said about the run's chain.

    `acked` is the last link that was answered, `known` the furthest one that was answered or read; `doubt` is why
    answers and files do not agree, empty while they do; `answer` is the last good one, backed by a reading or not.
    """

    acked: Link | None = None
    known: Link | None = None
    agreed: Agreed | None = None
    reading: Reading | None = None
    readings: int = 0
    doubt: str = ""
    answer: Answer | None = None


class Mark(_Part, frozen=True):
    """What makes one claim another: whatever of it changes is announced and put on record. No times, no ages."""

    claim: Claim
    refused: str
    stuck: str
    rest: Rest
    held: bool


class Judged(_Part, frozen=True):
    """What `judge` says of `seen` at every instant from `from_ns` to `until_ns`, so that it is asked once."""

    seen: Seen
    said: Said
    from_ns: int
    until_ns: int

    def holds(self, seen: Seen, now: Now) -> bool:
        """Whether it is what `judge` says of `seen` at `now`."""
        is_same = self.seen == seen and now.boot_id == seen.boot_id
        return is_same and self.from_ns <= now.boottime_ns <= self.until_ns


class Told(_Part, frozen=True):
    """What was written and announced last, so that it is told once. `*_ns` are when, in the boot `boot_id`."""

    heartbeat: int = 0
    intervention: int = 0
    announced: Mark | None = None
    beaten: tuple[Mark, Doings] | None = None
    beaten_seq: int = 0
    beaten_ns: int = 0
    boot_id: str = ""
    acked: tuple[Link, Doings] | None = None
    judged: Judged | None = None


class Watch(_Part, frozen=True):
    """All that the supervisor of one run knows. `seen` is what a claim is judged by, and nothing else is.

    `epoch` is this supervisor's. `run_root` is empty where nobody knows it yet; then no answer is measured by it.
    `exit_code` is how the last invocation ended, None while it is not known: of an adopted kernel only its journal can
    say.
    """

    run_id: str
    run_root: str
    epoch: int
    pace: Pace
    seen: Seen
    phase: Phase = Phase.RESTING
    invocation: Invocation | None = None
    connection: Connection = Connection()
    known: Known = Known()
    told: Told = Told()
    exit_code: int | None = None


def opened(
    run_id: str,
    epoch: int,
    now: Now,
    *,
    pace: Pace | None = None,
    run_root: str = "",
    heartbeat: int = 0,
    intervention: int = 0,
) -> Watch:
    """The watch over a run whose control lock was just taken; `heartbeat` and `intervention` are the last on record."""
    return Watch(
        run_id=run_id,
        run_root=run_root,
        epoch=epoch,
        pace=pace or Pace(),
        seen=Seen(boot_id=now.boot_id),
        told=Told(
            heartbeat=heartbeat, intervention=intervention, boot_id=now.boot_id, beaten_ns=now.boottime_ns
        ),
    )
