"""Which limit is broken first, and what is work and what only idling."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules import limits
from verger_kernel.rules.limits import Breach, Limits, Meter, Usage, breach, evidence, in_words

LIMITS = Limits(
    runtime_s_max=10,
    first_output_s_max=3,
    silence_s_max=5,
    output_bytes_max=100,
    memory_bytes_max=1000,
    processes_max=7,
    disk_free_bytes_min=50,
)
IDLE = {"since_output_s": 5, "since_cpu_s": 5, "since_write_s": 5, "first_output_s": 1}
FULL = {
    "runtime_s": 10,
    "output_bytes": 100,
    "memory_bytes": 1000,
    "processes": 7,
    "disk_free_bytes": 50,
    **IDLE,
}


def usage(**changed: float | None) -> Usage:
    """All limits used up exactly, but for what is `changed`."""
    return Usage(**{**FULL, **changed})  # type: ignore[arg-type]  # each name is a field of Usage


def test_what_uses_exactly_its_limits_keeps_them() -> None:
    assert breach(LIMITS, usage()) is None


@pytest.mark.parametrize(
    ("changed", "limit", "used", "allowed"),
    [
        ({"runtime_s": 10.5}, "timeout", 10, 10),
        ({"since_output_s": 5.1, "since_cpu_s": 5.2, "since_write_s": 5.3}, "silence", 5, 5),
        ({"output_bytes": 101}, "output", 101, 100),
        ({"memory_bytes": 1001}, "memory", 1001, 1000),
        ({"processes": 8}, "processes", 8, 7),
        ({"disk_free_bytes": 49}, "disk", 49, 50),
        ({"first_output_s": None, "since_cpu_s": 3.5}, "first_output", 3, 3),
    ],
)
def test_each_limit_is_named_with_what_was_used_and_seen(
    changed: dict[str, float | None], limit: str, used: int, allowed: int
) -> None:
    seen = usage(**changed)
    assert breach(LIMITS, seen) == Breach(limit=limit, used=used, allowed=allowed, evidence=evidence(seen))


def test_of_several_the_one_that_harms_the_machine_is_named() -> None:
    everything = usage(runtime_s=99, memory_bytes=9999, output_bytes=9999, since_cpu_s=99)
    found = breach(LIMITS, everything)
    assert found and found.limit == "memory"


@pytest.mark.parametrize("sign", ["since_output_s", "since_cpu_s", "since_write_s"])
@pytest.mark.parametrize("first_output_s", [None, 1.0])
def test_one_sign_of_life_is_enough(sign: str, first_output_s: float | None) -> None:
    dead = {"since_output_s": 99, "since_cpu_s": 99, "since_write_s": 99, "first_output_s": first_output_s}
    assert breach(LIMITS, usage(**dead))
    assert breach(LIMITS, usage(**{**dead, sign: 0.5})) is None


def test_a_command_may_be_quiet_from_the_start_and_a_disk_that_nobody_could_ask_is_not_full() -> None:
    lenient = Limits(
        runtime_s_max=10, silence_s_max=5, output_bytes_max=1, memory_bytes_max=1, disk_free_bytes_min=50
    )
    assert breach(lenient, Usage(since_output_s=4, since_cpu_s=4, since_write_s=4)) is None
    assert (lenient.quiet_s_max, LIMITS.quiet_s_max) == (5, 3)


def test_the_evidence_is_told_in_one_line() -> None:
    seen = usage(
        runtime_s=1900.7,
        cpu_s=3.9,
        since_cpu_s=1801.2,
        written_bytes=64,
        since_write_s=1850,
        memory_bytes=3 << 20,
    )
    assert in_words(evidence(seen)) == (
        "seen in 1900 s: 100 bytes of output, the first after 1 s and the last 5 s ago; 3 s of CPU, the last 1801 s "
        "ago; 64 bytes written, the last 1850 s ago; 3 MiB in 7 processes"
    )
    assert in_words(evidence(usage(first_output_s=None))).startswith("seen in 10 s: no output; ")


Look = Callable[[Meter, float, float, float], Meter]
METERS: dict[str, tuple[Look, float]] = {
    "cpu": (limits.used_cpu, limits.CPU_IDLE_SHARE),
    "writes": (
        lambda meter, now_s, total, stretch_s: limits.wrote(meter, now_s, int(total), stretch_s),
        64.0,
    ),
}
Gaps = st.lists(st.floats(0.05, 200), min_size=1, max_size=60)
Stretches = st.floats(0.25, 60)


@pytest.mark.parametrize("kind", METERS)
@given(gaps=Gaps, stretch_s=Stretches, share=st.floats(0, 0.99))
def test_what_only_idles_is_never_active_however_one_looks(
    kind: str, gaps: list[float], stretch_s: float, share: float
) -> None:
    look, idle_per_s = METERS[kind]
    meter, now_s = limits.started(0), 0.0
    for gap in gaps:
        now_s += gap
        meter = look(meter, now_s, share * idle_per_s * now_s, stretch_s)
    assert meter.active_s == 0


@pytest.mark.parametrize("kind", METERS)
@given(gaps=Gaps, stretch_s=Stretches, share=st.floats(2.1, 100))
def test_what_works_is_seen_within_two_stretches_however_one_looks(
    kind: str, gaps: list[float], stretch_s: float, share: float
) -> None:
    look, idle_per_s = METERS[kind]
    # So much at least that the trifle of one tick is passed in a stretch, too.
    per_s = share * max(idle_per_s, limits.CPU_TICK_S / stretch_s if kind == "cpu" else 1)
    meter, now_s = limits.started(0), 0.0
    for gap in gaps:
        now_s += gap
        meter = look(meter, now_s, per_s * now_s, stretch_s)
        assert now_s - meter.active_s <= max(2 * stretch_s, gap)


@pytest.mark.parametrize("kind", METERS)
@given(
    looks=st.lists(st.tuples(st.floats(0.05, 200), st.floats(0, 1e6)), min_size=1, max_size=60),
    stretch_s=Stretches,
)
def test_the_time_of_the_last_activity_never_goes_back_and_is_a_look(
    kind: str, looks: list[tuple[float, float]], stretch_s: float
) -> None:
    look, _ = METERS[kind]
    meter, now_s, total, times = limits.started(0), 0.0, 0.0, {0.0}
    for gap, more in looks:
        now_s, total = now_s + gap, total + more
        times.add(now_s)
        before, meter = meter, look(meter, now_s, total, stretch_s)
        assert before.active_s <= meter.active_s <= now_s
        assert meter.active_s in times


def test_a_burst_after_a_night_of_idling_is_seen_at_once() -> None:
    meter, now_s = limits.started(0), 0.0
    for _ in range(2000):
        now_s += 1
        meter = limits.used_cpu(meter, now_s, now_s * 0.005, 60)
    assert meter.active_s == 0
    assert limits.used_cpu(meter, now_s + 1, now_s * 0.005 + 0.95, 60).active_s == now_s + 1


def test_one_tick_of_the_system_is_no_work_however_short_the_stretch() -> None:
    assert limits.used_cpu(limits.started(0), 0.25, 0.01, 0.25).active_s == 0
    assert limits.used_cpu(limits.started(0), 0.25, 0.02, 0.25).active_s == 0.25
