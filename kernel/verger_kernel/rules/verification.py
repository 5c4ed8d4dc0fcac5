"""What trials prove together: verdicts, red grade and findings.

Not here: which trial is still missing (`doubts.py`), what one trial observed (`trials.py`), what the change did to
the tests (`surface/`), and what follows from a verdict (`verifying.py`).
"""

from typing import Literal, get_args

import msgspec

from verger_kernel.rules import shortfalls
from verger_kernel.rules.attempts import (
    Trials,
    has_passed,
    lasting,
    marks,
    newest,
    numbers,
    shaky,
    tried,
    unmade,
)
from verger_kernel.rules.findings import Finding, merge
from verger_kernel.rules.frame import SUGGESTED, FlakeRules
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, TrialMark, is_red_by_exit

Verdict = Literal["pass", "fail", "flaky_pass", "base_broken"]
Outcome = Literal["pass", "partial", "flaky_pass", "base_broken", "fail"]
RedGrade = Literal["by_test", "by_collection", "by_exit"]

ENDED = ("pass", "fail")
"""The statuses of a command that ended by itself."""


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a verification must show of one item.

    `red` asks for a failure without the change; `held_out` says that test surface nobody approved was changed;
    `may_shrink` that all of it that was changed or deleted had been approved. `shared` are commands that other items
    require too. `known` is what the base showed when it was the result of an earlier item.
    """

    suggested: bool
    red: bool
    held_out: bool
    may_shrink: bool
    shared: tuple[str, ...]
    flakes: FlakeRules
    known: TrialMark | None


class CommandVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all trials say of one required command; `cases` are to blame, or flaky, or broken on the base."""

    number: int
    command: str
    verdict: Verdict
    attempts: int
    cases: tuple[str, ...]


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the trials prove. `red_grade` is empty when no red was asked for or none was shown.

    `final` are findings that no triage can wave through; `dismissible` are the others, held-out cases among them.
    """

    outcome: Outcome
    verdicts: tuple[CommandVerdict, ...]
    red_grade: RedGrade | Literal[""]
    final: tuple[Finding, ...]
    dismissible: tuple[Finding, ...]


def judge(need: Need, trials: Trials) -> Judgement:
    """What `trials` prove so far; final once `next_trial` asks for none."""
    greens = tried(trials, "green")
    verdicts = verdicts_of(need, trials)
    failed = [one for one in verdicts if one.verdict == "fail"]
    final = [shortfalls.failed(newest(greens, one.number), one.cases) for one in failed]
    final += [shortfalls.unmade(artifact) for artifact in unmade(greens)]
    fewer = _fewer(need, trials)
    grade = red_grade(trials)
    if need.red and tried(trials, "red") and not grade and not failed:
        final.append(shortfalls.not_red(greens[-1]))
    flaky = (one for one in verdicts if one.verdict == "flaky_pass")
    dismissible = [shortfalls.flaky(one.number, one.command, one.attempts, one.cases) for one in flaky]
    dismissible += _held_out(need, trials) + _suggested(trials)
    (dismissible if need.may_shrink else final).extend(fewer)
    return Judgement(
        outcome=_outcome(need, trials, verdicts, final=bool(final), dismissible=bool(dismissible)),
        verdicts=verdicts,
        red_grade=grade,
        final=merge(final),
        dismissible=merge(dismissible),
    )


def verdicts_of(need: Need, trials: Trials) -> tuple[CommandVerdict, ...]:
    """The verdict on each required command, in order."""
    return tuple(_verdict(need, trials, number) for number in numbers(tried(trials, "green")))


def _verdict(need: Need, trials: Trials, number: int) -> CommandVerdict:
    greens = tried(trials, "green")
    cases = lasting(greens, number)
    verdict: Verdict = "pass"
    if cases:
        fresh = cases - lasting(bases_of(need, trials), number)
        broken = not fresh and _is_broken_there(need, trials, number, cases)
        verdict, cases = ("base_broken", cases) if broken else ("fail", fresh or cases)
    elif flaky := shaky(greens, number):
        verdict, cases = "flaky_pass", flaky
    return CommandVerdict(
        number=number,
        command=newest(greens, number).command,
        verdict=verdict,
        attempts=len(marks(greens, number)),
        cases=tuple(sorted(cases)),
    )


def _is_broken_there(need: Need, trials: Trials, number: int, cases: frozenset[str]) -> bool:
    """Whether what fails on the base as well is the base's fault, and not the very thing that the item must mend."""
    if number == SETUP:
        return True
    if WHOLE in cases:
        return may_be_broken(need, newest(tried(trials, "green"), number).command)
    # An item that must turn red into green did so for other cases: those that are left were broken before.
    others = lasting(bases_of(need, trials), number) - cases
    return not need.red or bool(others) or red_grade(trials) in ("by_test", "by_collection")


def _fewer(need: Need, trials: Trials) -> list[Finding]:
    """Commands whose runner reports fewer cases than with the base's tests, or nothing where it reported there."""
    greens = tried(trials, "green")
    before = (*bases_of(need, trials), *tried(trials, "held-out"))
    found = []
    for number in numbers(greens):
        there = max((mark.executed for mark in marks(before, number)), default=0)
        here = max(mark.executed for mark in marks(greens, number))
        if here < there and not lasting(greens, number):
            mark = newest(greens, number)
            found.append(shortfalls.fewer(mark, here, there, is_blocking=not need.may_shrink))
    return found


def _held_out(need: Need, trials: Trials) -> list[Finding]:
    held, bases = tried(trials, "held-out"), bases_of(need, trials)
    cases = {number: lasting(held, number) - lasting(bases, number) for number in numbers(held)}
    return [shortfalls.held_out(newest(held, number), names) for number, names in cases.items() if names]


def _suggested(trials: Trials) -> list[Finding]:
    groups = (one for one in trials if one.group == SUGGESTED)
    return [shortfalls.suggested(mark) for one in groups for mark in one.commands if mark.failed]


def red_grade(trials: Trials) -> RedGrade | Literal[""]:
    """The strongest way in which a command failed in every red trial."""
    reds, greens = tried(trials, "red"), tried(trials, "green")
    grades = {
        _grade_of(marks(reds, number), marks(greens, number)) for number in numbers(reds) if number != SETUP
    }
    return next((grade for grade in get_args(RedGrade) if grade in grades), "")


def _grade_of(reds: list[CommandMark], greens: list[CommandMark]) -> RedGrade | Literal[""]:
    ended = [mark for mark in reds if mark.status in ENDED]
    if not ended:
        return ""
    if set.intersection(*(set(mark.turned) for mark in ended)):
        return "by_test"
    if set.intersection(*(set(mark.vanished) for mark in ended)):
        return "by_collection"
    # A runner that can say which case failed must say it: its bare exit code would be the weaker word.
    reports = any(mark.runner for mark in greens)
    return "by_exit" if not reports and all(is_red_by_exit(mark) for mark in ended) else ""


def _outcome(
    need: Need, trials: Trials, verdicts: tuple[CommandVerdict, ...], *, final: bool, dismissible: bool
) -> Outcome:
    if any(one.verdict == "base_broken" for one in verdicts):
        return "base_broken"
    if final:
        return "fail"
    if not flakes_accepted(need, trials):
        return "flaky_pass"
    return "partial" if dismissible else "pass"


def bases_of(need: Need, trials: Trials) -> Trials:
    """The trials of the base, or what is known of it from an earlier item."""
    return tried(trials, "base") or ((need.known,) if need.known else ())


def flakes_accepted(need: Need, trials: Trials) -> bool:
    """Whether the policy lets every flake of the result through."""
    greens = tried(trials, "green")
    return all(_is_accepted(need.flakes, greens, number) for number in numbers(greens))


def _is_accepted(flakes: FlakeRules, greens: Trials, number: int) -> bool:
    if shaky(greens, number) <= set(flakes.quarantined):
        return True
    # Cases whose names change from run to run never fail twice: the command must have passed for once.
    trusted = flakes.accepted or newest(greens, number).command in flakes.quarantined
    return trusted and has_passed(greens, number)


def may_be_broken(need: Need, command: str) -> bool:
    """Whether the base can be to blame for a command that fails there too, without naming cases."""
    # A command of this item alone may well be what its change must make pass.
    return not need.red and command in need.shared
