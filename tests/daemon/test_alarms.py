"""The alarm clock of all runs: who rings, when, and how often."""

import asyncio
from collections.abc import Callable

from verger_daemon.alarms import Alarm, Alarms
from verger_probes.identity import boottime_ns

MS = 1_000_000


def test_alarms_of_one_moment_ring_in_one_turn_and_once() -> None:
    async def rung() -> list[str]:
        clock, rings, over = Alarms(), list[str](), asyncio.Event()
        soon_ns = boottime_ns() + 5 * MS
        for name in ("one", "other"):
            Alarm(clock, lambda name=name: rings.append(name)).set(soon_ns)  # type: ignore[misc]
        # Set last and due before them: the timer is for the next one, whoever came first.
        Alarm(clock, lambda: asyncio.get_running_loop().call_soon(rings.append, "turn")).set(soon_ns - MS)
        Alarm(clock, over.set).set(soon_ns + 20 * MS)
        await asyncio.wait_for(over.wait(), 10)
        return rings

    rings = asyncio.run(rung())
    assert sorted(rings) == ["one", "other", "turn"]
    assert abs(rings.index("one") - rings.index("other")) == 1


def test_an_alarm_that_was_set_anew_rings_at_the_later_moment_alone_and_one_set_to_never_not_at_all() -> None:
    async def rung() -> tuple[list[int], int]:
        clock, rings, over = Alarms(), list[int](), asyncio.Event()
        began_ns = boottime_ns()
        moved, never = (
            Alarm(clock, lambda: rings.append(boottime_ns())),
            Alarm(clock, lambda: rings.append(0)),
        )
        moved.set(began_ns + MS)
        moved.set(began_ns + 10 * MS)
        never.set(began_ns + 2 * MS)
        never.set(None)
        Alarm(clock, over.set).set(began_ns + 20 * MS)
        await asyncio.wait_for(over.wait(), 10)
        return rings, began_ns

    rings, began_ns = asyncio.run(rung())
    assert len(rings) == 1
    assert rings[0] - began_ns >= 10 * MS


def test_an_alarm_may_be_set_again_while_it_rings() -> None:
    async def rung() -> int:
        clock, over = Alarms(), asyncio.Event()
        rings = 0

        def ring() -> None:
            nonlocal rings
            rings += 1
            one.set(boottime_ns() + MS) if rings < 3 else over.set()

        one = Alarm(clock, ring)
        one.set(boottime_ns())
        await asyncio.wait_for(over.wait(), 10)
        return rings

    assert asyncio.run(rung()) == 3


def test_an_alarm_whose_call_fails_keeps_no_other_from_ringing() -> None:
    async def rung() -> list[str]:
        clock, over, failed = Alarms(), asyncio.Event(), list[str]()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: failed.append(str(context["exception"]))
        )
        calls: tuple[Callable[[], object], ...] = (lambda: 1 // 0, over.set)
        at_ns = boottime_ns() + MS
        for call in calls:
            Alarm(clock, call).set(at_ns)  # type: ignore[arg-type]
        await asyncio.wait_for(over.wait(), 10)
        return failed

    assert asyncio.run(rung()) == ["integer division or modulo by zero"]
