"""What the daemon does about a run at rest, and that it stops doing it.

Not here: why a run is at rest (test_causes.py) and when it is woken (test_waking.py).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verger_daemon.rules.causes import Situation, fingerprint
from verger_daemon.rules.recovery import Act, Bounds, Decision, Do, Later, Leave, decide
from verger_kernel.rules.parks import CAUSES, Park

RUN = "RUN_20260101T000000Z_" + "a" * 32
NOW = 1_800_000_000_000
CRASHED = Situation(run_id=RUN, item="01", state="execute", exit_code=137, is_open=True, goes_on=True)
FAILED = replace(CRASHED, exit_code=6, is_open=False, trouble="OSError: no room at /tmp/x1")
PARK = Park(cause="limit", why="limit reached", resets_utc_ms=NOW + 3_600_000, since_utc_ms=NOW)
PARKED = replace(CRASHED, exit_code=75, is_open=False, park=PARK)
DECIDED = replace(CRASHED, exit_code=20, is_open=False, state="idle", item="", passed=1)
EVIDENCE = replace(CRASHED, exit_code=21, is_open=False, state="blocked_external", evidence="e" * 64)
BROKEN = replace(CRASHED, breach="max_runtime_s")
REBOOTED = replace(CRASHED, is_rebooted=True, exit_code=None)
BOUNDS = Bounds()


def played(one: Situation, bounds: Bounds = BOUNDS, *, rounds: int = 60) -> tuple[list[Act], Decision, int]:
    """What comes of a situation that never changes: all acts, the last decision, and when that was."""
    past: list[Act] = []
    at_ms = NOW
    for _ in range(rounds):
        said = decide(one, past, bounds, utc_ms=at_ms)
        match said:
            case Leave():
                return past, said, at_ms
            case Later(at_utc_ms=then):
                assert then > at_ms, "a wait that is over at once turns in a circle"
                at_ms = then
            case Do(kind=kind, fingerprint=name):
                past.append(Act(kind=kind, fingerprint=name, at_utc_ms=at_ms))
    raise AssertionError("it never comes to an end")


def kinds(acts: list[Act]) -> list[str]:
    return [act.kind for act in acts]


def test_a_kernel_that_dies_in_the_same_place_is_begun_again_twice_and_with_a_pause() -> None:
    acts, last, _ = played(CRASHED)
    assert kinds(acts) == ["resume_after_crash"] * 2
    assert [act.at_utc_ms - NOW for act in acts] == [0, 10_000]
    assert isinstance(last, Leave) and "a person is needed" in last.why


def test_what_the_world_refused_is_mended_first_and_then_tried_again() -> None:
    acts, last, _ = played(FAILED)
    assert kinds(acts) == ["doctor_fix_safe", "resume_after_failure", "resume_after_failure"]
    assert isinstance(last, Leave)


def test_a_broken_limit_is_forgiven_once() -> None:
    acts, last, _ = played(BROKEN)
    assert kinds(acts) == ["resume_after_breach"]
    assert isinstance(last, Leave) and "max_runtime_s" in last.why


def test_a_recorded_decision_goes_on_once() -> None:
    assert kinds(played(DECIDED)[0]) == ["resume_after_gate"]


def test_the_decision_about_the_next_item_goes_on_as_well() -> None:
    (first,), _, _ = played(DECIDED)
    said = decide(replace(DECIDED, passed=2), [first], BOUNDS, utc_ms=NOW)
    assert isinstance(said, Do)


def test_the_same_evidence_is_supplied_once_and_other_evidence_again() -> None:
    (first,), _, _ = played(EVIDENCE)
    said = decide(replace(EVIDENCE, evidence="f" * 64), [first], BOUNDS, utc_ms=NOW)
    assert isinstance(said, Do) and said.kind == "resume_with_evidence"


def test_after_a_reboot_nothing_begins_by_itself() -> None:
    assert played(REBOOTED)[0] == []
    assert kinds(played(REBOOTED, Bounds(resumes_after_reboot=True))[0]) == ["resume_after_reboot"] * 2


def test_who_wants_no_recovery_gets_none() -> None:
    for one in (CRASHED, FAILED, PARKED, DECIDED, EVIDENCE, BROKEN, REBOOTED):
        assert played(one, Bounds(recovers=False))[0] == []


def test_a_park_is_waited_out_and_woken_once() -> None:
    said = decide(PARKED, [], BOUNDS, utc_ms=NOW)
    assert isinstance(said, Later)
    assert 0 <= said.at_utc_ms - PARK.resets_utc_ms <= 60_000  # type: ignore[operator]
    assert isinstance(decide(PARKED, [], BOUNDS, utc_ms=said.at_utc_ms - 1), Later)
    woken = decide(PARKED, [], BOUNDS, utc_ms=said.at_utc_ms)
    assert isinstance(woken, Do) and woken.kind == "wake_from_park"


def test_a_limit_that_is_never_over_ends_with_a_person() -> None:
    acts, last, _ = played(PARKED, Bounds(wakes_max=5))
    assert kinds(acts) == ["wake_from_park"] * 5
    assert isinstance(last, Leave) and "5 times" in last.why


@pytest.mark.parametrize("cause", ["auth", "budget"])
def test_what_only_a_person_can_give_is_not_tried_again(cause: str) -> None:
    one = replace(PARKED, park=replace(PARK, cause=cause))
    acts, last, _ = played(one)
    assert acts == []
    assert isinstance(last, Leave) and "verger supervise resume" in last.why


def test_waking_can_be_declined() -> None:
    acts, last, _ = played(PARKED, Bounds(wakes=False))
    assert acts == [] and isinstance(last, Leave) and "waking is off" in last.why


def test_a_limit_of_a_year_is_not_believed() -> None:
    one = replace(PARKED, park=replace(PARK, resets_utc_ms=NOW + 365 * 86_400_000))
    assert isinstance(decide(one, [], BOUNDS, utc_ms=NOW), Leave)


def test_other_faults_each_time_come_to_an_end_too() -> None:
    past: list[Act] = []
    for number in range(40):
        said = decide(replace(CRASHED, item=f"{number}"), past, BOUNDS, utc_ms=NOW + number)
        if isinstance(said, Leave):
            break
        assert isinstance(said, Do)
        past.append(Act(kind=said.kind, fingerprint=said.fingerprint, at_utc_ms=NOW + number))
    assert len(past) == 20


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    (first, _), _, _ = played(CRASHED)
    later = replace(first, at_utc_ms=NOW + 365 * 86_400_000)
    assert isinstance(decide(CRASHED, [later], BOUNDS, utc_ms=NOW), Do)
    unknown = replace(PARKED, park=replace(PARK, resets_utc_ms=None, since_utc_ms=NOW + 365 * 86_400_000))
    assert isinstance(decide(unknown, [], BOUNDS, utc_ms=NOW), Do)


@given(
    state=st.sampled_from(["execute", "idle", "awaiting_human_gate", "blocked_external", "escalated"]),
    code=st.sampled_from([None, 0, 1, 3, 5, 6, 20, 21, 22, 75, 130, 137, 143]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    trouble=st.sampled_from(["", "disk full"]),
    cause=st.sampled_from([None, *CAUSES]),
    resets=st.sampled_from([None, NOW - 86_400_000, NOW, NOW + 3_600_000]),
    window=st.sampled_from([None, (22 * 60, 7 * 60), (9 * 60, 17 * 60)]),
)
def test_whatever_stays_as_it_is_ends_with_a_person_after_few_acts(
    state: str,
    code: int | None,
    flags: tuple[bool, bool, bool, bool],
    trouble: str,
    cause: str | None,
    resets: int | None,
    window: tuple[int, int] | None,
) -> None:
    one = Situation(
        run_id=RUN,
        item="01",
        state=state,
        exit_code=code,
        is_open=flags[0],
        goes_on=flags[1],
        trouble=trouble,
        park=Park(cause=cause, why="so", resets_utc_ms=resets, since_utc_ms=NOW) if cause else None,  # type: ignore[arg-type]
        is_stopped=flags[2],
        is_rebooted=flags[3],
    )
    acts, _, _ = played(one, Bounds(window=window, wakes_max=6, resumes_after_reboot=True))
    assert len(acts) <= 6
    if state in ("awaiting_human_gate", "escalated") or flags[2]:
        assert acts == []


def test_a_cause_is_known_again_whatever_its_numbers_and_paths() -> None:
    from verger_daemon.rules.causes import Cause

    other = replace(FAILED, trouble="OSError: no room at /var/tmp/y22")
    assert fingerprint(FAILED, Cause.FAILED) == fingerprint(other, Cause.FAILED)
    assert fingerprint(FAILED, Cause.FAILED) != fingerprint(
        replace(FAILED, trouble="OSError: denied"), Cause.FAILED
    )
    assert fingerprint(CRASHED, Cause.CRASHED) != fingerprint(replace(CRASHED, item="02"), Cause.CRASHED)
