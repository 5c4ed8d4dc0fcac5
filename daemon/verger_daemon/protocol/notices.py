"""What the daemon says unasked: events, to those who subscribed.

Not here: who gets which; see `verger_daemon.events`.
"""

from typing import Annotated

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
