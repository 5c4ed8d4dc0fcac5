"""When a parked run is woken."""

from hypothesis import given
from hypothesis import strategies as st

from verger_daemon.rules.waking import DAY_MS, due_ms, into_window
from verger_kernel.rules.parks import Park

NOW = 1_800_000_000_000
HOUR = 3_600_000
RUN = "RUN_20260101T000000Z_" + "a" * 32


def park(resets: int | None, cause: str = "limit") -> Park:
    return Park(cause=cause, why="so", resets_utc_ms=resets, since_utc_ms=NOW)  # type: ignore[arg-type]


def test_runs_are_not_all_woken_in_one_moment() -> None:
    dues = {due_ms(park(NOW + HOUR), f"RUN_{number}", [], NOW, spread_s=60) for number in range(50)}
    assert len(dues) > 40
    assert all(NOW + HOUR <= due <= NOW + HOUR + 60_000 for due in dues)


def test_a_wake_that_was_too_early_makes_the_next_one_later() -> None:
    waits = []
    woken: list[int] = []
    at_ms = NOW + 1
    for _ in range(6):
        due = due_ms(park(NOW), RUN, woken, at_ms, spread_s=60)
        waits.append(max(due, at_ms) - at_ms)
        at_ms = max(due, at_ms)
        woken.append(at_ms)
    assert waits[1:] == sorted(waits[1:]) and waits[2] >= 2 * 60_000


def test_where_nobody_knows_an_outage_is_tried_sooner_than_a_limit() -> None:
    outage, limit = (due_ms(park(None, cause), RUN, [], NOW, spread_s=60) for cause in ("outage", "limit"))
    assert outage < limit <= NOW + HOUR


@given(
    at=st.integers(0, 4_000_000_000_000),
    first=st.integers(0, 1439),
    last=st.integers(0, 1439),
    offset=st.integers(-12 * 3600, 14 * 3600),
)
def test_the_window_is_entered_and_never_left(at: int, first: int, last: int, offset: int) -> None:
    if first == last:
        return
    found = into_window(at, (first, last), offset)
    assert at <= found < at + DAY_MS
    assert into_window(found, (first, last), offset) == found
    local = (found + offset * 1000) % DAY_MS / 60_000
    assert (first <= local < last) if first < last else (local >= first or local < last)
    assert into_window(at, None, offset) == at
