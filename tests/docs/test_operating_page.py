"""docs/operating.md says what the daemon does about a run at rest, as the rules do it.

Not here: that its commands work; see test_commands.py.
"""

import re
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from verger_daemon.rules.causes import Cause, Situation, cause_of
from verger_daemon.rules.recovery import Act, Bounds, Do, Later, Leave, decide
from verger_daemon.rules.waking import due_ms
from verger_daemon.settings import Settings
from verger_kernel.rules.parks import CAUSES, Park

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| (.*) \| (.*) \| `(.*)` \|$", PAGE.split("## Parks")[0], re.MULTILINE)
SAID = " ".join(PAGE.split())
NOW = 1_800_000_000_000
DAY_MS = 86_400_000
BOUNDS = Bounds()
REBOOTS = Bounds(resumes_after_reboot=True)

DIED = Situation(run_id="RUN_1", item="01", state="execute", exit_code=137, is_open=True, goes_on=True)
ENDED = replace(DIED, is_open=False, exit_code=0)
BLOCKED = replace(ENDED, state="blocked_external", exit_code=21)
REBOOTED = replace(DIED, is_rebooted=True)
ROWS: tuple[tuple[Situation, Bounds], ...] = (
    (replace(DIED, is_held=True), BOUNDS),
    (replace(ENDED, state="escalated", exit_code=22), BOUNDS),
    (replace(ENDED, state="awaiting_human_gate", exit_code=20), BOUNDS),
    (replace(BLOCKED, evidence="e" * 64), BOUNDS),
    (BLOCKED, BOUNDS),
    (replace(DIED, is_stopped=True), BOUNDS),
    (replace(DIED, breach="silence", exit_code=143), BOUNDS),
    (REBOOTED, BOUNDS),
    (REBOOTED, REBOOTS),
    *(
        (
            replace(
                ENDED,
                exit_code=75,
                park=Park(cause=cause, why="so", resets_utc_ms=NOW + 3_600_000, since_utc_ms=NOW),
            ),
            BOUNDS,
        )
        for cause in ("limit", "outage", "auth", "budget")
    ),
    (DIED, BOUNDS),
    (replace(ENDED, exit_code=143), BOUNDS),
    (replace(ENDED, exit_code=6, trouble="no room"), BOUNDS),
    (replace(ENDED, exit_code=3), BOUNDS),
    (replace(ENDED, goes_on=False), BOUNDS),
    (replace(ENDED, exit_code=20), BOUNDS),
    (ENDED, BOUNDS),
)
"""A run at rest for each row of the page, in that order."""


def played(one: Situation, bounds: Bounds) -> tuple[list[Act], str]:
    """Every act about a run that never changes, and what is said when there is none left."""
    past: list[Act] = []
    at_ms = NOW
    for _ in range(100):
        match decide(one, past, bounds, utc_ms=at_ms):
            case Leave(why=why):
                return past, why
            case Later(at_utc_ms=then):
                at_ms = then
            case Do(kind=kind, fingerprint=name):
                past.append(Act(kind=kind, fingerprint=name, at_utc_ms=at_ms))
    raise AssertionError("it never comes to an end")


def told(cell: str) -> list[tuple[str, int, int | None]]:
    """The acts that a cell of the page promises: kind, how often, and seconds apart where that is said."""
    found = re.findall(r"`(\w+)` (?:once|(\d+) times)(?:, (\d+) s apart)?", cell)
    return [(kind, int(times or 1), int(apart) if apart else None) for kind, times, apart in found]


def test_the_page_has_a_row_for_each_cause() -> None:
    assert len(TABLE) == len(ROWS)
    assert {cause_of(one) for one, _ in ROWS} == set(Cause)
    assert {one.park.cause for one, _ in ROWS if one.park} == set(CAUSES)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_row_of_the_page_is_what_the_rules_do(number: int) -> None:
    _, done, last = TABLE[number]
    acts, why = played(*ROWS[number])
    promised = told(done)
    assert [(kind, times) for kind, times, _ in promised] == [
        (kind, len(list(same))) for kind, same in groupby(act.kind for act in acts)
    ]
    assert bool(promised) != (done == "nothing")
    for kind, _, apart in promised:
        at_ms = [act.at_utc_ms for act in acts if act.kind == kind]
        assert apart is None or at_ms[1] - at_ms[0] == apart * 1000
    assert re.fullmatch(re.escape(last).replace("…", ".+"), why)


def test_the_bounds_of_the_page_are_those_of_the_settings() -> None:
    settings = Settings()
    assert (BOUNDS.recovers, BOUNDS.recoveries_max) == (settings.recover, settings.recoveries_max)
    assert (BOUNDS.wakes, BOUNDS.wakes_max) == (settings.wake, settings.wakes_max)
    assert BOUNDS.resumes_after_reboot == settings.resume_after_reboot
    named = dict(re.findall(r"^(\w+) = (\S+)", PAGE, re.MULTILINE))
    values = settings.model_dump()
    for name in ("recover", "recoveries_max", "wake", "wakes_max", "resume_after_reboot"):
        assert named[name] == str(values[name]).lower()
    assert Settings(wake_window=named["wake_window"].strip('"')).window() == (22 * 60, 7 * 60)


def test_a_third_recovery_waits_a_minute() -> None:
    acts, _ = played(DIED, Bounds(recoveries_max=4))
    at_ms = [act.at_utc_ms for act in acts]
    assert [then - before for before, then in pairwise(at_ms)] == [10_000, 60_000, 60_000]


def test_so_many_faults_in_a_day_as_the_page_says_need_a_person() -> None:
    (most,) = re.findall(r"after (\d+) recoveries of one run", SAID)
    past: list[Act] = []
    while isinstance(said := decide(replace(DIED, item=f"{len(past)}"), past, BOUNDS, utc_ms=NOW), Do):
        past.append(Act(kind=said.kind, fingerprint=said.fingerprint, at_utc_ms=NOW))
    assert len(past) == int(most)


def test_parks_last_as_long_as_the_page_says() -> None:
    minute_ms = 60_000

    def waited(cause: str, resets: int | None, *woken: int) -> int:
        park = Park(cause=cause, why="so", resets_utc_ms=resets, since_utc_ms=NOW)  # type: ignore[arg-type]
        return (due_ms(park, "RUN_1", woken, NOW, spread_s=0) - NOW) // minute_ms

    assert "when the provider says that it is over, and up to a minute later (`wake_spread_s`)" in SAID
    assert Settings().wake_spread_s == BOUNDS.spread_s == 60
    assert waited("limit", NOW + 60 * minute_ms) == 60
    assert "half an hour later where nobody knows" in SAID
    assert waited("limit", None) == 30
    assert "| `outage` | the daemon | after a minute |" in SAID
    assert waited("outage", None) == 1
    assert "twice as long as the one before, up to five hours; a quiet day sets that back" in SAID
    assert waited("limit", None, NOW) == 60
    assert waited("limit", None, *[NOW] * 9) == 5 * 60
    assert waited("limit", None, *[NOW - DAY_MS] * 9) == 30


def test_a_park_of_more_than_a_week_waits_for_a_person() -> None:
    park = Park(cause="limit", why="so", resets_utc_ms=NOW + 9 * DAY_MS, since_utc_ms=NOW)
    said = decide(replace(ENDED, exit_code=75, park=park), (), BOUNDS, utc_ms=NOW)
    assert isinstance(said, Leave) and "longer than a week" in said.why
    assert "longer than a week waits for a person" in SAID
