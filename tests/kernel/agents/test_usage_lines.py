"""Usage lines: what an agent says that it used, among all else that it says.

Not here: what becomes of it; see tests/journeys/test_budgets.py.
"""

from pathlib import Path

import pytest

from verger_kernel.agents.usage_lines import told
from verger_kernel.rules.usage import Usage

LINE = '{"schema_version": "verger.usage.v1", "model": "m", "input_tokens": 10, "output_tokens": 2%s}\n'


def said(root: Path, text: str) -> Usage | None:
    path = root / "stdout.log"
    path.write_text(text)
    return told(path)


def test_what_lines_say_is_added_up(tmp_path: Path) -> None:
    more = ', "cached_tokens": 4, "cache_write_tokens": 6, "cost_usd": "0.25"'
    used = said(tmp_path, f"hello\n{LINE % more}verger.usage.v1 is a name\n{LINE % more}")
    assert used == Usage(
        model="m",
        input_tokens=20,
        cached_tokens=8,
        cache_write_tokens=12,
        output_tokens=4,
        cost_microusd=500_000,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n",
        LINE[:-3],
        LINE % ', "cached_tokens": 11',
        LINE % ', "output_tokens": -1',
        LINE % ', "cost_usd": "-1"',
    ],
    ids=["empty", "no line", "half a line", "more cached than read", "less than nothing", "no sum"],
)
def test_what_says_nothing_that_counts_says_nothing(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text) is None
    assert told(tmp_path / "absent.log") is None


def test_one_flawed_line_leaves_the_whole_unknown(tmp_path: Path) -> None:
    assert said(tmp_path, LINE % "" + LINE % ', "tokens": 1') is None
