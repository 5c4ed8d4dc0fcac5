"""Several trials of one purpose side by side: what failed each time, and what only at times.

Not here: what follows for a command; see `verification.py`.
"""

from collections.abc import Iterable

from verger_kernel.rules.frame import REQUIRED
from verger_kernel.rules.trials import WHOLE, CommandMark, Purpose, TrialMark, Unmade

Trials = tuple[TrialMark, ...]


def tried(trials: Iterable[TrialMark], purpose: Purpose) -> Trials:
    """The trials of the required group with that purpose, in the order they were made."""
    return tuple(one for one in trials if one.group == REQUIRED and one.purpose == purpose)


def numbers(trials: Trials) -> tuple[int, ...]:
    """The commands that were run in any of them, in order."""
    return tuple(sorted({mark.number for trial in trials for mark in trial.commands}))


def marks(trials: Trials, number: int) -> list[CommandMark]:
    """Every mark of one command."""
    return [mark for trial in trials for mark in trial.commands if mark.number == number]


def newest(trials: Trials, number: int) -> CommandMark:
    """The newest mark of one command. Raises IndexError when it was never run."""
    return marks(trials, number)[-1]


def has_passed(trials: Trials, number: int) -> bool:
    """Whether a command passed as a whole in any of them."""
    return any(not mark.failed for mark in marks(trials, number))


def lasting(trials: Trials, number: int) -> frozenset[str]:
    """The cases of a command that failed each time it was run; empty when it never was.

    A trial that failed as a whole says of no case that it passed, nor does one whose runner stopped early.
    """
    seen = marks(trials, number)
    named = [mark for mark in seen if WHOLE not in mark.failed]
    if not named:
        return frozenset({WHOLE}) if seen else frozenset()
    most = max(mark.executed for mark in named)
    telling = (set(mark.failed) for mark in named if not mark.failed or mark.executed == most)
    return frozenset(set.intersection(*telling))


def shaky(trials: Trials, number: int) -> frozenset[str]:
    """The cases of a command that failed at some time and not each time."""
    failed = (mark.failed for mark in marks(trials, number))
    return frozenset(case for cases in failed for case in cases) - lasting(trials, number)


def unmade(trials: Trials) -> tuple[Unmade, ...]:
    """The artifacts that were missing each time: what a flake did not build, the next trial does."""
    missing = [{artifact.path for artifact in trial.unmade} for trial in trials]
    return tuple(one for one in trials[-1].unmade if one.path in set.intersection(*missing)) if trials else ()
