"""`make kills`: random SIGKILLs of daemons and kernels while runs are carried; each must end as if there had been none.

Not here: one run; see `killing.py`. `--seed` draws the same kills again, `--kills` is how many there are; the result is
printed and written to build/kills.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.faults.killing import Course, course, drawn  # noqa: E402  # the line above finds them

EACH = 7
"""Kills that one run is threatened with: more come to what one cause may be recovered from in a day."""


def main(words: list[str]) -> int:
    """The exit code: 0 when nothing is wrong."""
    asked = argparse.ArgumentParser(prog="make kills")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--kills", type=int, default=200)
    chosen = asked.parse_args(words)
    found = shot(chosen.seed, chosen.kills)
    place = ROOT / "build" / "kills.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(", ".join(f"{name} {value}" for name, value in found.items() if name != "rows"))
    return int(is_wrong(found))


def shot(seed: int, kills: int) -> dict[str, Any]:
    """What `kills` kills came to, with a row a run."""
    _, wanted = one(seed, 0, 0)
    rows: list[Course] = []
    while killed(rows) < kills:
        row, end = one(seed, len(rows) + 1, min(EACH, kills - killed(rows)))
        if end != wanted and not row.other_end:
            row.other_end = f"{end}, and not: {wanted}"
        rows.append(row)
        print(f"run {row.number}: {row.killed}, {row.seconds} s {row.other_end}", file=sys.stderr, flush=True)
    return {
        "seed": seed,
        "runs": len(rows),
        "kills": killed(rows),
        "kills_of_daemons": sum(row.killed["daemon"] for row in rows),
        "kills_of_kernels": sum(row.killed["kernel"] for row in rows),
        "orphans": sum(row.orphans for row in rows),
        "doubled_kernels": sum(row.doubled_kernels for row in rows),
        "fallen_daemons": sum(row.fallen_daemons for row in rows),
        "not_resumed": sum(row.not_resumed for row in rows),
        "other_ends": sum(bool(row.other_end) for row in rows),
        "resumed_by_daemons": sum(row.resumed for row in rows),
        "resumed_by_hand": sum(row.by_hand for row in rows),
        "undisturbed_end": wanted,
        "rows": [msgspec.to_builtins(row) for row in rows],
    }


def one(seed: int, number: int, count: int) -> tuple[Course, str]:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="verger-kills-") as folder:
        return course(Path(folder) / "root", number, drawn(seed, number, count))


def killed(rows: list[Course]) -> int:
    """How many processes were killed."""
    return sum(sum(row.killed.values()) for row in rows)


def is_wrong(found: dict[str, Any]) -> bool:
    """Whether anything is that must not be."""
    return any(
        found[name] for name in ("orphans", "doubled_kernels", "fallen_daemons", "not_resumed", "other_ends")
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
