"""The user's repository is borrowed from and never touched, at a bounded number of git processes."""

from pathlib import Path

import pytest
from tests.doubles.repository import commit_files, make_repository, run_git, write_files
from tests.kernel.git.conftest import Desk, snapshot

from verger_kernel.git import refs
from verger_kernel.git.commits import changes, commit_tree
from verger_kernel.git.removal import remove
from verger_kernel.git.repository import facts, find, git_for
from verger_kernel.git.tripwire import escapes, tripwire
from verger_kernel.git.worktrees import create, leftovers, quarantine, record, restore
from verger_kernel.rules.ids import ObjectId

# What an item adds to a repository: objects, and references of its own with their logs.
_ADDED = (
    ".git/objects",
    ".git/refs/verger",
    ".git/refs/heads/orchestrator",
    ".git/logs/refs/heads/orchestrator",
)
_HOOKS = (
    "pre-commit",
    "post-commit",
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
)


def carry_one_item(desk: Desk, files: dict[str, str | bytes]) -> ObjectId:
    """Every call of this package that a clean item needs, and the quarantine of a second, unclean one."""
    desk.create()
    before = tripwire(desk.target)
    write_files(desk.target, files)
    assert escapes(desk.target, before) == ()
    tree = record(desk.git, desk.target, desk.index)
    changes(desk.git, desk.base, tree)
    commit = commit_tree(desk.git, tree, desk.base, "item\n", 0)
    refs.move_or_confirm(desk.git, "refs/heads/orchestrator/run/RUN_1", commit, None)
    return commit


def booby_trap(user: Path, ran: Path) -> None:
    """Makes everything in the user's repository that git could run leave a trace."""
    for name in _HOOKS:
        hook = user / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
        hook.chmod(0o755)
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "gpg.program"):
        run_git(user, "config", key, f"echo {key} >> {ran}; cat")
    for key in ("filter.x.required", "commit.gpgSign", "core.splitIndex", "core.untrackedCache"):
        run_git(user, "config", key, "true")


def test_the_users_checkout_index_branch_and_configuration_stay_byte_for_byte(
    desk: Desk, tmp_path: Path
) -> None:
    commit_files(desk.user, {".gitattributes": "*.txt filter=x\n"}, "attributes")
    run_git(desk.user, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    write_files(desk.user, {"untracked": "mine\n", "x.o": "ignored\n", "a.txt": "dirty\n"})
    ran = tmp_path / "ran"
    booby_trap(desk.user, ran)
    index = (desk.user / ".git/index").read_bytes()
    desk.refresh()
    assert (desk.user / ".git/index").read_bytes() == index
    run_git(desk.user, "config", "filter.x.process", "false")
    ran.unlink(missing_ok=True)
    before = snapshot(desk.user, without=_ADDED), snapshot(tmp_path / "linked")
    worktrees = run_git(desk.user, "-c", "core.fsmonitor=false", "worktree", "list", "--porcelain")
    commit = carry_one_item(desk, {"a.txt": "A\n", "new": "n\n"})
    desk.write(more="m\n")
    assert leftovers(desk.git, desk.target, desk.index) == ("more",)
    quarantine(desk.git, desk.target, desk.index, "refs/verger/quarantine/x", commit, 0)
    restore(desk.git, desk.target, commit, desk.index, head=desk.base)
    remove(desk.target, desk.root)
    assert not ran.exists()
    assert (snapshot(desk.user, without=_ADDED), snapshot(tmp_path / "linked")) == before
    assert run_git(desk.user, "-c", "core.fsmonitor=false", "worktree", "list", "--porcelain") == worktrees


@pytest.mark.parametrize(
    "command",
    [
        "-c user.name=Agent -c user.email=agent@example.org commit -qam mine",
        "-c user.name=Agent -c user.email=agent@example.org stash",
        "checkout -q -b mine",
        "tag mine",
        "update-ref -d refs/heads/main",
        "replace HEAD:a.txt HEAD:docs/b.txt",
        "config core.fsmonitor evil",
        "remote add origin elsewhere",
        "sparse-checkout set docs",
        "worktree prune",
        "reflog expire --expire=now --all",
        "gc -q --prune=now",
        "add -A",
        "status",
    ],
)
def test_what_an_agent_does_with_git_does_not_reach_the_users_repository(desk: Desk, command: str) -> None:
    before = snapshot(desk.user)
    desk.write(**{"a.txt": "A\n", "new": "n\n"})
    run_git(desk.target, *command.split())
    assert snapshot(desk.user) == before


def test_a_linked_worktree_and_a_submodule_serve_as_the_users_checkout(desk: Desk, tmp_path: Path) -> None:
    run_git(desk.user, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    above = make_repository(tmp_path / "above", {"x": "x\n"})
    run_git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(desk.user), "sub")
    for place in (tmp_path / "linked", above / "sub"):
        before = snapshot(place)
        found = find(place)
        git = git_for(found, facts(found))
        target = desk.root / "worktrees" / place.name
        create(git, target, desk.base, desk.root / place.name, root=desk.root)
        write_files(target, {"new": "n\n"})
        tree = record(git, target, desk.root / place.name)
        assert [change.path for change in changes(git, desk.base, tree)[0]] == ["new"]
        assert snapshot(place) == before


def test_an_item_takes_six_git_processes_whether_it_changes_one_file_or_a_thousand(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    real = run_git(tmp_path, "--exec-path").strip() + "/git"
    shim.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    counts = []
    for number in (1, 1000):
        run_git(desk.user, "update-ref", "-d", "refs/heads/orchestrator/run/RUN_1")
        files: dict[str, str | bytes] = {f"docs/{name}/file": f"{name}\n" for name in range(number)}
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{shim.parent}:/usr/bin:/bin")
            log.write_text("")
            commit = carry_one_item(desk, files)
        counts.append(len(log.read_text().splitlines()))
        assert len(changes(desk.git, desk.base, commit)[0]) == number
    assert counts == [6, 6]
