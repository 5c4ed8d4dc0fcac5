"""What a fresh checkout lacks is there for agents and commands: submodules, large files, what `.worktreeinclude` names.

Not here: how a large file is found (tests/kernel/git/test_large_files.py).
"""

import json
import os
import sys
from pathlib import Path

import pytest
from tests.doubles.large import ATTRIBUTES, fetch, pointer_to
from tests.doubles.repository import make_repository, run_git
from tests.doubles.trials import AGENT, RUN, escalated, passed, shell, trial
from tests.doubles.workplace import Workplace

PATHS = f"sandbox_paths = {json.dumps([sys.prefix, sys.base_prefix, str(AGENT.parent)])}\n"
CLOSED = {"VERGER_SANDBOX": "required"}
SEEN = "test $(cat sub/lib)$(cat way/big.bin) = codebytes"
INCLUDED = "test $(cat test.env)$(cat deep/test.env) = keykey && test ! -e loose && test ! -e way/x.env"


def furnished(folder: Path, agent: str, **cells: str) -> Workplace:
    """A place with a submodule, a large file, a link and files to include; worker and one lane begin with `agent`."""
    place = trial(
        folder,
        policy=PATHS,
        agents={
            "worker": shell(f"({agent}) && exec $AGENT write docs/01.md 'a note'"),
            "reader-a": shell(f"({agent}) && exec $AGENT"),
        },
        files={
            ".worktreeinclude": "*.env\nloose\n",
            ".gitignore": ".local/\n*.env\n",
            ".gitattributes": ATTRIBUTES,
            "way/big.bin": pointer_to(b"bytes"),
        },
        **cells,
    )
    other = make_repository(folder / "other", {"lib": "code"})
    place.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    place.git("commit", "-qm", "a submodule")
    fetch(place.repository, b"bytes")
    for name in ("test.env", "deep/test.env", "loose"):
        (place.repository / name).parent.mkdir(exist_ok=True)
        (place.repository / name).write_text("key")
    return place


def test_agents_and_commands_see_all_of_it_and_git_sees_no_change(tmp_path: Path) -> None:
    agent = f'{SEEN} && {INCLUDED} && test -z "$(git status --porcelain sub way)"'
    place = furnished(tmp_path, agent, required_verification_commands=f"`{SEEN} && git diff --exit-code`")
    passed(place, place.verger(*RUN, **CLOSED), "way/big.bin", pointer_to(b"bytes").strip())
    # What was shown was copied nowhere but into the layer of submodules, which all items may read.
    held = [file.read_text() for file in (place.state / "verger").glob("*/layers/shared/*/files/sub/lib")]
    assert "code" in held
    assert not [*(place.state / "verger").glob("*/layers/**/.making-*")]


def test_an_agent_can_neither_change_nor_remove_it(tmp_path: Path) -> None:
    agent = f"! rm -rf sub way 2>/dev/null; ! touch sub/new 2>/dev/null; ! (echo x >way/big.bin) 2>/dev/null; {SEEN}"
    place = furnished(tmp_path, agent)
    passed(place, place.verger(*RUN, **CLOSED), "way/big.bin", pointer_to(b"bytes").strip())
    assert fetch(place.repository, b"bytes").read_bytes() == b"bytes"


def test_a_link_that_a_command_puts_on_the_way_leads_nowhere(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    place = furnished(
        tmp_path,
        "true",
        required_verification_commands=f"`mv way gone && ln -s {aim} way`; `test ! -e way/big.bin`",
    )
    (place.repository / "verger.toml").write_text(
        (place.repository / "verger.toml")
        .read_text()
        .replace("sandbox_paths = [", f'sandbox_paths = ["{aim}", ')
    )
    place.git("commit", "-qam", "a path more")
    passed(place, place.verger(*RUN, **CLOSED))
    assert not [*aim.iterdir()]


@pytest.mark.sweep
def test_without_a_sandbox_included_files_are_there_and_nothing_else(tmp_path: Path) -> None:
    agent = f"{INCLUDED} && test ! -e sub/lib && grep -q git-lfs way/big.bin"
    passed(place := furnished(tmp_path, agent), place.verger(*RUN))


@pytest.mark.sweep
def test_a_submodule_that_was_never_fetched_stays_empty_until_it_is(tmp_path: Path) -> None:
    missed = "test ! -e sub/lib"
    place = furnished(tmp_path, missed, required_verification_commands=f"`{missed}`")
    module = place.repository / ".git/modules/sub"
    module.rename(tmp_path / "aside")
    passed(place, place.verger(*RUN, **CLOSED))
    (tmp_path / "aside").rename(module)
    for name in ("verger.toml", "playbook.md"):
        file = place.repository / name
        file.write_text(file.read_text().replace(missed, "test -e sub/lib"))
    place.git("commit", "-qam", "who wants it")
    passed(place, place.verger(*RUN, **CLOSED))


def test_names_that_are_no_text_are_brought_as_well(tmp_path: Path) -> None:
    module, large, loose = (os.fsdecode(name) for name in (b"s\xffb", b"way/\xff\n.bin", b"\xff \n.env"))
    seen = "test $(cat s?b/lib)$(cat way/?*.bin) = codebytes"
    place = furnished(
        tmp_path, seen, required_verification_commands=f"`{seen}`; `test $(cat ?*.env) = keykey`"
    )
    place.git("mv", "sub", module)
    place.git("mv", "way/big.bin", large)
    place.git("commit", "-qam", "odd names")
    (place.repository / loose).write_text("key")
    passed(place, place.verger(*RUN, **CLOSED), large, pointer_to(b"bytes").strip())


ROOTS = "docs; deep; way; .gitignore; .gitmodules; test.env"
WAYS_TO_BREAK_IT = {
    "a file in the place of a folder": "rm -rf deep; echo x >deep",
    "garbage for a list of submodules": "head -c 2000000 /dev/urandom >.gitmodules",
    "a folder for a list of submodules": "rm .gitmodules; mkdir .gitmodules; echo x >.gitmodules/x",
    "a folder moved behind a link": "mkdir docs/a; mv way docs/a/way; ln -s docs/a/way way",
}


@pytest.mark.parametrize("way", WAYS_TO_BREAK_IT)
def test_no_worker_ends_a_run_by_what_it_makes_of_what_was_brought(tmp_path: Path, way: str) -> None:
    place = furnished(tmp_path, f"test -e docs/01.md || ({WAYS_TO_BREAK_IT[way]})", allowed_write_roots=ROOTS)
    passed(place, place.verger(*RUN, **CLOSED))


def test_what_was_brought_is_recorded_by_no_rule_of_the_workers(tmp_path: Path) -> None:
    agent = "test -e docs/01.md || (echo >.gitignore; echo more >>test.env)"
    place = furnished(tmp_path, agent, allowed_write_roots=ROOTS)
    passed(place, place.verger(*RUN, **CLOSED))
    assert "env" not in place.git("ls-tree", "-r", "--name-only", place.run_branch())
    # It is in no object of git's either, for somebody could push it.
    assert "keymore" not in place.git("cat-file", "--batch-all-objects", "--batch")


def test_a_list_of_submodules_that_is_a_link_is_refused_when_it_is_recorded(tmp_path: Path) -> None:
    place = furnished(tmp_path, "rm .gitmodules; ln -s docs/index.md .gitmodules", allowed_write_roots=ROOTS)
    stage = escalated(place, place.verger(*RUN, **CLOSED))
    assert "invalid path '.gitmodules'" in str(stage)


def test_a_submodule_of_another_worktree_of_the_repository_is_in_nobodys_way(tmp_path: Path) -> None:
    place = furnished(tmp_path, "test $(cat sub/x.env) = key")
    linked = tmp_path / "linked"
    place.git("worktree", "add", "-q", "-b", "other", str(linked))
    run_git(linked, "rm", "-qr", "sub", ".gitmodules")
    run_git(linked, "commit", "-qm", "no submodule here")
    (linked / "sub").mkdir()
    (linked / "sub/x.env").write_text("key")
    done = place.verger(*RUN, cwd=linked, **CLOSED)
    assert done.code == 0, done


def test_after_the_kernel_was_killed_everything_is_there_again(tmp_path: Path) -> None:
    # Without a sandbox the parent of an agent is its kernel.
    killing = f"! mkdir {tmp_path}/killed 2>/dev/null || {{ rm test.env; kill -9 $PPID; sleep 60; }}"
    place = furnished(tmp_path, f"{INCLUDED} && {{ {killing}; }}")
    assert place.verger(*RUN).code == -9
    passed(place, place.verger("resume", "latest"))
