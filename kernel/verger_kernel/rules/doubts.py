"""Which trial a verification still lacks: what tells a failure from a flake, and what a result that passes must show.

Not here: what the trials prove; see `verification.py`.
"""

import msgspec

from verger_kernel.rules.attempts import Trials, has_passed, lasting, marks, newest, numbers, tried, unmade
from verger_kernel.rules.frame import REQUIRED, SUGGESTED
from verger_kernel.rules.runners import runner_of
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, Purpose
from verger_kernel.rules.verification import (
    ENDED,
    Need,
    bases_of,
    flakes_accepted,
    judge,
    may_be_broken,
    red_grade,
    verdicts_of,
)

_LIMITED_TRIES = 2
"""A command that broke a limit is tried once more: each try may cost the whole limit."""
_RED_TRIES = 4
"""How often the red must show itself: a case that fails every fifth time looks red four times in a row once in 625."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """The trial to make."""

    group: str
    purpose: Purpose
    nth: int


def next_trial(need: Need, trials: Trials) -> Next | None:
    """The trial that is missing, or None when what is there decides."""
    if not tried(trials, "green"):
        return Next(group=REQUIRED, purpose="green", nth=1)
    # Whether a failure is the result's comes first: what fails need not be proved further.
    purpose = _doubt("green", need, trials) or _alibi(need, trials) or _proof(need, trials)
    if purpose:
        return Next(group=REQUIRED, purpose=purpose, nth=len(tried(trials, purpose)) + 1)
    asked = any(one.group == SUGGESTED for one in trials)
    if need.suggested and not asked and judge(need, trials).outcome in ("pass", "partial"):
        return Next(group=SUGGESTED, purpose="green", nth=1)
    return None


def _doubt(purpose: Purpose, need: Need, trials: Trials) -> Purpose | None:
    """The trial that tells a failure from a flake and from a broken base; None when nothing fails or all is told."""
    there = tried(trials, purpose)
    failing = [number for number in numbers(there) if not has_passed(there, number)]
    if any(len(there) < _tries_max(need, newest(there, number)) for number in failing):
        return purpose
    # Of a failure the base must speak now: what it showed hours ago says nothing of an outage.
    bases = tried(trials, "base")
    failed = {number: cases for number in failing if (cases := lasting(there, number))}
    told = (
        not _matters(need, there, number) or _is_told(need, bases, number, cases)
        for number, cases in failed.items()
    )
    return None if all(told) else "base"


def _tries_max(need: Need, mark: CommandMark) -> int:
    if mark.status == "not_started":
        return 1
    tries = 1 + need.flakes.reruns
    return tries if mark.status in ENDED else min(_LIMITED_TRIES, tries)


def _matters(need: Need, there: Trials, number: int) -> bool:
    """Whether it can change the verdict on a command that the base fails as well."""
    held_out = there[0].purpose == "held-out"
    whole = WHOLE in lasting(there, number) and number != SETUP
    return held_out or not whole or may_be_broken(need, newest(there, number).command)


def _is_told(need: Need, bases: Trials, number: int, cases: frozenset[str]) -> bool:
    """Whether no further trial of the base could still tell whose failure `cases` are."""
    failed = lasting(bases, number)
    passes = bool(marks(bases, number)) and not failed & {WHOLE, *cases}
    return passes or not _may_run_again(need, bases, number)


def _may_run_again(need: Need, trials: Trials, number: int) -> bool:
    # Where the setup failed, no command ran.
    seen = marks(trials, number) or marks(trials, SETUP)
    return not seen or len(trials) < _tries_max(need, seen[-1])


def _alibi(need: Need, trials: Trials) -> Purpose | None:
    """In an item that must turn red into green, the trial that tells its own red from what the base had broken."""
    failed = [one for one in verdicts_of(need, trials) if one.verdict == "fail"]
    bases = tried(trials, "base")
    known = all(set(one.cases) <= lasting(bases, one.number) for one in failed)
    return "red" if need.red and failed and known and _wants_red(need, trials) else None


def _proof(need: Need, trials: Trials) -> Purpose | None:
    """What a result whose commands pass must still show."""
    greens = tried(trials, "green")
    failing = any(lasting(greens, number) for number in numbers(greens)) or unmade(greens)
    if failing or not flakes_accepted(need, trials):
        return None
    # How many tests there should be, only the base can tell.
    counting = (mark.number for mark in greens[-1].commands if mark.runner or runner_of(mark.command))
    if any(_is_uncounted(need, trials, number) for number in counting):
        return "base"
    if need.held_out:
        purpose = _doubt("held-out", need, trials) if tried(trials, "held-out") else "held-out"
        if purpose:
            return purpose
    return "red" if need.red and _wants_red(need, trials) else None


def _is_uncounted(need: Need, trials: Trials, number: int) -> bool:
    if any(mark.status in ENDED for mark in marks(bases_of(need, trials), number)):
        return False
    return _may_run_again(need, tried(trials, "base"), number)


def _wants_red(need: Need, trials: Trials) -> bool:
    reds = tried(trials, "red")
    if not reds:
        return True
    # What broke a limit, or could not be set up, has shown neither red nor green.
    cut_short = (
        mark
        for mark in reds[-1].commands
        if mark.status not in ENDED or (mark.number == SETUP and mark.failed)
    )
    if any(len(reds) < _tries_max(need, mark) for mark in cut_short):
        return True
    # A flake can look red: what fails by itself is asked again, what cannot be compiled is not.
    shown = min(_RED_TRIES, 1 + need.flakes.reruns)
    return len(reds) < shown and red_grade(trials) in ("by_test", "by_exit")
