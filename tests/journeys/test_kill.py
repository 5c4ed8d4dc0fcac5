"""SIGKILL at every journal record of a run, resume, and the same end; the short form of the crash sweep."""

from functools import cache
from pathlib import Path

import pytest
from tests.doubles.stories import Story, ending_of, undisturbed
from tests.doubles.sweeps import swept

STORY = Story(items="01,02")
"""An item that passes at once, then one that needs a fix round: every stage but gate and evidence."""


@cache
def _records() -> int:
    return undisturbed(STORY).records


def _numbers() -> range:
    # Collection must know the number before any test ran; the story is deterministic but for the lanes' order.
    return range(1, 35)


def test_the_story_has_the_records_that_are_swept() -> None:
    assert _records() == _numbers().stop


@pytest.mark.parametrize(
    ("number", "when"),
    swept([(number, when) for number in _numbers() for when in ("after", "before")], every=100),
)
def test_w1_w18_a_run_killed_at_any_record_and_resumed_ends_as_if_undisturbed(
    tmp_path: Path, number: int, when: str
) -> None:
    place = STORY.build(tmp_path)
    killed = place.killed_at(number, when, *STORY.argv)
    assert killed.returncode == -9
    resumed = place.resume_or_run(STORY)
    assert resumed.returncode == 0, resumed.stderr
    found = ending_of(place)
    expected = undisturbed(STORY)
    assert found.story == expected.story
    assert expected.agent_calls <= found.agent_calls <= expected.agent_calls + 2
    assert found.left_behind == ()
