"""The power goes at every record of a run, and with it all that was not synced; resume, and the same end."""

import shutil
from functools import cache
from pathlib import Path

import pytest
from tests.doubles.powerless_kernel import lose
from tests.doubles.stories import Place, Story, ending_of, undisturbed
from tests.doubles.sweeps import swept

from verger_kernel.disk.store import load
from verger_kernel.rules.chain import read
from verger_kernel.rules.lasting import lasts

STORY = Story(items="01,02")
"""An item that passes at once, then one that needs a fix round: every stage but gate and evidence."""
NUMBERS = range(1, 35)


@cache
def _records() -> int:
    return undisturbed(STORY).records


def test_the_story_has_the_records_that_are_swept() -> None:
    assert _records() == NUMBERS.stop


def cut(place: Place, number: int, spared: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Runs the story until the power goes after record `number`; what was lost, by name. Luck saves the `spared`."""
    notes = place.root / "notes"
    ended = place.powerless(notes, number, "first", *STORY.argv)
    assert ended.returncode == -9, ended.stderr
    return lose_power(place, notes, spared)


def lose_power(place: Place, notes: Path, spared: tuple[str, ...]) -> tuple[str, ...]:
    """Takes away what was not synced; says what, by name."""
    lost: tuple[str, ...] = ()
    for folder in place.runs():
        lost += lose(folder.root, notes, spared)
        # What agents and trials write is never synced.
        shutil.rmtree(folder.verify, ignore_errors=True)
        for tree in folder.worktrees.glob("*"):
            spoil(tree)
        shutil.rmtree(place.repository / ".git" / "refs" / "verger", ignore_errors=True)
    return lost


def spoil(tree: Path) -> None:
    """Leaves every other file of a worktree empty, and its `.git` without a HEAD."""
    for number, path in enumerate(sorted(tree.rglob("*"))):
        if path.is_file() and not path.is_symlink() and (number % 2 or path.name == "HEAD"):
            path.write_bytes(b"")


LUCK = ((), ("journal.jsonl",), ("run_state.json",), ("journal.jsonl", "run_state.json"))


# Each kind of luck is in the short form.
@pytest.mark.parametrize(
    ("number", "spared"),
    swept([(number, LUCK[number % len(LUCK)]) for number in NUMBERS if number > 1], every=54),
)
def test_a_run_whose_machine_lost_its_power_ends_as_if_undisturbed(
    tmp_path: Path, number: int, spared: tuple[str, ...]
) -> None:
    place = STORY.build(tmp_path)
    cut(place, number, spared)
    resumed = place.powerless(tmp_path / "notes", 0, "second", "resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    found, expected = ending_of(place), undisturbed(STORY)
    assert found.story == expected.story
    assert found.agent_calls <= expected.agent_calls + 2
    assert found.left_behind == ()
    assert place.verger("doctor", "latest").returncode == 0


@pytest.mark.sweep
@pytest.mark.parametrize("number", range(1, 12))
def test_what_a_killed_kernel_had_not_synced_yet_is_synced_by_the_next(tmp_path: Path, number: int) -> None:
    place, notes = STORY.build(tmp_path), tmp_path / "notes"
    # The first item's trial is on record, and the kernel dies alone; the next one goes on until the power goes.
    assert place.powerless(notes, 9, "first", *STORY.argv).returncode == -9
    assert place.powerless(notes, number, "first", "resume", "latest").returncode == -9
    lose_power(place, notes, ("journal.jsonl",) if number % 2 else ())
    resumed = place.powerless(notes, 0, "second", "resume", "latest")
    assert resumed.returncode == 0, resumed.stderr
    assert ending_of(place).story == undisturbed(STORY).story
    assert place.verger("doctor", "latest").returncode == 0


def test_what_lasts_is_there_and_what_does_not_is_told(tmp_path: Path) -> None:
    place = STORY.build(tmp_path)
    # The first item's worker has answered, and the trial after it.
    lost = cut(place, 8)
    assert {"journal.jsonl", "run_state.json"} <= set(lost)
    (folder,) = place.runs()
    told = read(folder.journal.read_bytes()).records
    assert lasts(told[-1].event)
    assert load(folder).state.journal_seq == len(told)
    assert list(folder.attempt("01", 1).root.glob("answers/worker.*"))
