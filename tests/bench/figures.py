"""A figure with where it comes from, and the two forms in which the bench shows figures: a table and JSON.

Not here: measuring; see `item_figures.py` and `growth_figures.py`.
"""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tests.bench.targets import AT_LEAST, AT_MOST


def load_now() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def facts() -> dict[str, object]:
    """What all figures hang on."""
    said = subprocess.run(("git", "version"), capture_output=True, text=True, check=True).stdout
    return {
        "python": platform.python_version(),
        "git": said.split()[2],
        "load": load_now(),
        "cores": os.cpu_count(),
    }


@dataclass(frozen=True)
class Figure:
    """One number. `value` is None when it could not be counted here; `how` then says why not."""

    name: str
    value: float | None
    unit: str
    how: str
    spread: tuple[float, float] | None = None
    load: float = field(default_factory=load_now)

    @property
    def target(self) -> float | None:
        """What it shall be at most, or at least where more is better."""
        return AT_MOST.get(self.name, AT_LEAST.get(self.name))

    @property
    def met(self) -> bool | None:
        """Whether it is; None with no target, or not counted."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.name in AT_LEAST else self.value <= self.target


def median(name: str, samples: Sequence[float], unit: str, how: str) -> Figure:
    """The median of `samples`, with the least and the greatest of them."""
    return Figure(
        name, statistics.median(samples), unit, f"{how}; {_times(samples)}", (min(samples), max(samples))
    )


def _times(samples: Sequence[float]) -> str:
    return f"median of {len(samples)}" if len(samples) > 1 else "measured once"


def table(figures: Sequence[Figure]) -> str:
    """The figures for people: a line each, numbers under numbers; `load` is the load average at the time."""
    head = ("figure", "value", "min", "max", "target", "unit", "met", "load", "how it is counted")
    return aligned([head, *map(_row, figures)], numbers=range(1, 5))


def _row(one: Figure) -> tuple[str, ...]:
    low, high = one.spread or (None, None)
    numbers = (shown(one.value) or "-", shown(low), shown(high), shown(one.target))
    return one.name, *numbers, one.unit, _MET[one.met], f"{one.load:.2f}", one.how


_MET = {True: "yes", False: "no", None: ""}


def aligned(rows: Sequence[Sequence[str]], numbers: Collection[int]) -> str:
    """Rows as lines with cells under cells; those of the columns `numbers` are pushed to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths, numbers) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], numbers: Collection[int]) -> str:
    cells = [
        cell.rjust(width) if at in numbers else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def shown(value: float | None) -> str:
    """A number in as many digits as tell something; nothing for None."""
    if value is None:
        return ""
    if 0 < abs(value) < 0.1:
        return f"{value:.2g}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"


def as_json(figures: Sequence[Figure], facts: dict[str, object]) -> str:
    """The values by name, then `facts`, then under `details` all else that is known of each figure."""
    values = {one.name: one.value for one in figures}
    details = {one.name: _details(one) for one in figures}
    return json.dumps(values | facts | {"details": details}, indent=2) + "\n"


def _details(one: Figure) -> dict[str, object]:
    return {
        "unit": one.unit,
        "how": one.how,
        "load": one.load,
        "min_max": one.spread,
        "target": one.target,
        "met": one.met,
    }
