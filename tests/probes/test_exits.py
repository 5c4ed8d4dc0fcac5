"""The exit codes and the page that explains them say the same."""

import re
from pathlib import Path

from verger_probes.exits import MEANINGS, Exit

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def test_every_exit_code_has_a_meaning():
    assert set(MEANINGS) == set(Exit)


def test_the_page_lists_exactly_the_codes_of_the_table_in_order():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(str(code.value), code.name, MEANINGS[code]) for code in Exit]
