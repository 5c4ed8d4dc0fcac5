"""What the daemon says unasked: events, to those who subscribed.

Not here: who gets which; see `verger_daemon.events`.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from verger_daemon.protocol.words import Epoch

GAP = "events.gap"
"""The type of the event that says that others, `from` to `to`, are gone; it has the seq of the last of them."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The params of a notification `event`. Each type has further fields of its own."""

    seq: Annotated[int, Meta(description="grows by one with each event of an epoch")]
    epoch: Epoch
    type: Annotated[str, Meta(description="what happened")]
    run: Annotated[str, Meta(description="to which run; empty when to none")]
    time: Annotated[str, Meta(description="when, ISO 8601 in UTC; for people")]


class Gap(Event, frozen=True):
    """Events that were wanted and are kept no more; ask for the state of what was missed."""

    first: Annotated[int, Meta(description="the first seq that is gone")] = msgspec.field(name="from")
    last: Annotated[int, Meta(description="the last seq that is gone")] = msgspec.field(name="to")


class RunMade(Event, frozen=True):
    """A supervised run has its folder."""

    run_root: Annotated[str, Meta(description="where it is")]


class RunClaimed(Event, frozen=True):
    """Another claim holds about a run, or the same one for another reason."""

    claim: Annotated[str, Meta(description="see docs/supervision.md")]
    reason: Annotated[str, Meta(description="for people")]


class RunProgress(Event, frozen=True):
    """A step of a run that has no type of its own."""

    record: Annotated[
        int, Meta(description="grows with the journal of the run; as `seq` in docs/following.md")
    ]
    text: Annotated[str, Meta(description="for people, ready to print")]


class RunRested(Event, frozen=True):
    """The kernel of a run is over, and nothing that it left runs any more."""

    invocation: Annotated[str, Meta(description="its kernel; empty when there was none")]
    exit_code: Annotated[int, Meta(description="see docs/exit-codes.md")]
    is_known: Annotated[bool, Meta(description="false for a kernel of an earlier daemon: its run says it")]
    rest: Annotated[
        str, Meta(description="`waiting` for a person or evidence, `terminal`, or empty for neither")
    ]
    goes_on: Annotated[str, Meta(description="why another kernel begins right away; empty when none does")]
    result: Annotated[str, Meta(description="the end of what the kernel printed")]
    text: Annotated[str, Meta(description="the error that it ended with, for people")]
    end: Annotated[dict[str, Any], Meta(description="the line `result` of docs/following.md")]


class RunTroubled(Event, frozen=True):
    """Something could not be done for a run, which is supervised all the same."""

    why: Annotated[str, Meta(description="what, and why")]
    text: Annotated[str, Meta(description="for people, ready to print")]


class RunLost(Event, frozen=True):
    """Somebody else supervises a run, or nobody can."""

    why: Annotated[str, Meta(description="who, or why")]
    text: Annotated[str, Meta(description="for people, ready to print")]


class DaemonLeaving(Event, frozen=True):
    """The daemon ends, because it was told to; told once for each run, too. Kernels go on."""


EVENTS: dict[str, type[Event]] = {
    GAP: Gap,
    "run.made": RunMade,
    "run.claimed": RunClaimed,
    "run.progress": RunProgress,
    "run.rested": RunRested,
    "run.troubled": RunTroubled,
    "run.lost": RunLost,
    "daemon.leaving": DaemonLeaving,
}
"""What the daemon itself tells, by type. All other types are lines of a run's journal: those of docs/following.md."""
