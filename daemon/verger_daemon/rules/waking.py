"""When a parked run is woken: after its limit, spread over runs, later each time that was too early, inside the window.

Not here: whether it is woken at all; see `recovery.py`.
"""

import hashlib
from collections.abc import Sequence

from verger_kernel.rules.parks import Park

_MINUTE_MS = 60_000
DAY_MS = 24 * 60 * _MINUTE_MS
_UNKNOWN_MS = {"limit": 30 * _MINUTE_MS, "outage": _MINUTE_MS}
"""How long is waited at first where nobody knows when it is over; twice as long each time."""
_WAIT_MS_MAX = 5 * 60 * _MINUTE_MS


def due_ms(park: Park, run_id: str, woken_utc_ms: Sequence[int], utc_ms: int, *, spread_s: int) -> int:
    """When a run parked by a limit or an outage is to be woken, which it was before at `woken_utc_ms`, in order.

    Runs that wait for the same moment are woken within `spread_s` after it, each at its own.
    """
    jitter_ms = int(hashlib.sha256(run_id.encode()).hexdigest()[:8], 16) % (spread_s * 1000 + 1)
    recent = [at for at in woken_utc_ms if utc_ms - DAY_MS < at]
    doubled = 1 << min(len(recent), 16)
    if park.resets_utc_ms is None:
        # A moment that is still to come was written before the clock was set back: nothing waits for it.
        since_ms = park.since_utc_ms if park.since_utc_ms <= utc_ms else utc_ms - DAY_MS
        return since_ms + min(_UNKNOWN_MS[park.cause] * doubled, _WAIT_MS_MAX) + jitter_ms
    at_ms = park.resets_utc_ms + jitter_ms
    if recent and recent[-1] <= utc_ms:
        # It was said to be over and was not: some clock is wrong, so what it says counts for less each time.
        at_ms = max(at_ms, recent[-1] + min(_MINUTE_MS * doubled, _WAIT_MS_MAX))
    return at_ms


def into_window(at_utc_ms: int, window: tuple[int, int] | None, offset_s: int) -> int:
    """The first moment from `at_utc_ms` on inside `window`, minutes of the local day that may go over midnight.

    `offset_s` is how far the local clock is ahead of UTC; None as window is always.
    """
    if window is None:
        return at_utc_ms
    first, last = (minute * _MINUTE_MS for minute in window)
    local_ms = (at_utc_ms + offset_s * 1000) % DAY_MS
    is_inside = first <= local_ms < last if first < last else local_ms >= first or local_ms < last
    return at_utc_ms if is_inside else at_utc_ms + (first - local_ms) % DAY_MS
