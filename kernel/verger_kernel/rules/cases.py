"""What a test runner reported about one command: its cases by name, and those that it only counted.

Not here: how a report or an output is read, see `runners/`; what a comparison of two reports decides.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from verger_kernel.rules.pattern import lazy

Grade = Literal["failed", "skipped", "passed"]
Case = tuple[str, Grade]

UNNAMED = "(unnamed)"
NAME_MAX = 400
UNNAMED_MAX = 1000
"""Failed cases that were only counted get a name each, this many at most: the number may be a lie."""
_GRADES: tuple[Grade, ...] = ("failed", "skipped", "passed")
_CONTROL = lazy(r"[\s\x00-\x1f\x7f]+")
_ABSOLUTE = lazy(r"(?<![\w./:…-])/(?:[^/\s'\":,;()\[\]]{1,255}/)+")
_ADDRESS = lazy(r"\b0x[0-9a-fA-F]{6,16}\b")


class CaseReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one command's runner reported.

    Names are sorted and without repeats; a name is the same in every run of the same command on the same tree.
    """

    runner: str
    """pytest, unittest, node, jest, vitest, go, cargo, junit or tap."""
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    """Skipped, ignored, left for later, or expected to fail."""
    broken: tuple[str, ...]
    """Files, modules or packages that could not be collected, imported or compiled."""
    passed_unnamed: int
    """Passed cases that the runner only counted."""
    skipped_unnamed: int

    @property
    def executed(self) -> int:
        """How many cases really ran: passed and failed, skips left out."""
        return len(self.passed) + self.passed_unnamed + len(self.failed)


def case_report(
    runner: str,
    cases: Iterable[Case],
    broken: Iterable[str] = (),
    *,
    passed_unnamed: int = 0,
    skipped_unnamed: int = 0,
) -> CaseReport:
    """A report of these cases, in any order. Of several cases with one name the worst bears it; the rest get ` #2`."""
    named: dict[Grade, list[str]] = {grade: [] for grade in _GRADES}
    for name, grade in cases:
        named[grade].append(stable_name(name) or UNNAMED)
    taken: set[str] = set()
    last: dict[str, int] = {}
    unique = {grade: tuple(sorted(_unique(named[grade], taken, last))) for grade in _GRADES}
    return CaseReport(
        runner=runner,
        passed=unique["passed"],
        failed=unique["failed"],
        skipped=unique["skipped"],
        broken=tuple(sorted({stable_name(one) or UNNAMED for one in broken})),
        passed_unnamed=passed_unnamed,
        skipped_unnamed=skipped_unnamed,
    )


def counted_report(
    runner: str,
    cases: Sequence[Case],
    broken: Iterable[str] = (),
    *,
    passed: int,
    failed: int,
    skipped: int,
) -> CaseReport:
    """A report whose numbers are the runner's own; names found in the text are kept as far as they agree.

    More passed or skipped names than the runner counted: somebody else printed some, so none is believed.
    More failed names: the last ones are kept, for runners repeat failures at the end.
    """
    named = {grade: [name for name, one in cases if one == grade] for grade in _GRADES}
    fallen = named["failed"][max(0, len(named["failed"]) - failed) :]
    fallen += [UNNAMED] * min(failed - len(fallen), UNNAMED_MAX)
    stood = named["passed"] if len(named["passed"]) <= passed else []
    left = named["skipped"] if len(named["skipped"]) <= skipped else []
    return case_report(
        runner,
        [
            *((name, "failed") for name in fallen),
            *((name, "passed") for name in stood),
            *((name, "skipped") for name in left),
        ],
        broken,
        passed_unnamed=passed - len(stood),
        skipped_unnamed=skipped - len(left),
    )


def stable_name(name: str) -> str:
    """A name in one line, without what differs between two runs: the folders of an absolute path, an address in memory.

    A name longer than NAME_MAX ends with a digest of the whole.
    """
    text = _CONTROL.sub(" ", name.encode("utf-8", "replace").decode()).strip()
    text = _ADDRESS.sub("0x…", _ABSOLUTE.sub("…/", text))
    if len(text) <= NAME_MAX:
        return text
    return f"{text[:NAME_MAX]}… {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _unique(names: Iterable[str], taken: set[str], last: dict[str, int]) -> Iterable[str]:
    # Sorted, so that the order in which parallel workers reported changes nothing.
    for name in sorted(names):
        candidate = name
        while candidate in taken:
            last[name] = last.get(name, 1) + 1
            candidate = f"{name} #{last[name]}"
        taken.add(candidate)
        yield candidate
