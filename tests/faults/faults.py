"""`make faults`: tries every class of faults on real programs, prints the matrix, writes build/faults.json.

Not here: the classes (`corpus.py`) and a trial (`trial.py`). `--trials N` tries each N times, 3 unless told; named
classes are tried alone, and then nothing is written.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.faults.corpus import CLASSES  # noqa: E402  # the line above finds them
from tests.faults.matrix import as_json, table, totals, wrong  # noqa: E402

TRIAL = Path(__file__).with_name("trial.py")
TRIAL_S_MAX = 120


def main(words: list[str]) -> int:
    """The exit code: 0 when every claim and every act was right."""
    asked = argparse.ArgumentParser(prog="make faults")
    asked.add_argument("--trials", type=int, default=3)
    asked.add_argument("classes", nargs="*", choices=[[], *CLASSES], metavar="CLASS")
    chosen = asked.parse_args(words)
    rows = []
    for name in chosen.classes or CLASSES:
        for number in range(1, chosen.trials + 1):
            rows.append(tried(name) | {"trial": number})
            said = rows[-1]["left_out"] or ("right" if rows[-1]["right"] else f"WRONG: {rows[-1]['trouble']}")
            print(f"{name} {number}: {said}", file=sys.stderr, flush=True)
    print(table(rows))
    print("\n".join(wrong(rows)))
    if not chosen.classes:
        place = ROOT / "build" / "faults.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(as_json(rows, facts()), encoding="utf-8")
    return int(any(totals(rows).values()) or bool(wrong(rows)))


def tried(name: str) -> dict[str, Any]:
    """The row of one trial, which has a process and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="verger-fault-") as folder:
        words = ("timeout", str(TRIAL_S_MAX), sys.executable, "-P", str(TRIAL), name, f"{folder}/root")
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        row: dict[str, Any] = json.loads(lines[-1])
        return row
    last = (done.stderr.strip().splitlines() or [""])[-1]
    trouble = f"the trial itself ended with {done.returncode}: {last}"
    nothing = {"noticed_s": None, "ended_s": None, "answers": 0, "left_out": "", "right": False}
    return {"name": name, "about": CLASSES[name].about, "trouble": trouble, **nothing, **totals([])}


def facts() -> dict[str, Any]:
    """On what machine this was."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
