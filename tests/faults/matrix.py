"""All trials of all classes: the table that people read, and build/faults.json.

Not here: what is right and wrong; see `row.py`.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

ERRORS = ("said_alive_was_dead", "said_dead_was_alive", "wrong_kills", "missed_kills")
"""What is counted; 0 of each is the target."""

Row = dict[str, Any]
"""A row as a trial printed it."""


def table(rows: Sequence[Row]) -> str:
    """A line a class: its trials, how late its worst was noticed and ended, its errors, and whether all was right."""
    head = (
        f"{'class':<26} {'trials':>6} {'noticed':>8} {'ended':>7}  alive/dead dead/alive wrong missed  right"
    )
    return "\n".join([head, *(_line(name, of) for name, of in _by_class(rows).items()), _sum(rows)])


def as_json(rows: Sequence[Row], facts: dict[str, Any]) -> str:
    """The content of build/faults.json."""
    counted = [row for row in rows if not row["left_out"]]
    found = {"classes": len({row["name"] for row in counted}), "trials": len(counted), **totals(rows)}
    answers = sum(row["answers"] for row in counted)
    return json.dumps(found | {"answers": answers, **facts, "rows": list(rows)}, indent=1) + "\n"


def totals(rows: Iterable[Row]) -> dict[str, int]:
    """The errors of all trials."""
    rows = list(rows)
    return {name: sum(row[name] for row in rows) for name in ERRORS}


def wrong(rows: Iterable[Row]) -> list[str]:
    """Every trial that was not right, in words."""
    return [
        f"{row['name']} {row['trial']}: {row['trouble']}"
        for row in rows
        if not (row["right"] or row["left_out"])
    ]


def _by_class(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row)
    return found


def _line(name: str, rows: list[Row]) -> str:
    if rows[0]["left_out"]:
        return f"{name:<26} not tried: {rows[0]['left_out']}"
    noticed, ended = (_worst(row[key] for row in rows) for key in ("noticed_s", "ended_s"))
    errors = totals(rows)
    right = "yes" if all(row["right"] for row in rows) else "NO"
    counts = "{:>10} {:>10} {:>5} {:>6}".format(*(errors[key] for key in ERRORS))
    return f"{name:<26} {len(rows):>6} {noticed:>8} {ended:>7}  {counts}  {right:<5} {rows[0]['about']}"


def _worst(times: Iterable[float | None]) -> str:
    known = [one for one in times if one is not None]
    return f"{max(known):.2f} s" if known else "-"


def _sum(rows: Sequence[Row]) -> str:
    counted = [row for row in rows if not row["left_out"]]
    errors = ", ".join(f"{name} {count}" for name, count in totals(rows).items())
    return f"{len(_by_class(counted))} classes, {len(counted)} trials: {errors}"
