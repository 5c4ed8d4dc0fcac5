"""Every row of docs/troubleshooting.md is what a real command prints in that very trouble, word for word.

Not here: how each trouble is brought about; see tests/doubles/troubles.py, troubled_runs.py, standing_troubles.py,
supervised_troubles.py and resting_troubles.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.resting_troubles import RESTING_TROUBLES
from tests.doubles.standing_troubles import STANDING_TROUBLES
from tests.doubles.supervised_troubles import SUPERVISED_TROUBLES
from tests.doubles.sweeps import swept
from tests.doubles.troubled_runs import TROUBLED_RUNS
from tests.doubles.troubles import TROUBLES
from tests.doubles.workplace import Result

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS: list[str] = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
# Troubles of daemons take seconds each, and all others a tenth of one.
SUPERVISED = SUPERVISED_TROUBLES | RESTING_TROUBLES
CASES = TROUBLES | TROUBLED_RUNS | STANDING_TROUBLES | SUPERVISED


def row_of(words: str) -> str:
    """The first cell of the one row that holds `words`."""
    (row,) = [row for row in ROWS if words in row] or [f"no row of the page holds {words!r}"]
    return row


def said(result: Result) -> Iterator[str]:
    """Everything that was said as one thing: what follows `error:` or a column, and ends before the hint."""
    for line in (*result.stdout.splitlines(), *result.stderr.splitlines()):
        whole = line.strip().removeprefix("error: ").partition("; hint: ")[0]
        columns = re.split(r"  +", whole)
        yield from ("  ".join(columns[at:]) for at in range(len(columns)))


def test_every_row_has_its_trouble_and_every_trouble_its_row() -> None:
    assert sorted(row_of(words) for words in CASES) == sorted(ROWS)


@pytest.mark.parametrize(
    "words",
    [
        *sorted((TROUBLES | STANDING_TROUBLES).keys() - SUPERVISED),
        *swept(sorted(TROUBLED_RUNS), every=3),
        *swept(sorted(SUPERVISED), every=8),
    ],
)
def test_the_words_of_the_row_are_what_is_printed(tmp_path: Path, words: str) -> None:
    pattern = re.escape(row_of(words).strip("`").replace("\\|", "|")).replace("…", ".+?")
    things = list(said(CASES[words](tmp_path)))
    assert any(re.fullmatch(pattern, thing) for thing in things), "\n".join([pattern, *things])
