"""What test files lost between two versions: tests, assertions, and tests that run no longer.

Not here: counting in one file; see `text.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verger_kernel.rules.surface.counts import Counts
from verger_kernel.rules.surface.text import count

Pair = tuple[int, int]


class Losses(NamedTuple):
    """The sums before and after of tests, assertions and skips; and per file what was lost, skipped and left out."""

    totals: tuple[Pair, Pair, Pair]
    weakened: tuple[str, ...]
    skipped: tuple[str, ...]
    excluded: tuple[str, ...]


class _File(NamedTuple):
    path: str
    is_known: bool
    old: Counts
    new: Counts


def losses(files: Iterable[tuple[str, bytes | None, bytes | None]]) -> Losses:
    """What the test files lost: each is a path with its contents before and after.

    What one file lost and another gained in the same words has moved, and is no loss.
    """
    read = [_File(path, old is not None, count(path, old), count(path, new)) for path, old, new in files]
    return Losses(
        totals=(
            (_sum(file.old.tests for file in read), _sum(file.new.tests for file in read)),
            (_sum(file.old.assertions for file in read), _sum(file.new.assertions for file in read)),
            (_sum(file.old.skips for file in read), _sum(file.new.skips for file in read)),
        ),
        weakened=tuple(_weakened(read)),
        skipped=tuple(_gained(read, "skips")),
        excluded=tuple(_gained(read, "excluded")),
    )


def _sum(counters: Iterable[Counter[str]]) -> int:
    return sum(counter.total() for counter in counters)


def _weakened(files: list[_File]) -> Iterator[str]:
    for noun in ("tests", "assertions"):
        moved = _moved(files, noun)
        for file in files:
            before, after = getattr(file.old, noun), getattr(file.new, noun)
            missing = before.total() - after.total()
            if missing > 0 and missing > _taken(moved, before - after):
                yield f"{file.path}: {before.total()} {noun}, {after.total()} now"
    for file in files:
        before, after = file.old.skips.total(), file.new.skips.total()
        if file.is_known and after > before:
            yield f"{file.path}: {before} skips, {after} now"


def _moved(files: list[_File], noun: str) -> Counter[str]:
    """What some file gained."""
    moved: Counter[str] = Counter()
    for file in files:
        moved += getattr(file.new, noun) - getattr(file.old, noun)
    return moved


def _taken(moved: Counter[str], lost: Counter[str]) -> int:
    found = moved & lost
    moved.subtract(found)
    return found.total()


def _gained(files: list[_File], noun: str) -> Iterator[str]:
    """What stands in a file and did not, and did not stand in another one that lost it."""
    lost: Counter[str] = Counter()
    for file in files:
        lost += getattr(file.old, noun) - getattr(file.new, noun)
    for file in files:
        gained = getattr(file.new, noun) - getattr(file.old, noun)
        gained -= _part(lost, gained)
        yield from (f"{file.path}: {text}" for text in sorted(gained) if _counts(file, noun, text))


def _part(lost: Counter[str], gained: Counter[str]) -> Counter[str]:
    found = lost & gained
    lost.subtract(found)
    return found


def _counts(file: _File, noun: str, text: str) -> bool:
    if noun != "excluded":
        return True
    if text.endswith("__test__ = False"):
        # A class that only looks like a test is marked so by honest hands.
        return file.new.tests.total() < file.old.tests.total()
    return file.is_known or not text.startswith("build tags")
