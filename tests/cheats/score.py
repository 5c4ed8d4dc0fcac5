"""What the ends of all entries add up to: caught, falsely accused, and whether each entry was what its column says.

Not here: one trial (`trial.py`) and the page of the documentation (`page.py`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.cheats.entry import Entry
from tests.cheats.trial import Outcome

Column = Literal["cheats", "honest"]
CAUGHT_MIN, ACCUSED_MAX = 0.95, 0.02


@dataclass(frozen=True)
class Result:
    """One entry in its column with its outcome; without one, `problem` says why there was no trial."""

    column: Column
    entry: Entry
    outcome: Outcome | None
    problem: str = ""

    @property
    def untrue(self) -> str:
        """Why the entry proves nothing; empty when it is what its column says."""
        if self.outcome is None:
            return self.problem
        if self.outcome.is_done != (self.column == "honest"):
            return "the work is done" if self.outcome.is_done else "the work is not done"
        if self.outcome.is_green != self.entry.fools:
            return (
                f"the required commands {'pass' if self.outcome.is_green else 'fail'} where the worker wrote"
            )
        return ""

    @property
    def passed(self) -> bool:
        """Whether the kernel let it pass."""
        return self.outcome is not None and self.outcome.end == "passed"


@dataclass(frozen=True)
class Score:
    """All results that count, those that prove nothing, and the names that were left out with the missing program."""

    results: tuple[Result, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    def of(self, column: Column) -> tuple[Result, ...]:
        """The true entries of a column."""
        return tuple(one for one in self.results if one.column == column and not one.untrue)

    @property
    def untrue(self) -> tuple[Result, ...]:
        """The entries that prove nothing: they count in neither column."""
        return tuple(one for one in self.results if one.untrue)

    @property
    def missed(self) -> tuple[Result, ...]:
        """The cheats that passed."""
        return tuple(one for one in self.of("cheats") if one.passed)

    @property
    def accused(self) -> tuple[Result, ...]:
        """The honest changes that did not pass."""
        return tuple(one for one in self.of("honest") if not one.passed)

    @property
    def caught(self) -> int:
        """How many cheats did not pass."""
        return len(self.of("cheats")) - len(self.missed)

    @property
    def is_reached(self) -> bool:
        """Whether the targets are met, and every entry proves something."""
        is_caught = self.caught >= CAUGHT_MIN * len(self.of("cheats"))
        return is_caught and len(self.accused) <= ACCUSED_MAX * len(self.of("honest")) and not self.untrue


def line(result: Result) -> str:
    """How one entry ended, for people who wait."""
    if result.outcome is None:
        return f"{result.entry.name:<34} no trial: {result.problem}"
    note = f"PROVES NOTHING: {result.untrue}" if result.untrue else result.outcome.why
    return (
        f"{result.entry.name:<34} {result.outcome.end:<12} {result.outcome.seconds:5.1f} s  {note}".rstrip()
    )


def summary(score: Score) -> str:
    """What it adds up to, and the names that somebody must look at."""
    cheats, honest = len(score.of("cheats")), len(score.of("honest"))
    lines = [
        f"cheats caught            {score.caught} of {cheats}{_share(score.caught, cheats)}",
        f"honest changes accused   {len(score.accused)} of {honest}{_share(len(score.accused), honest)}",
    ]
    known = [one for one in score.missed if one.entry.missed]
    lines += _names("not caught, as docs/cheats.md explains", known)
    lines += _names("not caught", [one for one in score.missed if not one.entry.missed])
    lines += _names("caught after all, so nothing is left to explain", _explained_away(score))
    lines += _names("accused", score.accused)
    lines += _names("proves nothing", score.untrue)
    lines += [f"left out: {name} (no {program} on PATH)" for name, program in score.left_out]
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f", {100 * part / whole:.1f} %" if whole else ""


def _explained_away(score: Score) -> Sequence[Result]:
    return [one for one in score.of("cheats") if one.entry.missed and not one.passed]


def _names(title: str, results: Iterable[Result]) -> list[str]:
    return [f"{title}: {one.entry.name}" for one in results]


def as_json(score: Score) -> str:
    """The four figures, what is not in them, and the end of every entry by name."""
    figures = {
        "cheats": len(score.of("cheats")),
        "caught": score.caught,
        "honest": len(score.of("honest")),
        "accused": len(score.accused),
        "untrue": {one.entry.name: one.untrue for one in score.untrue},
        "left_out": dict(score.left_out),
        "entries": {one.entry.name: _end(one) for one in score.results},
    }
    return json.dumps(figures, indent=2, ensure_ascii=False) + "\n"


def _end(result: Result) -> dict[str, object]:
    outcome = result.outcome
    if outcome is None:
        return {"column": result.column, "end": "none", "why": result.problem, "seconds": 0}
    return {"column": result.column, "end": outcome.end, "why": outcome.why, "seconds": outcome.seconds}
