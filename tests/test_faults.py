"""Claims are judged against the truth as `make faults` says, and three classes of faults are tried.

Not here: the other classes; see `faults/corpus.py`.
"""

from dataclasses import replace
from math import inf
from pathlib import Path

import msgspec
import pytest
from tests.faults.corpus import CLASSES, SHORT
from tests.faults.judging import (
    LATEST_S,
    TOO_LONG_S,
    Answer,
    Life,
    Span,
    Truth,
    changes,
    noticed_s,
    said_alive_was_dead,
    said_dead_was_alive,
)
from tests.faults.matrix import table, totals, wrong
from tests.faults.row import encoded
from tests.faults.scene import Scene
from tests.faults.trial import tried

LIVE, UNPROVEN = "live_attached", "attachment_unproven"
AT_WORK = (Life(7, 0.0, 100.0),)


def asked(*claims: tuple[float, float, str]) -> list[Answer]:
    """Answers ten times a second, from an instant to another."""
    found = []
    for from_s, until_s, claim in claims:
        count = round((until_s - from_s) * 10)
        found += [Answer(from_s + n / 10, from_s + n / 10 + 0.01, claim, 0) for n in range(count)]
    return found


@pytest.mark.parametrize(("late_s", "lies"), [(LATEST_S - 0.05, 0), (LATEST_S + 0.15, 1)])
def test_alive_may_be_said_for_an_interval_and_a_deadline_after_the_last_answer_and_no_longer(late_s, lies):
    truth = Truth(AT_WORK, mute=(Span(20.0, 30.0),))
    said = asked((10, 20 + late_s, LIVE), (20 + late_s, 30, UNPROVEN), (30, 40, LIVE))
    assert len(said_alive_was_dead(said, truth)) == lies


def test_alive_is_a_lie_after_the_end_of_a_kernel_and_where_its_files_are_not_what_it_saved():
    said = asked((100, 110, LIVE))
    assert len(said_alive_was_dead(said, Truth(AT_WORK))) > 80
    said = asked((40, 50, LIVE))
    assert len(said_alive_was_dead(said, Truth(AT_WORK, doubtful=(Span(40, 50),)))) > 80


def test_what_is_asked_while_it_is_dead_and_answered_once_it_lives_again_is_no_lie():
    truth = Truth(AT_WORK, mute=(Span(20.0, 30.0),))
    assert said_alive_was_dead([Answer(29.9, 30.1, LIVE, 0)], truth) == []


@pytest.mark.parametrize(("claim", "slanders"), [(UNPROVEN, 1), ("", 1), (LIVE, 0)])
def test_a_healthy_kernel_may_not_be_said_to_be_anything_else_for_two_intervals(claim, slanders):
    said = asked((10, 20, LIVE), (20, 20 + TOO_LONG_S + 0.5, claim), (23, 30, LIVE))
    assert len(said_dead_was_alive(said, Truth(AT_WORK))) == slanders
    short = asked((10, 20, LIVE), (20, 20 + TOO_LONG_S - 0.5, claim), (22, 30, LIVE))
    assert said_dead_was_alive(short, Truth(AT_WORK)) == []


@pytest.mark.parametrize("why", ["mute", "deaf", "doubtful"])
def test_nobody_is_slandered_who_cannot_answer_or_whose_daemon_cannot(why):
    truth = Truth(AT_WORK, **{why: (Span(20.0, 30.0),)})
    assert said_dead_was_alive(asked((20, 30, UNPROVEN)), truth) == []


def test_the_claims_that_changed_are_told_and_how_late_the_first_was():
    said = asked((10, 21, LIVE), (21, 30, UNPROVEN))
    assert [one.claim for one in changes(said)] == [LIVE, UNPROVEN]
    assert noticed_s(said, 20.0) == pytest.approx(1.01)
    assert noticed_s(said, inf) is None


@pytest.mark.parametrize("name", SHORT)
def test_nothing_wrong_is_said_or_done_about_the_fault(name, tmp_path: Path):
    row = tried(CLASSES[name], tmp_path / "root")
    assert row.right, row


def test_a_wrong_and_a_missed_kill_are_seen_and_counted(tmp_path: Path):
    # What is ended for its memory should have been ended for its time: so the one is wrong, and the other is missing.
    row = tried(replace(CLASSES["many_small"], demands="timeout"), tmp_path / "root")
    found = [msgspec.json.decode(encoded(row))]
    assert totals(found) == dict.fromkeys(totals([]), 0) | {"wrong_kills": 1, "missed_kills": 1}
    assert "ended for another reason: memory" in wrong(found)[0]
    assert " NO " in table(found)


def stopped_for_a_while(scene: Scene) -> None:
    with scene.mute(), scene.stopped(scene.kernel()):
        scene.watch(LATEST_S + 1.5)
    scene.release()


@pytest.mark.sweep
def test_a_daemon_that_believes_an_answer_for_too_long_is_caught(tmp_path: Path):
    believes = replace(
        CLASSES["kernel_stopped"],
        play=stopped_for_a_while,
        prepare=lambda _: {"VERGERD_PROBE_INTERVAL_MS": "4000"},
    )
    row = tried(believes, tmp_path / "root")
    assert row.said_alive_was_dead > 10
    assert (row.said_dead_was_alive, row.wrong_kills, row.missed_kills) == (0, 0, 0)
