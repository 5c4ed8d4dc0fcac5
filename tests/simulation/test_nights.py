"""The matrix of a night: limit, outage, lost login and spent budget, each with deaths, wrong reset times and two runs.

Not here: the night itself; see tests/doubles/nights.py. A few with real processes: tests/journeys/test_waking.py.
"""

from collections import Counter

import pytest
from tests.doubles.nights import BEGAN_MS, MINUTE_MS, Night, nights

SKEWS_MS = (0, -30 * MINUTE_MS, 45 * MINUTE_MS, -(10**9), None)
"""It opens as said, later, earlier; what is said lies in the past; nothing is said."""
NIGHTS = list(nights(SKEWS_MS))


def name(night: Night) -> str:
    return f"{night.cause}-{night.skew_ms}-{night.kill}-{night.runs}"


@pytest.mark.parametrize("night", NIGHTS, ids=name)
def test_each_run_goes_on_once_for_each_stop_and_repeats_no_turn(night: Night) -> None:
    night.play()
    for run in night.supervised:
        assert Counter(run.done) == dict.fromkeys(run.begun, 1), "a turn was answered twice, or never"
        deaths = [one for one in run.deaths if one != "daemon"]
        assert len(run.begun) == len(run.done) + len(run.parks) + run.deaths.count("calling")
        # Each stop is followed by one continuation, whatever stopped it.
        resumed = len(run.started_ms) - 1
        assert resumed == run.rests + len(deaths)
        # An act that a daemon took with it is on record and was not done.
        assert resumed == len(run.acts) + run.person - run.deaths.count("daemon")
        wakes = [act.at_utc_ms for act in run.acts if act.kind == "wake_from_park"]
        if night.cause in ("auth", "budget"):
            assert (wakes, run.person) == ([], run.rests)
        else:
            assert run.person == 0
            assert len(wakes) == run.rests + run.deaths.count("daemon")


@pytest.mark.parametrize("night", [one for one in nights((0,)) if one.kill is None], ids=name)
def test_a_night_in_which_nothing_else_goes_wrong_has_one_continuation(night: Night) -> None:
    night.play()
    for run in night.supervised:
        assert len(run.started_ms) == 2
        assert len(run.acts) + run.person == 1


def test_two_runs_that_wait_for_one_limit_do_not_wake_in_one_moment() -> None:
    night = Night("limit", 0, None, 2)
    night.play()
    one, other = (run.started_ms[1] for run in night.supervised)
    assert one != other
    assert all(0 <= at - night.opens_ms <= 60_000 + 30 * MINUTE_MS for at in (one, other))
    assert min(one, other) > BEGAN_MS


def test_a_door_that_opens_later_than_said_is_knocked_at_less_and_less() -> None:
    night = Night("limit", -80 * MINUTE_MS, None, 1)
    night.play()
    (run,) = night.supervised
    waits = [later - sooner for sooner, later in zip(run.started_ms[1:], run.started_ms[2:], strict=False)]
    assert len(waits) >= 3
    assert waits == sorted(waits)
