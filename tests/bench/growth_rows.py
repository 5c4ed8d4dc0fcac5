"""What a run takes as its items, its repository and its journal grow: one row for each size.

Not here: the sizes (`effort.py`), the table (`growth.py`), and equal items side by side (`growth_figures.py`).
"""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from tests.bench.counting import NotCounted, git_counter, process_counter
from tests.bench.disk import used_bytes
from tests.bench.effort import GrowthEffort, Size
from tests.bench.figures import load_now
from tests.bench.growth_figures import MIB, NOTHING_REMEMBERED
from tests.bench.workshop import Finished, Shape, Workshop, workshop

_Timed = TypeVar("_Timed", Finished, "Carried")
_LOOKS = {"status": ("status",), "doctor": ("doctor", "latest"), "resume": ("resume", "latest")}


@dataclass(frozen=True)
class Look:
    """A whole process that finds a run as it ended: the median of a few, with nothing remembered of the one before."""

    wall_s: float
    cpu_s: float
    rss_mb: float


@dataclass(frozen=True)
class Carried:
    """One run of a size, from its start to its end. `cpu_s` is with every child, `rss_mb` of the largest process.

    `last_over_first` is the time of an item in the last tenth over one in the first, None for few. The `resume` among
    the `looks` opens the run as for the next item and finds none left.
    """

    wall_s: float
    cpu_s: float
    rss_mb: float
    disk_mb: float
    records: int
    last_over_first: float | None
    looks: dict[str, Look]
    load: float


@dataclass(frozen=True)
class Row:
    """The run of a size that is the median of all, with the processes of another, and the least and greatest time.

    `how` says how all processes were counted, or why not.
    """

    size: Size
    times: int
    run: Carried
    min_max_s: tuple[float, float]
    git: int
    processes: int | None
    how: str


def rows(effort: GrowthEffort) -> Iterator[Row]:
    """A row for each size, each told as soon as it is there; those that are measured several times take turns."""
    runs = {size: [carried(size, effort)] for size in effort.sizes if not effort.is_long(size)}
    for _ in range(effort.times - 1):
        for size, found in runs.items():
            found.append(carried(size, effort))
    for size in effort.sizes:
        yield _row(size, runs[size] if size in runs else [carried(size, effort)])


def carried(size: Size, effort: GrowthEffort) -> Carried:
    """Carries all items of a size, then looks at the run."""
    with _workshop(size) as made:
        git = made.repository / ".git"
        before = used_bytes(git)
        chain = made.timed(made.chain())
        disk_mb = (used_bytes(made.state, git) - before) / MIB
        load = load_now()
        (journal,) = made.state.glob("verger/*/runs/*/journal.jsonl")
        records = journal.read_bytes().count(b"\n")
        looks = {name: _look(made, name, effort) for name in _LOOKS}
    own = (chain.wall_s, chain.cpu_s, chain.rss_mb, disk_mb)
    return Carried(*own, records, _last_over_first(chain), looks, load)


def _workshop(size: Size) -> AbstractContextManager[Workshop]:
    return workshop(Shape(items=size.items, tracked=size.files))


def _look(made: Workshop, name: str, effort: GrowthEffort) -> Look:
    words = made.kernel(*_LOOKS[name])
    found = [made.timed(words, XDG_CACHE_HOME=NOTHING_REMEMBERED) for _ in range(effort.looks)]
    middle = _middle(found)
    return Look(middle.wall_s, middle.cpu_s, middle.rss_mb)


def _middle(found: "Sequence[_Timed]") -> "_Timed":
    return sorted(found, key=lambda one: one.wall_s)[len(found) // 2]


def _last_over_first(chain: Finished) -> float | None:
    passed = [line.at_s for line in chain.lines if line.text.endswith("  passed")]
    gaps = [after - before for before, after in pairwise(passed)]
    tenth = len(gaps) // 10
    return statistics.median(gaps[-tenth:]) / statistics.median(gaps[:tenth]) if tenth else None


def _row(size: Size, runs: Sequence[Carried]) -> Row:
    walls = [one.wall_s for one in runs]
    return Row(size, len(runs), _middle(runs), (min(walls), max(walls)), *_counted(size))


def _counted(size: Size) -> tuple[int, int | None, str]:
    """The git processes and all processes of a run of their own, which nobody times, and how they were counted."""
    with _workshop(size) as made:
        git = git_counter(made.root)
        try:
            counter = process_counter(made.root)
        except NotCounted as reason:
            made.timed(made.chain(), git.folder)
            return git.count(), None, f"not counted: {reason}"
        made.timed((*counter.prefix, *made.chain()), git.folder)
        return git.count(), counter.count(), counter.how
