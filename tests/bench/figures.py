"""A figure with where it comes from, and the two forms in which the bench shows figures: a table and JSON.

Not here: measuring; see `item_figures.py` and `growth_figures.py`.
"""

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


def _load() -> float:
    return round(os.getloadavg()[0], 2)


@dataclass(frozen=True)
class Figure:
    """One number. `value` is None when it could not be counted here; `how` then says why not."""

    name: str
    value: float | None
    unit: str
    how: str
    spread: tuple[float, float] | None = None
    load: float = field(default_factory=_load)


def median(name: str, samples: Sequence[float], unit: str, how: str) -> Figure:
    """The median of `samples`, with the least and the greatest of them."""
    return Figure(
        name, statistics.median(samples), unit, f"{how}; {_times(samples)}", (min(samples), max(samples))
    )


def _times(samples: Sequence[float]) -> str:
    return f"median of {len(samples)}" if len(samples) > 1 else "measured once"


def table(figures: Sequence[Figure]) -> str:
    """The figures for people: a line each, numbers under numbers; `load` is the load average at the time."""
    rows = [("figure", "value", "min", "max", "unit", "load", "how it is counted")]
    for one in figures:
        low, high = (_shown(bound) for bound in one.spread or (None, None))
        rows.append((one.name, _shown(one.value) or "-", low, high, one.unit, f"{one.load:.2f}", one.how))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 1 <= at <= 3 else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"


def as_json(figures: Sequence[Figure], facts: dict[str, object]) -> str:
    """The values by name, then `facts`, then under `details` all else that is known of each figure."""
    values = {one.name: one.value for one in figures}
    details = {
        one.name: {"unit": one.unit, "how": one.how, "load": one.load, "min_max": one.spread}
        for one in figures
    }
    return json.dumps(values | facts | {"details": details}, indent=2) + "\n"
