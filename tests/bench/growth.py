"""`make growth`: prints what a run takes as it grows, a line a size, and writes build/growth.json.

Not here: how it is measured (`growth_rows.py`), and what the curve is made of (docs/performance.md).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.bench.effort import GrowthEffort  # noqa: E402  # the line above finds them
from tests.bench.figures import aligned, facts, shown  # noqa: E402
from tests.bench.growth_rows import Row, rows  # noqa: E402

HEAD = (
    *("items", "files", "seconds", "CPU s", "git", "processes", "disk MiB", "peak MiB", "last/first"),
    *("records", "status s", "doctor s", "resume s", "load", "times"),
)
OF_RUN, OF_ROW = ("wall_s", "cpu_s", "disk_mb"), ("git", "processes")


def main() -> int:
    """The exit code. Progress goes to stderr, a line a size."""
    found = []
    for row in rows(GrowthEffort()):
        found.append(row)
        print(f"{row.size.items} items, {row.size.files} files", file=sys.stderr, flush=True)
    (ROOT / "build" / "growth.json").write_text(as_json(found, facts()), encoding="utf-8")
    print(table(found))
    print(", ".join(f"{name} {value}" for name, value in facts().items()))
    return 0


def table(found: Sequence[Row]) -> str:
    """Whole runs, then what each item after the first took in them."""
    numbers = range(len(HEAD))
    lines = [HEAD, *(_line(row) for row in found)]
    further = [HEAD[:7], *(_further_line(row, more) for row, more in further_items(found))]
    return f"{aligned(lines, numbers)}\n\neach further item:\n{aligned(further, numbers)}"


def _line(row: Row) -> tuple[str, ...]:
    run = row.run
    looks = (
        shown(run.looks[name].wall_s if name in run.looks else None)
        for name in ("status", "doctor", "resume")
    )
    return (
        *(str(row.size.items), str(row.size.files), shown(run.wall_s), shown(run.cpu_s), str(row.git)),
        *(shown(row.processes), shown(run.disk_mb), shown(run.rss_mb), shown(run.last_over_first)),
        *(str(run.records), *looks, shown(run.load), str(row.times)),
    )


def _further_line(row: Row, more: dict[str, float | None]) -> tuple[str, ...]:
    numbers = (shown(more[name]) for name in ("wall_s", "cpu_s", "git", "processes", "disk_mb"))
    return (str(row.size.items), str(row.size.files), *numbers)


def further_items(found: Sequence[Row]) -> Iterator[tuple[Row, dict[str, float | None]]]:
    """What each item after the first took, for every row with a row of one item in an equal repository before it."""
    ones: dict[int, Row] = {}
    for row in found:
        one = ones.setdefault(row.size.files, row)
        if row.size.items > one.size.items:
            yield row, _further(one, row)


def _further(one: Row, row: Row) -> dict[str, float | None]:
    values = [
        {name: getattr(each.run, name) for name in OF_RUN} | {name: getattr(each, name) for name in OF_ROW}
        for each in (one, row)
    ]
    before, after = values
    more = row.size.items - one.size.items
    return {name: None if after[name] is None else (after[name] - before[name]) / more for name in after}


def as_json(found: Sequence[Row], known: dict[str, object]) -> str:
    """Every row with all that is known of it, what further items took beside it, and `known`."""
    further = {row.size: more for row, more in further_items(found)}
    told = [asdict(row) | {"each_further_item": further.get(row.size)} for row in found]
    return json.dumps({"rows": told} | known, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
