"""A word of the command line that nobody knows: one error line, with the nearest that is known."""

import pytest

from verger_kernel.cli import COMMANDS, parser
from verger_kernel.errors import CommandError
from verger_probes.exits import Exit


def said(*argv: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parser().parse_args(argv)
    assert caught.value.code is Exit.USAGE
    assert "choose from" not in caught.value.what
    assert not caught.value.lines
    return caught.value


@pytest.mark.parametrize(
    ("argv", "what", "meant"),
    [
        (["statsu"], "verger has no command 'statsu'", "verger status"),
        (["lint", "p.md"], "verger has no command 'lint'", "verger playbook lint"),
        (["superivse"], "verger has no command 'superivse'", "verger supervise"),
        (["explian"], "verger has no command 'explian'", "verger playbook explain"),
        (["playbook", "lnt", "p.md"], "verger playbook has no verb 'lnt'", "verger playbook lint"),
        (["status", "--jsno"], "verger status does not know '--jsno'", "--json"),
        (["run", "p.md", "--nxet"], "verger run does not know '--nxet'", "--next"),
        (["run", "p.md", "--itme=01"], "verger run does not know '--itme'", "--item"),
        (["playbook", "fmt", "p.md", "--chekc"], "verger playbook fmt does not know '--chekc'", "--check"),
    ],
)
def test_the_nearest_word_is_named(argv: list[str], what: str, meant: str) -> None:
    error = said(*argv)
    assert error.what == what
    assert error.hint.startswith(f"did you mean {meant}? all: verger")


@pytest.mark.parametrize(
    ("argv", "what", "hint"),
    [
        (["zzz"], "verger has no command 'zzz'", "see: verger --help"),
        (["zz\x1bz"], "verger has no command 'zz\\x1bz'", "see: verger --help"),
        (["--frob", "status"], "verger does not take '--frob'", "see: verger --help"),
        (["status", "-x"], "verger status does not take '-x'", "see: verger status --help"),
        (["run", "p", "q", "--next"], "verger run does not take 'q'", "see: verger run --help"),
        (["status", "--format", "yaml"], "--format cannot be 'yaml'", "write one of text, json"),
        (["completion", "tcsh"], "SHELL cannot be 'tcsh'", "write one of bash, zsh, fish"),
    ],
)
def test_where_nothing_is_near_the_way_to_the_list_is(argv: list[str], what: str, hint: str) -> None:
    error = said(*argv)
    assert (error.what, error.hint) == (what, hint)


def test_the_text_of_a_flag_may_begin_with_dashes() -> None:
    words = "mark-manual-gate --item 01 --decision approved --by Ada"
    assert parser().parse_args([*words.split(), "--note", "-- as agreed"]).note == "-- as agreed"
    assert parser().parse_args([*words.split(), "--note=--odd"]).note == "--odd"
    assert str(parser().parse_args(["playbook", "new", "--", "--odd.md"]).playbook) == "--odd.md"


def test_every_command_is_known_by_its_own_name() -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as left:
            parser().parse_args([command, "--help"])
        assert left.value.code == 0
