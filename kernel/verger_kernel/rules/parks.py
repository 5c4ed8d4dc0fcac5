"""A park: why a call cannot go on that nobody is to blame for, and when it is worth another try.

Not here: what an agent writes to say so (`packs.py`), and who wakes the run again.
"""

from typing import Literal, get_args

import msgspec

Cause = Literal["limit", "auth", "outage", "budget"]
"""The provider's limit is used up; the login is gone; the provider cannot be reached; there is no more to spend."""

CAUSES: tuple[Cause, ...] = get_args(Cause)


class Park(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stopped a run in the middle of a stage; `resets_utc_ms` is when that shall be over, None if nobody knows.

    `raise_with` is the flag that raises our own budget, empty where another thing parked it.
    """

    cause: Cause
    why: str
    resets_utc_ms: int | None
    since_utc_ms: int
    raise_with: str = ""


def longer(one: Park | None, other: Park) -> Park:
    """Of two parks of one run, the one that lasts longer: one without an end lasts longest."""
    if one is None or one.resets_utc_ms is None:
        return one or other
    is_longer = other.resets_utc_ms is None or other.resets_utc_ms > one.resets_utc_ms
    return other if is_longer else one
