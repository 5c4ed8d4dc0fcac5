"""A moment, as it is handed to the rules: they own no clock.

Not here: reading the clocks; see `verger_kernel.clock`.
"""

from datetime import UTC, datetime

import msgspec


class Now(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One moment on four scales.

    `utc_ms` is for people and wake-ups, `boottime_ns` (grows in suspend) for the age of a claim,
    `monotonic_ns` for budgets; the last two compare only within one `boot_id`.
    """

    utc_ms: int
    boot_id: str
    boottime_ns: int
    monotonic_ns: int


def from_iso(text: str) -> int:
    """The `utc_ms` of a moment in ISO-8601. Raises ValueError for one that does not name its place on the earth."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} does not say in which time zone; write it in UTC, with a trailing Z")
    return int(moment.timestamp() * 1000)


def iso(utc_ms: int) -> str:
    """`utc_ms` as ISO-8601 in UTC with milliseconds and a trailing Z."""
    moment = datetime.fromtimestamp(utc_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{utc_ms % 1000:03d}Z"
