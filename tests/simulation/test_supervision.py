"""Thousands of drawn stories of a kernel and its watch, and what may be said at every instant of them.

Not here: the world they play in, and what goes wrong in it; see tests/doubles/watched_run.py and watched_faults.py.

The first number in a failed test's name is that of its block of seeds; the note under the failure replays the one story
that failed: `Schedule(seed, FAULTS).run()`.
"""

from collections import Counter

import pytest
from tests.doubles.sweeps import swept
from tests.doubles.watched_faults import FAULTS
from tests.doubles.watched_run import Faults, Schedule

BLOCK = 50
BLOCKS = 200
HONEST_BLOCKS = 20


def told(block: int, faults: Faults) -> Counter[str]:
    """The tally of a block of stories, each of which was true at every instant."""
    tally = Counter[str]()
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        schedule = Schedule(seed, faults)
        try:
            tally += schedule.run()
        except Exception as error:
            name = "FAULTS" if faults else "{}"
            error.add_note(f"replay: Schedule({seed}, {name}).run(), which said: {dict(schedule.tally)}")
            raise
    return tally


@pytest.mark.parametrize("block", swept(range(BLOCKS), every=100))
def test_nothing_is_said_to_live_without_a_true_and_fresh_answer(block: int) -> None:
    tally = told(block, FAULTS)
    assert tally["said_alive_was_dead"] == 0
    assert tally["live"] > tally["judged"] / 3
    assert tally["live"] < tally["judged"]


@pytest.mark.parametrize("block", swept(range(HONEST_BLOCKS), every=20))
def test_a_kernel_that_nothing_happens_to_is_said_to_live_from_its_first_answer_on(block: int) -> None:
    tally = told(block, {})
    assert tally["said_dead_was_alive"] == 0
    # Resting, starting and at work: nothing else is announced, and each claim once.
    assert tally["Announce"] == 3 * BLOCK
    assert tally["ended_live"] == BLOCK


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_one_fault_again_and_again_is_survived_too(name: str) -> None:
    tally = Counter[str]()
    for seed in (1, 2):
        tally += Schedule(seed, {name: FAULTS[name]}).run()
    assert tally[f"fault {name}"] > 0
    assert tally["said_alive_was_dead"] == 0
