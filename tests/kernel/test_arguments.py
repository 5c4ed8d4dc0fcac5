"""What each command takes: its example is true, and what all commands share works in all of them."""

import shlex
from pathlib import Path

import pytest

from verger_kernel.arguments import BUDGETS, EXAMPLES
from verger_kernel.cli import COMMANDS, parser
from verger_kernel.errors import CommandError
from verger_kernel.rules.budgets import FLAGS


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_a_command_is_a_call_of_it(command: str) -> None:
    words = shlex.split(EXAMPLES[command].replace("$(", "").replace(")", "").replace('"', ""))
    typed = words[words.index("verger") + 1 :]
    assert parser().parse_args(typed).command == command


@pytest.mark.parametrize(
    "argv", [["-C", "there", "status"], ["status", "-C", "there"], ["-C", "x", "status", "-C", "there"]]
)
def test_the_folder_may_stand_before_and_behind_the_command(argv: list[str]) -> None:
    assert parser().parse_args(argv).directory == Path("there")
    assert parser().parse_args(["status"]).directory == Path()


@pytest.mark.parametrize(
    "argv",
    [
        ["logs"],
        ["logs", "latest"],
        ["logs", "latest", "01", "nowhere"],
        ["diff", "--stat", "--name-only"],
        ["status", "--from", "-1"],
    ],
)
def test_what_makes_no_sense_is_refused(argv: list[str]) -> None:
    with pytest.raises(CommandError):
        parser().parse_args(argv)


def test_every_bound_of_a_budget_has_its_flag() -> None:
    assert tuple(BUDGETS) == tuple(FLAGS.values())
