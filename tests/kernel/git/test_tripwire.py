"""What an agent does with git in its worktree is seen, and never runs as us."""

import os
from pathlib import Path

import msgspec
import pytest
from tests.doubles.repository import head_of, run_git, write_files
from tests.kernel.git.conftest import Desk

from verger_kernel.git.removal import remove
from verger_kernel.git.special import remove_special
from verger_kernel.git.trees import differences
from verger_kernel.git.tripwire import Tripwire, escapes, tripwire
from verger_kernel.git.worktrees import leftovers, quarantine, record
from verger_kernel.rules.ids import ObjectId

_AS_AGENT = ("-c", "user.name=Agent", "-c", "user.email=agent@example.org")


def test_reading_with_git_staging_and_working_are_no_escape(desk: Desk) -> None:
    before = tripwire(desk.target)
    desk.write(**{"a.txt": "A\n", "new": "n\n"})
    (desk.target / "hollow").mkdir()
    for command in (
        ["status"],
        ["diff"],
        ["log"],
        ["add", "-A"],
        ["diff", "--cached"],
        ["show"],
    ):
        run_git(desk.target, *command)
    assert escapes(desk.target, before) == ()


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ([[*_AS_AGENT, "commit", "-qam", "mine"]], "HEAD"),
        ([["checkout", "-q", "-b", "mine"]], "HEAD"),
        ([["branch", "mine"]], "refs/heads/mine"),
        ([["tag", "mine"]], "refs/tags/mine"),
        ([[*_AS_AGENT, "stash"]], "refs/stash"),
        ([["branch", "mine"], ["pack-refs", "--all"]], "packed-refs"),
        ([["config", "core.fsmonitor", "evil"]], "config"),
        ([["remote", "add", "origin", "elsewhere"]], "config"),
        ([["sparse-checkout", "set", "docs"]], "info/sparse-checkout"),
    ],
)
def test_a_commit_a_branch_and_a_configuration_are_escapes(
    desk: Desk, commands: list[list[str]], said: str
) -> None:
    before = tripwire(desk.target)
    desk.write(**{"a.txt": "A\n"})
    for command in commands:
        run_git(desk.target, *command)
    assert any(f"'.git/{said}" in line for line in escapes(desk.target, before))


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/post-commit",
        ".git/info/attributes",
        ".git/info/exclude",
        ".git/info/grafts",
        ".git/shallow",
        ".git/commondir",
        ".git/objects/info/alternates",
        ".git/refs/replace/x",
        ".git/modules/sub/config",
    ],
)
def test_a_file_put_into_the_git_folder_is_an_escape(desk: Desk, path: str) -> None:
    before = tripwire(desk.target)
    write_files(desk.target, {path: "evil\n"})
    assert (
        escapes(desk.target, before)
        == tuple(line for line in escapes(desk.target, before) if path in line)
        != ()
    )


def test_a_git_folder_that_is_gone_or_replaced_is_an_escape(desk: Desk, tmp_path: Path) -> None:
    before = tripwire(desk.target)
    place = desk.target / ".git"
    place.rename(tmp_path / "moved")
    assert escapes(desk.target, before) == ("'.git' is gone",)
    place.symlink_to(tmp_path / "moved")
    assert escapes(desk.target, before) == ("'.git' was replaced",)
    place.unlink()
    place.write_text(f"gitdir: {tmp_path}/moved\n")
    assert escapes(desk.target, before) == ("'.git' was replaced",)


@pytest.mark.parametrize("name", [".git", ".GIT"])
def test_a_nested_repository_is_an_escape_wherever_it_lies(desk: Desk, name: str) -> None:
    before = tripwire(desk.target)
    write_files(
        desk.target, {f"docs/deep/{name}/HEAD": "x", "build.o/x": "x", f"build.o/{name}": "gitdir: x"}
    )
    assert len(escapes(desk.target, before)) == 2


def test_a_repository_that_a_renamed_folder_brings_with_it_is_an_escape(desk: Desk, tmp_path: Path) -> None:
    before = tripwire(desk.target)
    write_files(tmp_path, {"elsewhere/.git/HEAD": "x"})
    (tmp_path / "elsewhere").rename(desk.target / "docs/later")
    assert escapes(desk.target, before) == ("'docs/later/.git' is a git repository inside the worktree",)


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", ".gitmodules"])
def test_a_pipe_that_git_would_wait_for_is_an_escape_and_can_be_put_away(desk: Desk, name: str) -> None:
    before = tripwire(desk.target)
    os.mkfifo(desk.target / "docs" / name)
    assert escapes(desk.target, before) == (f"'docs/{name}' cannot be read",)
    os.mkfifo(desk.target / "docs/pipe")
    (desk.target / "docs").chmod(0o500)
    remove_special(desk.target)
    assert leftovers(desk.git, desk.target, desk.index) == ()


def test_bits_that_hide_a_change_from_the_agents_git_hide_nothing_from_ours(desk: Desk) -> None:
    before = tripwire(desk.target)
    run_git(desk.target, "update-index", "--assume-unchanged", "a.txt")
    run_git(desk.target, "update-index", "--skip-worktree", "docs/b.txt")
    write_files(desk.target, {"a.txt": "hidden\n", "docs/b.txt": "hidden\n"})
    assert run_git(desk.target, "status", "--porcelain") == ""
    assert escapes(desk.target, before) == ()
    found = differences(desk.git, desk.base, record(desk.git, desk.target, desk.index))
    assert [change.path for change in found] == [b"a.txt", b"docs/b.txt"]


def test_a_filled_submodule_folder_is_an_escape_and_a_filled_new_folder_is_not(desk: Desk) -> None:
    (desk.target / "sub\nmodule").mkdir()
    before = tripwire(desk.target)
    write_files(desk.target, {"sub\nmodule/lost": "x", "fresh/x": "x"})
    (said,) = escapes(desk.target, before)
    assert "is the folder of a submodule and was filled" in said


def test_a_folder_too_deep_to_read_is_an_escape(desk: Desk) -> None:
    before = tripwire(desk.target)
    folder = os.open(desk.target, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=folder)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    assert any("cannot be read" in line for line in escapes(desk.target, before))
    # What pytest uses to clear its folders away cannot remove this.
    remove(desk.target, desk.root)


def test_a_tripwire_can_be_written_down_and_read_again(desk: Desk) -> None:
    wire = tripwire(desk.target)
    assert msgspec.json.decode(msgspec.json.encode(wire), type=Tripwire) == wire


def plant_every_trap(desk: Desk, ran: Path) -> None:
    """All the ways in which a repository can make git run something, in the agent's worktree."""
    evil = desk.target / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho ran >> {ran}\ncat\n")
    evil.chmod(0o755)
    for place in (desk.target, desk.target / "nested", desk.target / "sub"):
        place.mkdir(exist_ok=True)
        run_git(place, "init", "-q")
        for key in (
            "core.fsmonitor",
            "filter.evil.clean",
            "filter.evil.smudge",
            "diff.external",
            "core.pager",
        ):
            run_git(place, "config", key, str(evil))
        run_git(place, "config", "core.hooksPath", str(desk.target / "hooks"))
    for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
        write_files(desk.target, {f"hooks/{hook}": evil.read_text()})
        (desk.target / "hooks" / hook).chmod(0o755)
    write_files(desk.target, {".gitattributes": "* filter=evil diff=evil\n", "sub/x": "x", "nested/x": "x"})


def test_nothing_that_an_agent_plants_runs_when_the_kernel_looks_records_and_keeps(
    desk: Desk, tmp_path: Path
) -> None:
    run_git(desk.user, "update-index", "--add", "--cacheinfo", f"160000,{desk.base},sub")
    run_git(desk.user, "commit", "-qm", "sub")
    desk.refresh()
    desk.create()
    before = tripwire(desk.target)
    ran = tmp_path / "ran"
    plant_every_trap(desk, ran)
    # With the recorded commit at hand, the submodule looks like one whose own state git would ask about.
    borrowed = {"objects/info/alternates": f"{desk.user}/.git/objects\n", "HEAD": f"{desk.base}\n"}
    write_files(desk.target / "sub/.git", borrowed)
    run_git(desk.target / "nested", "add", "x")
    run_git(desk.target / "nested", *_AS_AGENT, "commit", "-qm", "nested")
    assert ran.exists()
    ran.unlink()
    assert escapes(desk.target, before)
    leftovers(desk.git, desk.target, desk.index)
    record(desk.git, desk.target, desk.index)
    quarantine(desk.git, desk.target, desk.index, "refs/verger/quarantine/x", desk.base, 0)
    assert not ran.exists()


def test_what_an_agent_commits_stays_in_its_worktree(desk: Desk) -> None:
    desk.write(**{"a.txt": "A\n"})
    run_git(desk.target, *_AS_AGENT, "commit", "-qam", "mine")
    commit = head_of(desk.target)
    run_git(desk.target, "update-ref", "refs/heads/main", commit)
    assert head_of(desk.user) == desk.base
    assert run_git(desk.user, "cat-file", "-e", commit, ok=(1, 128)) == ""
    assert record(desk.git, desk.target, desk.index) != ObjectId(commit)
