"""What may be said of a run right now, and until when: one table, and whatever it cannot prove it does not claim.

Not here: asking (`prober.py`), and what is done about it (the daemon's `rules/supervision.py`).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec


class Claim(StrEnum):
    """What is said of a run; see TABLE for when."""

    LIVE_ATTACHED = "live_attached"
    WAITING_STATE_OBSERVED = "waiting_state_observed"
    ATTACHMENT_UNPROVEN = "attachment_unproven"
    TERMINAL_OBSERVED = "terminal_observed"
    SNAPSHOT_ONLY = "snapshot_only"


CLAIM_EXITS: dict[Claim, int] = {
    Claim.LIVE_ATTACHED: 0,
    Claim.WAITING_STATE_OBSERVED: 10,
    Claim.ATTACHMENT_UNPROVEN: 11,
    Claim.TERMINAL_OBSERVED: 12,
    Claim.SNAPSHOT_ONLY: 13,
}
"""What `supervise status --exit-code` ends with."""

Rest = Literal["", "waiting", "terminal"]
"""Why no kernel is at work on a run: it waits for a person or for evidence, or it has come to an end; or neither."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a supervisor has seen of a run. Times are nanoseconds of boottime in the boot `boot_id`.

    `at_work` says that a kernel was started or found and not seen to end; `asked_ns` is when the nonce was sent that
    was answered last, None before the first; `refused` is why the answer after that proved nothing; `stuck_ns` and
    `stuck` are the earliest deadline among the effects that were answered, and its effect; `rest` is what the saved run
    said when its kernel was seen to end. `held` is false once the supervisor lost its lock on the run.
    """

    boot_id: str
    at_work: bool = False
    asked_ns: int | None = None
    refused: str = ""
    stuck_ns: int | None = None
    stuck: str = ""
    rest: Rest = ""
    held: bool = True


class Said(NamedTuple):
    """A claim with its reason; past `expires_ns` it must be judged again, None where time alone changes nothing."""

    claim: Claim
    reason: str
    expires_ns: int | None = None


class _Instant(NamedTuple):
    seen: Seen
    boot_id: str
    at_ns: int
    fresh_ns: int

    @property
    def age_ns(self) -> int | None:
        """How long ago the nonce was sent that was answered last; None when none was, or in another boot."""
        asked = self.seen.asked_ns
        return None if asked is None or self.boot_id != self.seen.boot_id else self.at_ns - asked


class _Row(NamedTuple):
    when: Callable[[_Instant], bool]
    claim: Claim
    reason: Callable[[_Instant], str]


def _is_fresh(now: _Instant) -> bool:
    # An age below nothing is a clock that went back: it proves as little as an old one.
    return now.age_ns is not None and 0 <= now.age_ns <= now.fresh_ns


def _is_stuck(now: _Instant) -> bool:
    return now.seen.stuck_ns is not None and now.at_ns > now.seen.stuck_ns


def _stale(now: _Instant) -> str:
    age = f"the last answer is {(now.age_ns or 0) // 1_000_000} ms old"
    return f"{age}, then: {now.seen.refused}" if now.seen.refused else age


TABLE: tuple[_Row, ...] = (
    _Row(lambda now: not now.seen.held, Claim.ATTACHMENT_UNPROVEN, lambda _: "the lock on the run was lost"),
    _Row(
        lambda now: not now.seen.at_work and now.seen.rest == "terminal",
        Claim.TERMINAL_OBSERVED,
        lambda _: "the run has come to an end",
    ),
    _Row(
        lambda now: not now.seen.at_work and now.seen.rest == "waiting",
        Claim.WAITING_STATE_OBSERVED,
        lambda _: "the run waits, and nothing is at work",
    ),
    _Row(
        lambda now: not now.seen.at_work, Claim.SNAPSHOT_ONLY, lambda _: "no kernel of this run is supervised"
    ),
    _Row(
        lambda now: now.seen.boot_id != now.boot_id,
        Claim.ATTACHMENT_UNPROVEN,
        lambda _: "the machine went down since",
    ),
    _Row(
        lambda now: now.age_ns is None,
        Claim.ATTACHMENT_UNPROVEN,
        lambda now: now.seen.refused or "no answer yet",
    ),
    _Row(lambda now: not _is_fresh(now), Claim.ATTACHMENT_UNPROVEN, _stale),
    _Row(_is_stuck, Claim.ATTACHMENT_UNPROVEN, lambda now: f"stuck in {now.seen.stuck}"),
    _Row(lambda _: True, Claim.LIVE_ATTACHED, lambda _: "answered a fresh nonce"),
)
"""The first row that holds is what is said. Only the last one says that a run is alive."""


def judge(seen: Seen, *, boot_id: str, at_ns: int, fresh_ns: int) -> Said:
    """What may be said at `at_ns` of boottime; an answer proves something for `fresh_ns` after its nonce was sent."""
    now = _Instant(seen, boot_id, at_ns, fresh_ns)
    for row in TABLE:
        if row.when(now):
            break
    expires_ns = None
    if row.claim is Claim.LIVE_ATTACHED:
        assert seen.asked_ns is not None
        expires_ns = seen.asked_ns + fresh_ns
        if seen.stuck_ns is not None:
            expires_ns = min(expires_ns, seen.stuck_ns)
    return Said(row.claim, row.reason(now), expires_ns)
