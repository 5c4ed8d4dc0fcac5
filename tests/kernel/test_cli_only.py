"""The parser of one command alone takes and refuses what the whole command line does."""

import pytest

from verger_kernel.arguments import EXAMPLES
from verger_kernel.cli import COMMANDS, parser
from verger_kernel.errors import CommandError

ENDINGS = (
    "",
    " --help",
    " --json",
    " --jsno",
    " --format xml",
    " -C",
    " --item",
    " one two three four five",
    " --",
)


def outcome(only: str | None, argv: list[str], capsys: pytest.CaptureFixture[str]) -> object:
    try:
        return vars(parser(only).parse_args(argv))
    except CommandError as error:
        return str(error), error.hint, error.code
    except SystemExit as left:
        return left.code, capsys.readouterr()


@pytest.mark.parametrize("command", COMMANDS)
def test_one_command_alone_is_parsed_as_among_all(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    example = EXAMPLES[command].partition(f" {command}")[2].replace('"', "").replace(")", "")
    for begin in ("", example):
        for ending in ENDINGS:
            argv = [command, *begin.split(), *ending.split()]
            assert outcome(command, argv, capsys) == outcome(None, argv, capsys), argv


@pytest.mark.parametrize("verb", ["new", "lint", "fmt", "explain", "other"])
def test_a_verb_is_parsed_as_among_all(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for ending in ENDINGS:
        argv = ["playbook", verb, "playbook.md", *ending.split()]
        assert outcome("playbook", argv, capsys) == outcome(None, argv, capsys), argv
