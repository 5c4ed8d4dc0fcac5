"""Trials side by side: what failed each time, what only at times, and what a trial cannot tell.

Not here: what follows for a command; see test_verification.py.
"""

import pytest
from tests.doubles.marks import command, exits, greens, trial

from verger_kernel.rules.attempts import has_passed, lasting, marks, newest, numbers, shaky, tried, unmade
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, Unmade

TIMES: list[tuple[str, list[CommandMark], set[str], set[str]]] = [
    ("never run", [], set(), set()),
    ("passed", [command()], set(), set()),
    ("failed once", [command("a")], {"a"}, set()),
    ("failed twice", [command("a"), command("a")], {"a"}, set()),
    ("failed and passed", [command("a"), command()], set(), {"a"}),
    ("passed and failed", [command(), command("a")], set(), {"a"}),
    ("one lasts, one does not", [command("a", "b"), command("a", "c")], {"a"}, {"b", "c"}),
    ("each time another", [command("a"), command("b")], set(), {"a", "b"}),
    ("as a whole", [exits("fail"), exits("fail")], {WHOLE}, set()),
    ("as a whole, then not", [exits("fail"), exits()], set(), {WHOLE}),
    ("a timeout vouches for nothing", [command("a"), exits("timeout", executed=12)], {"a"}, {WHOLE}),
    (
        "a runner that stopped early vouches for nothing",
        [command("b", executed=2), command("a")],
        {"a"},
        {"b"},
    ),
    (
        "a runner that collected nothing vouches for nothing",
        [command("f", executed=0), command("a")],
        {"a"},
        {"f"},
    ),
    ("a pass vouches for all, however many it counted", [command("a"), command(executed=3)], set(), {"a"}),
]


@pytest.mark.parametrize(
    ("seen", "always", "sometimes"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES]
)
def test_what_lasts_failed_in_every_trial_that_can_tell(
    seen: list[CommandMark], always: set[str], sometimes: set[str]
) -> None:
    assert lasting(greens(*seen), 1) == always
    assert shaky(greens(*seen), 1) == sometimes


def test_a_command_has_passed_when_it_once_passed_as_a_whole() -> None:
    assert has_passed(greens(command("a"), command()), 1)
    assert not has_passed(greens(command("a"), command("b")), 1)
    assert not has_passed((), 1)


def test_only_trials_of_the_required_group_and_of_the_purpose_are_compared() -> None:
    green, base = trial(), trial(purpose="base")
    suggested = trial(group="suggested")
    assert tried((green, base, suggested), "green") == (green,)
    assert tried((green, base, suggested), "red") == ()


def test_each_command_is_looked_at_for_itself() -> None:
    first = trial(exits(number=SETUP), command("a"), command("b", number=2))
    second = trial(exits("fail", number=SETUP))
    assert numbers((second, first)) == (SETUP, 1, 2)
    assert [mark.status for mark in marks((first, second), SETUP)] == ["pass", "fail"]
    assert newest((first, second), 1) == command("a")
    assert lasting((first, second), 2) == {"b"}
    with pytest.raises(IndexError):
        newest((first,), 3)


def test_an_artifact_that_one_trial_made_is_made() -> None:
    missing = Unmade(path="build/a", why="does not exist")
    both = (missing, Unmade(path="docs/b", why="does not exist"))
    assert unmade(()) == ()
    assert unmade((trial(unmade=both), trial(unmade=both))) == both
    assert unmade((trial(unmade=both), trial(unmade=(missing,)))) == (missing,)
    assert unmade((trial(), trial(unmade=both))) == ()
