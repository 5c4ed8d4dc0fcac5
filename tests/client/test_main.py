"""The front door names every command of the kernel, and no other."""

import re

from verger_client.__main__ import HELP
from verger_kernel.cli import COMMANDS


def test_the_help_names_exactly_the_commands_of_the_kernel():
    named = re.findall(r"^(?:[a-z]+ +| {8})([a-z-]+) .*?  ", HELP, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)


def test_the_help_shows_at_most_ten_commands_in_four_groups():
    rows = [line for line in HELP.splitlines() if re.match(r"[a-z]+  |        ", line)]
    assert len(rows) <= 10
    assert [row.split()[0] for row in rows if row[0] != " "] == ["try", "run", "decide", "watch"]
