"""What is seen in a report's place while its agent runs decides whether the last answer counts.

Not here: that a real lane which does this is named; see tests/journeys/test_hostile_lanes.py.
"""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from tests.doubles.tasks import task, written

from verger_kernel.agents.outcome import Outcome, Unanswered, outcome
from verger_kernel.agents.sightings import Sightings
from verger_kernel.rules.packs import TaskSpecification


@pytest.fixture
def asked(tmp_path: Path) -> TaskSpecification:
    return task("audit", report_path=str(tmp_path / "report.json"))


def put(asked: TaskSpecification, data: bytes) -> None:
    """Puts a report in place as an agent does: beside it, then renamed."""
    part = Path(asked.report_path + ".part")
    part.write_bytes(data)
    part.rename(asked.report_path)


def judged(seen: Sightings, ended_s: float = float("inf")) -> Outcome:
    found = outcome(seen.task, seen.place, exit_code=0, breach=None, start_error="")
    return seen.judged(found, ended_s)


def watched(asked: TaskSpecification, act: Callable[[Sightings], Awaitable[None]]) -> Sightings:
    """What was seen while `act` went on."""
    seen = Sightings(asked, Path(asked.report_path))

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(seen.keep_looking)
            await act(seen)
            group.cancel_scope.cancel()

    anyio.run(both)
    return seen


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.01)


def test_one_answer_before_the_end_counts(asked: TaskSpecification) -> None:
    async def act(seen: Sightings) -> None:
        put(asked, written(asked))
        await until(lambda: bool(seen._answers))

    seen = watched(asked, act)
    assert judged(seen) == outcome(asked, seen.place, exit_code=0, breach=None, start_error="")


def test_an_answer_that_nobody_looked_at_in_time_counts(asked: TaskSpecification) -> None:
    seen = Sightings(asked, Path(asked.report_path))
    put(asked, written(asked))
    assert not isinstance(judged(seen, time.monotonic()), Unanswered)


@pytest.mark.parametrize("same", [True, False])
def test_of_two_answers_none_counts_unless_they_say_the_same(asked: TaskSpecification, same: bool) -> None:
    first = written(asked, summary="done" if same else "not done")

    async def act(seen: Sightings) -> None:
        put(asked, first + b" \n")
        await until(lambda: bool(seen._answers))
        put(asked, written(asked))

    found = judged(watched(asked, act))
    assert isinstance(found, Unanswered) is not same
    if isinstance(found, Unanswered):
        assert (found.kind, found.why.partition(":")[0]) == ("malformed", "the report answers twice")


def test_a_report_that_grows_while_it_is_written_is_one_answer(asked: TaskSpecification) -> None:
    data = written(asked)

    async def act(seen: Sightings) -> None:
        with seen.place.open("wb", buffering=0) as file:
            file.write(data[:40])
            looked = seen._looked_s
            await until(lambda: seen._looked_s > looked)
            file.write(data[40:])
        await until(lambda: bool(seen._answers))

    assert not isinstance(judged(watched(asked, act)), Unanswered)


def test_a_report_that_comes_after_the_end_is_late_and_does_not_count(asked: TaskSpecification) -> None:
    ended: list[float] = []

    async def act(seen: Sightings) -> None:
        ended.append(time.monotonic())
        await until(lambda: seen._looked_s > ended[0])
        put(asked, written(asked))

    found = judged(watched(asked, act), ended[0])
    assert isinstance(found, Unanswered) and found.why.startswith("the report is late")


def test_a_clock_that_is_set_blames_nobody(asked: TaskSpecification) -> None:
    async def act(seen: Sightings) -> None:
        put(asked, written(asked))
        os.utime(asked.report_path, (time.time() + 9999, time.time() + 9999))
        await until(lambda: bool(seen._answers))
        ended.append(time.monotonic())
        await until(lambda: seen._looked_s > ended[0])

    ended: list[float] = []
    seen = watched(asked, act)
    assert not isinstance(judged(seen, ended[0]), Unanswered)
