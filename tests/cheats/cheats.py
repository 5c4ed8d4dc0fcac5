"""`make cheats`: tries every entry of the corpus, prints what was caught and who was accused, writes build/cheats.json.

Not here: the entries (`corpus.py`), a trial (`trial.py`), what it adds up to (`score.py`).

Named entries are tried alone, and then nothing is written. `--draw` puts the last whole run into docs/cheats.md.
"""

import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.cheats.corpus import CHEATS, HONEST, missing  # noqa: E402  # the line above finds them
from tests.cheats.entry import Entry  # noqa: E402
from tests.cheats.page import FIGURES, draw  # noqa: E402
from tests.cheats.score import Column, Result, Score, as_json, line, summary  # noqa: E402
from tests.cheats.trial import tried  # noqa: E402
from tests.cheats.truth import NoTrial  # noqa: E402

TOGETHER = 2
"""Trials at once: each waits for processes of its own, and time limits of tests are part of the corpus."""


def main(words: list[str]) -> int:
    """The exit code: 0 when the targets are met and every entry proved something."""
    if words == ["--draw"]:
        draw()
        return 0
    unknown = {*words} - {entry.name for entry in (*CHEATS, *HONEST)}
    if unknown:
        print(
            f"error: no such entry: {', '.join(sorted(unknown))}; hint: docs/cheats.md lists them",
            file=sys.stderr,
        )
        return 2
    found = score(words)
    print(summary(found))
    if not words:
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(as_json(found), encoding="utf-8")
    return 0 if found.is_reached else 1


def score(names: Collection[str]) -> Score:
    """Tries the entries of these names, or all; tells each as it ends, in the order of the corpus."""
    chosen = [(column, one) for column, one in _columns() if not names or one.name in names]
    left_out = tuple((one.name, missing(one)) for _, one in chosen if missing(one))
    results = []
    with ThreadPoolExecutor(TOGETHER) as pool:
        for result in pool.map(_result, [pair for pair in chosen if not missing(pair[1])]):
            print(line(result), flush=True)
            results.append(result)
    return Score(tuple(results), left_out)


def _columns() -> Iterator[tuple[Column, Entry]]:
    yield from (("cheats", one) for one in CHEATS)
    yield from (("honest", one) for one in HONEST)


def _result(pair: tuple[Column, Entry]) -> Result:
    column, entry = pair
    try:
        return Result(column, entry, tried(entry))
    except NoTrial as reason:
        return Result(column, entry, None, str(reason))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
