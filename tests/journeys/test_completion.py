"""What each shell offers while one types: the real shells, the real script, the runs and items of a real repository."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Workplace, workplace

from verger_kernel.arguments import PLACES, STAGES
from verger_kernel.cli import COMMANDS

SHELLS = [
    "bash",
    *(
        pytest.param(
            shell, marks=pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not installed")
        )
        for shell in ("zsh", "fish")
    ),
]
_BASH = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_verger
printf '%s\\n' "${COMPREPLY[@]}"
"""
# Outside of a line that is being typed zsh has neither compdef nor compadd; what they are given is what is offered.
_ZSH = """\
compdef() { }
compadd() { shift; print -rl -- "$@" | while read -r word; do [[ $word == $current* ]] && print -r -- $word; done }
_files() { print -r -- "files $*" }
source "$1"; shift
words=("$@"); CURRENT=$#
_verger
"""
_FISH = """\
source $argv[1]
complete -C "$argv[2]"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with one run of items 01 and 010, and `verger` on PATH."""
    made = workplace(tmp_path_factory.mktemp("typed"), rows=[item("01"), item("010")])
    assert made.verger("run", PLAYBOOK, "--item", "01").code == 0
    program = made.home / "bin" / "verger"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m verger_kernel "$@"\n')
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        (made.home / shell).write_text(made.verger("completion", shell).stdout)
    return made


def offered(place: Workplace, shell: str, *words: str) -> list[str]:
    """What `shell` offers in the place of the last of `words`, which may be empty."""
    script = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell]
    flags = {"bash": ("--norc", "-c"), "zsh": ("-f", "-c"), "fish": ("--no-config", "-c")}[shell]
    typed = ("verger", *words)
    arguments = (" ".join(typed),) if shell == "fish" else typed
    named = () if shell == "fish" else (shell,)
    path = f"{place.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        (shell, *flags, script, *named, str(place.home / shell), *arguments),
        cwd=place.repository,
        env=place.environment(PATH=path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_flags_and_choices_are_offered(place: Workplace, shell: str) -> None:
    assert sorted(offered(place, shell, "")) == sorted([*COMMANDS, "daemon", "settings", "supervise"])
    assert sorted(offered(place, shell, "re")) == ["refresh-run", "resume"]
    assert sorted(offered(place, shell, "supervise", "s")) == ["status", "stop"]
    assert offered(place, shell, "supervise", "status", "lat") == (
        ["files ", "latest"] if shell == "zsh" else ["latest"]
    )
    assert "--auto-advance" in offered(place, shell, "run", "--")
    assert "--auto-advance" not in offered(place, shell, "status", "--")
    assert offered(place, shell, "mark-manual-gate", "latest", "--decision", "a") == ["approved"]
    assert sorted(offered(place, shell, "status", "--format", "")) == ["json", "text"]
    assert sorted(offered(place, shell, "logs", "latest", "01", "")) == sorted(STAGES)
    assert sorted(offered(place, shell, "where", "latest", "01", "")) == sorted(PLACES)


@pytest.mark.parametrize("shell", SHELLS)
def test_runs_and_the_items_of_the_run_that_was_named_are_offered(place: Workplace, shell: str) -> None:
    run = place.run().root.name
    assert sorted(offered(place, shell, "status", "")) == [run, "latest"]
    assert offered(place, shell, "resume", "RUN_") == [run]
    assert sorted(offered(place, shell, "logs", run, "")) == ["01", "010"]
    assert sorted(offered(place, shell, "mark-manual-gate", "latest", "--item", "0")) == ["01", "010"]
    assert sorted(offered(place, shell, "-C", str(place.repository), "logs", "latest", "--follow", "")) == [
        "01",
        "010",
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_files_and_folders_are_offered_where_one_is_wanted(place: Workplace, shell: str) -> None:
    files, folders = offered(place, shell, "run", "play"), offered(place, shell, "-C", "")
    if shell == "zsh":
        assert (files, folders) == (["files "], ["files -/"])
    else:
        assert files == [PLAYBOOK]
        assert "docs" in [name.rstrip("/") for name in folders]
        assert PLAYBOOK not in folders


@pytest.mark.parametrize("argv", [("--runs",), ("--items", "latest")])
def test_where_there_is_nothing_to_offer_nothing_is_said(place: Workplace, argv: tuple[str, ...]) -> None:
    result = place.verger("completion", *argv, cwd=Path("/"))
    assert (result.code, result.stdout, result.stderr) == (0, "", "")


def test_programs_get_the_script_as_json(place: Workplace) -> None:
    found = place.verger("completion", "bash", "--json").json
    assert found == {"shell": "bash", "script": (place.home / "bash").read_text()}
