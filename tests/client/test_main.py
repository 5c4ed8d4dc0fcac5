"""The front door names every command, of the kernel and its own, and no other."""

import re
import subprocess
import sys

from verger_client.__main__ import HELP
from verger_client.supervise import HELP as SUPERVISE
from verger_kernel.cli import COMMANDS

OURS = ("supervise", "daemon", "settings")
VERBS = ("run", "resume", "status", "list", "stop", "logs")
_ROW = re.compile(r"^(?:[a-z]+ +| {8})([a-z-]+)( .*?)?  ", re.MULTILINE)


def said(*argv: str) -> str:
    command = (sys.executable, "-P", "-m", "verger_client", *argv)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_help_names_exactly_the_commands_that_there_are() -> None:
    shown = {found[0] for found in _ROW.findall(HELP)}
    rest, verbs = re.findall(r"^More: (.*); supervise (.*)\.$", HELP, re.MULTILINE)[0]
    assert shown | set(rest.split(", ")) == {*COMMANDS, *OURS}
    rows = re.findall(r"supervise ([a-z]+)", HELP.partition("More: ")[0])
    assert sorted([*rows, *verbs.split(", ")]) == sorted(VERBS)
    assert all(re.search(f"^{verb} ", SUPERVISE, re.MULTILINE) for verb in VERBS)


def test_the_help_shows_at_most_ten_commands_in_four_groups() -> None:
    rows = [line for line in HELP.splitlines() if re.match(r"[a-z]+  |        ", line)]
    assert len(rows) <= 10
    assert [row.split()[0] for row in rows if row[0] != " "] == ["try", "run", "decide", "watch"]


def test_all_commands_and_one_of_them_are_told_by_the_kernel_itself() -> None:
    everything = said("help", "--all")
    assert all(re.search(rf"^ +{command}( |$)", everything, re.MULTILINE) for command in (*COMMANDS, *OURS))
    assert said("help", "supervise") == said("supervise", "run", "--help") == SUPERVISE
    assert said("help", "settings") == said("daemon", "--help")
    assert said("help", "logs") == said("logs", "--help")
    assert said("help") == said("--help") == HELP
