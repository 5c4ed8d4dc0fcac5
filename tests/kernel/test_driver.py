"""The loop of a run: nothing is done before it is on record, and nothing is written after a failure.

Not here: what follows from an event (tests/kernel/rules) and whole runs (tests/journeys).
"""

import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from tests.doubles.walk import facts, frame, good_answer

from verger_kernel.disk import store
from verger_kernel.disk.durable import Unsynced
from verger_kernel.disk.journal import JournalBroken, read_journal
from verger_kernel.disk.layout import StateFolder
from verger_kernel.driver import Driver, Interrupted, Tell
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules.now import Now
from verger_kernel.rules.saved import encode
from verger_kernel.rules.state import Idle, RunState
from verger_kernel.runs import OpenRun, create
from verger_probes.exits import Exit
from verger_probes.locks import LockReplaced

Hand = Callable[[f.Effect], Awaitable[e.Event]]
BEGIN = e.InvocationStarted(invocation="one", pid=1, start_ticks=1, request=e.Request(kind="run"), swept=0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenRun]:
    """A run of one item that was created and not begun."""
    run = create(StateFolder(tmp_path), frame(facts("01")), e.Request(kind="run", items=("01",)), {})
    yield run
    run.close()


async def well(effect: f.Effect) -> e.Event:
    """What the world says when all is well."""
    return good_answer(effect)


def driver_of(run: OpenRun, hand: Hand, steps: list[tuple[e.Event, RunState]] | None = None) -> Driver:
    """A driver whose effects are done by `hand`, and which tells its steps to `steps`."""

    async def perform(effect: f.Effect, tell: Tell) -> e.Event:
        if isinstance(effect, f.RunWorker | f.Audit):
            await tell(e.AgentStarted(effect=effect.id, agent="agent", session="", files=""))
        return await hand(effect)

    def watch(_before: RunState, event: e.Event, after: RunState, _now: Now) -> None:
        assert run.folder.run_state.read_bytes() == encode(after)
        if steps is not None:
            steps.append((event, after))

    unsynced = Unsynced(run.folder.root)
    return Driver(run.folder, run.run_lock, run.journal, run.state, unsynced, perform, watch)


def test_a_run_is_driven_until_nothing_is_left_and_its_files_tell_the_same(opened: OpenRun) -> None:
    steps: list[tuple[e.Event, RunState]] = []
    driver = driver_of(opened, well, steps)
    anyio.run(driver.drive, BEGIN)
    assert isinstance(driver.state.stage, Idle)
    assert [entry.item for entry in driver.state.passed] == ["01"]
    reading = read_journal(opened.folder.journal)
    assert [record.event for record in reading.records[1:]] == [event for event, _ in steps]
    assert store.load(opened.folder).state == driver.state == steps[-1][1]


def test_nothing_is_done_before_it_is_on_record(opened: OpenRun) -> None:
    async def hand(effect: f.Effect) -> e.Event:
        loaded = store.load(opened.folder)
        assert loaded.redone == 0
        assert effect in loaded.state.outstanding
        assert effect in store.read_saved(opened.folder.run_state).outstanding
        return good_answer(effect)

    anyio.run(driver_of(opened, hand).drive, BEGIN)


def test_w28_both_lanes_are_at_work_at_the_same_time(opened: OpenRun) -> None:
    arrived = {"a": anyio.Event(), "b": anyio.Event()}

    async def hand(effect: f.Effect) -> e.Event:
        if isinstance(effect, f.Audit):
            arrived[effect.lane].set()
            with anyio.fail_after(20):
                await arrived["b" if effect.lane == "a" else "a"].wait()
        return good_answer(effect)

    driver = driver_of(opened, hand)
    anyio.run(driver.drive, BEGIN)
    assert driver.state.passed


def spoiled_in_audit(spoil: Callable[[], object], ended: list[str]) -> Hand:
    """Lane a answers after `spoil`; lane b works until it is ended, and says so."""
    at_work = anyio.Event()

    async def hand(effect: f.Effect) -> e.Event:
        if isinstance(effect, f.Audit) and effect.lane == "b":
            try:
                at_work.set()
                await anyio.sleep_forever()
            finally:
                ended.append("b")
        if isinstance(effect, f.Audit):
            await at_work.wait()
            spoil()
        return good_answer(effect)

    return hand


def test_w17_after_a_failed_append_nothing_more_is_written_and_the_other_lane_is_ended(
    opened: OpenRun,
) -> None:
    ended: list[str] = []
    full = os.open("/dev/full", os.O_WRONLY)

    before = {}

    def spoil() -> None:
        os.dup2(full, opened.journal._descriptor)
        before.update(state=opened.folder.run_state.read_bytes(), journal=opened.folder.journal.read_bytes())

    with pytest.raises(JournalBroken, match="No space left"):
        anyio.run(driver_of(opened, spoiled_in_audit(spoil, ended)).drive, BEGIN)
    os.close(full)
    assert ended == ["b"]
    assert opened.folder.run_state.read_bytes() == before["state"]
    assert opened.folder.journal.read_bytes() == before["journal"]
    assert len(store.load(opened.folder).state.outstanding) == 2


def test_w17_a_state_that_cannot_be_saved_stops_the_run_and_is_made_again_from_the_journal(
    opened: OpenRun,
) -> None:
    ended: list[str] = []
    state = opened.folder.run_state

    def spoil() -> None:
        state.unlink()
        (state / "in the way").mkdir(parents=True)

    driver = driver_of(opened, spoiled_in_audit(spoil, ended))
    with pytest.raises(OSError, match="cannot write record"):
        anyio.run(driver.drive, BEGIN)
    assert ended == ["b"]
    (state / "in the way").rmdir()
    state.rmdir()
    loaded = store.load(opened.folder)
    assert isinstance(read_journal(opened.folder.journal).records[-1].event, e.AuditReturned)
    assert loaded.state == driver.state
    store.settle(opened.folder, loaded)
    assert state.read_bytes() == encode(driver.state)


@pytest.mark.parametrize("replace", [False, True], ids=["removed", "replaced"])
def test_w16_a_lock_that_was_taken_away_stops_the_run_before_the_next_record(
    opened: OpenRun, replace: bool
) -> None:
    ended: list[str] = []
    before = {}

    def spoil() -> None:
        opened.folder.run_lock.unlink()
        if replace:
            opened.folder.run_lock.touch()
        before.update(state=opened.folder.run_state.read_bytes(), journal=opened.folder.journal.read_bytes())

    with pytest.raises(LockReplaced):
        anyio.run(driver_of(opened, spoiled_in_audit(spoil, ended)).drive, BEGIN)
    assert ended == ["b"]
    assert opened.folder.run_state.read_bytes() == before["state"]
    assert opened.folder.journal.read_bytes() == before["journal"]


def test_a_defect_of_one_hand_ends_the_other_and_is_told_as_itself(opened: OpenRun) -> None:
    ended: list[str] = []

    def fail() -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        anyio.run(driver_of(opened, spoiled_in_audit(fail, ended)).drive, BEGIN)
    assert ended == ["b"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_lanes_and_a_second_one_does_not_disturb_that(
    opened: OpenRun, number: signal.Signals
) -> None:
    ended: list[str] = []

    async def hand(effect: f.Effect) -> e.Event:
        if not isinstance(effect, f.Audit):
            return good_answer(effect)
        try:
            if effect.lane == "a":
                os.kill(os.getpid(), number)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                os.kill(os.getpid(), number)
                await anyio.to_thread.run_sync(ended.append, effect.lane)
        raise AssertionError("nobody wakes it")

    driver = driver_of(opened, hand)
    with pytest.raises(Interrupted) as caught:
        anyio.run(driver.drive, BEGIN)
    assert caught.value.number == number
    assert sorted(ended) == ["a", "b"]
    assert len(store.load(opened.folder).state.outstanding) == 2


def test_who_leaves_says_so_and_keeps_what_is_left_to_do(opened: OpenRun) -> None:
    async def failing(effect: f.Effect) -> e.Event:
        return e.EffectFailed(effect=effect.id, what="OSError: no room")

    async def whole(driver: Driver) -> None:
        await driver.drive(BEGIN)
        await driver.leave(Exit.ENVIRONMENT)

    driver = driver_of(opened, failing)
    anyio.run(whole, driver)
    state = store.load(opened.folder).state
    assert (state.trouble, state.invocation, len(state.outstanding)) == ("OSError: no room", "", 1)
    (left,) = [
        record.event
        for record in read_journal(opened.folder.journal).records
        if isinstance(record.event, e.InvocationEnded)
    ]
    assert (left.invocation, left.code) == (driver.invocation, 6)
