"""`make escapes`: tries to get out of the sandbox, from agents and from commands; prints what became of each attempt.

The real codex and claude make them, too, where `make test-agents` installed them and REAL_AGENTS_IN says so.
Not here: the attempts (`corpus.py`) and how one is tried (`trial.py`). Named attempts are tried alone, and then nothing
is written; else build/escapes.json holds `attempts`, `escaped` and the table.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.doubles.model_agents import KEYS, REAL  # noqa: E402  # the line above finds them
from tests.escapes.attempt import Attempt  # noqa: E402
from tests.escapes.corpus import ATTEMPTS  # noqa: E402
from tests.escapes.trial import Row, tried  # noqa: E402

TOGETHER = 2
BY_NAME = {attempt.name: attempt for attempt in ATTEMPTS}


def main(words: list[str]) -> int:
    """The exit code: 0 when nothing escaped and each attempt was shown to be a real one, or why it cannot be."""
    if unknown := sorted({*words} - {*BY_NAME}):
        print(f"error: no such attempt: {', '.join(unknown)}; hint: docs/sandbox.md", file=sys.stderr)
        return 2
    chosen = [BY_NAME[name] for name in words] or list(ATTEMPTS)
    rows = []
    with ThreadPoolExecutor(TOGETHER) as pool:
        for row in pool.map(_row, [(attempt, by) for attempt in chosen for by in everybody(attempt)]):
            print(line(row), flush=True)
            rows.append(row)
    print(summary(rows))
    if not words:
        place = ROOT / "build" / "escapes.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(as_json(rows), encoding="utf-8")
    return int(any(is_wrong(row) for row in rows))


def everybody(attempt: Attempt) -> tuple[str, ...]:
    """Those that can make the attempt here."""
    return (*attempt.by, *KEYS) if REAL and "agent" in attempt.by else attempt.by


def _row(pair: tuple[Attempt, str]) -> Row:
    return tried(*pair)


def line(row: Row) -> str:
    """One row for people."""
    shown = "proved" if row.proves else BY_NAME[row.name].unproved or "NOT PROVED"
    return f"{row.name:<22} {row.by:<8} {row.verdict:<8} {shown}" + (f"; {row.why}" if row.why else "")


def is_wrong(row: Row) -> bool:
    """Whether somebody must look at it: it got out, was never made, or nothing shows that it could have."""
    return row.verdict in ("escaped", "untried") or not (row.proves or BY_NAME[row.name].unproved)


def summary(rows: list[Row]) -> str:
    """What it adds up to."""
    counts = {
        verdict: sum(row.verdict == verdict for row in rows)
        for verdict in ("blocked", "noticed", "escaped", "untried")
    }
    attempts = len({row.name for row in rows})
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    proved = f"{sum(row.proves for row in rows)} of {len(rows)} proved to be real"
    made = sum(row.by in KEYS and row.verdict != "untried" for row in rows)
    by_real = f"; {made} seen to be made by codex or claude" if made else ""
    return f"{attempts} attempts, {len(rows)} tries: {words}; {proved}{by_real}"


def as_json(rows: list[Row]) -> str:
    """The figures and the table."""
    figures = {
        "attempts": len({row.name for row in rows}),
        "tries": len(rows),
        "escaped": sum(row.verdict == "escaped" for row in rows),
        "untried": sum(row.verdict == "untried" for row in rows),
        "proved": sum(row.proves for row in rows),
        "rows": [
            {"name": row.name, "by": row.by, "verdict": row.verdict, "proves": row.proves, "why": row.why}
            for row in rows
        ],
    }
    return json.dumps(figures, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
