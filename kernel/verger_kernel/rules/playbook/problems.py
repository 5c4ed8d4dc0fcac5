"""What is wrong with a playbook, said so that its author can mend it.

Not here: finding it; see `playbook.py` and its neighbours.
"""

from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to mend.

    `line` counts from 1 and is 0 for the whole file; `column` is the table column, empty for none;
    `value` is quoted and shortened, empty when there is nothing to quote; `mend` is a whole sentence.
    """

    line: int
    column: str
    value: str
    why: str
    mend: str


class PlaybookRefused(Exception):
    """A text that is no valid playbook, with everything that is wrong with it, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"the playbook has {len(problems)} problem{'s' if len(problems) != 1 else ''}")
        self.problems = problems


def file_problem(why: str, mend: str, *, line: int = 0) -> Problem:
    """A problem of the file as a whole, or of one line that belongs to no column."""
    return Problem(line=line, column="", value="", why=why, mend=mend)


def render_problems(problems: Iterable[Problem]) -> list[str]:
    """One line for each problem: where, what, why, and what to write instead."""
    return [_rendered(problem) for problem in problems]


def _rendered(problem: Problem) -> str:
    where = f"line {problem.line}" if problem.line else "the file"
    if problem.column:
        where += f", column {problem.column}"
    what = f"{problem.value} {problem.why}" if problem.value else problem.why
    return f"{where}: {what}. {problem.mend}"
