"""A reference moves only from where it was said to be, and only the reference that was named."""

from pathlib import Path

import pytest
from tests.doubles.repository import head_of, run_git
from tests.kernel.git.conftest import Desk

from verger_kernel.git import refs
from verger_kernel.git.commits import commit_tree, tree_of
from verger_kernel.git.repository import find
from verger_kernel.rules.ids import ObjectId

REF = "refs/heads/orchestrator/run/RUN_1"


@pytest.fixture
def later(desk: Desk) -> ObjectId:
    return commit_tree(desk.git, tree_of(desk.git, desk.base), desk.base, "later\n", 0)


def test_a_reference_is_made_moved_and_read(desk: Desk, later: ObjectId) -> None:
    assert refs.read(desk.git, REF) is None
    refs.move(desk.git, REF, desk.base, None)
    refs.move(desk.git, REF, later, desk.base)
    assert refs.read(desk.git, REF) == later == run_git(desk.user, "rev-parse", REF).strip()
    run_git(desk.user, "pack-refs", "--all")
    assert not (desk.user / ".git" / REF).exists()
    assert refs.read(desk.git, REF) == later
    assert refs.read(desk.git, "refs/heads/orchestrator/run") is None


@pytest.mark.parametrize("old", ["nothing", "other"])
def test_a_move_from_another_place_is_refused(desk: Desk, later: ObjectId, old: str) -> None:
    refs.move(desk.git, REF, desk.base, None)
    with pytest.raises(refs.MoveRefused, match="cannot move refs/heads/orchestrator"):
        refs.move(desk.git, REF, later, None if old == "nothing" else later)
    assert refs.read(desk.git, REF) == desk.base


def test_a_move_to_what_does_not_exist_and_under_a_lock_is_refused(desk: Desk, later: ObjectId) -> None:
    with pytest.raises(refs.MoveRefused):
        refs.move(desk.git, REF, ObjectId("1" * 40), None)
    refs.move(desk.git, REF, desk.base, None)
    (desk.user / ".git" / f"{REF}.lock").touch()
    with pytest.raises(refs.MoveRefused, match=r"File exists") as caught:
        refs.move(desk.git, REF, later, desk.base)
    assert "lock" in caught.value.hint


def test_doing_a_move_twice_is_doing_it_once(desk: Desk, later: ObjectId) -> None:
    for _ in range(2):
        refs.move_or_confirm(desk.git, REF, desk.base, None)
    for _ in range(2):
        refs.move_or_confirm(desk.git, REF, later, desk.base)
    assert refs.read(desk.git, REF) == later


def test_a_reference_that_somebody_moved_is_reported_and_left(desk: Desk, later: ObjectId) -> None:
    other = commit_tree(desk.git, tree_of(desk.git, desk.base), desk.base, "other\n", 0)
    refs.move(desk.git, REF, other, None)
    with pytest.raises(refs.RefMoved) as caught:
        refs.move_or_confirm(desk.git, REF, later, desk.base)
    assert (caught.value.ref, caught.value.found, caught.value.expected) == (REF, other, desk.base)
    assert refs.read(desk.git, REF) == other


def test_a_symbolic_reference_is_refused_and_never_followed(desk: Desk, later: ObjectId) -> None:
    run_git(desk.user, "symbolic-ref", REF, "refs/heads/main")
    with pytest.raises(refs.RefUnreadable):
        refs.move_or_confirm(desk.git, REF, later, desk.base)
    refs.move(desk.git, REF, later, desk.base)
    assert head_of(desk.user) == desk.base


@pytest.mark.parametrize("words", ["", "0000", "\0" * 41])
def test_a_damaged_reference_is_refused_with_the_way_out(desk: Desk, words: str) -> None:
    refs.move(desk.git, REF, desk.base, None)
    (desk.user / ".git" / REF).write_text(words)
    with pytest.raises(refs.RefUnreadable, match=REF) as caught:
        refs.read(desk.git, REF)
    assert caught.value.hint


def test_hooks_of_the_repository_do_not_see_a_move(desk: Desk) -> None:
    hook = desk.user / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    refs.move(desk.git, REF, desk.base, None)


def test_a_branch_that_is_checked_out_anywhere_is_found(desk: Desk, tmp_path: Path) -> None:
    found = find(desk.user)
    assert refs.checked_out_at(found, "refs/heads/main") == desk.user
    assert refs.checked_out_at(found, REF) is None
    refs.move(desk.git, REF, desk.base, None)
    run_git(desk.user, "worktree", "add", "-q", str(tmp_path / "linked"), "orchestrator/run/RUN_1")
    assert refs.checked_out_at(found, REF) == tmp_path / "linked"
    linked = find(tmp_path / "linked")
    assert refs.checked_out_at(linked, "refs/heads/main") == desk.user
    run_git(tmp_path / "linked", "checkout", "-q", "--detach")
    assert refs.checked_out_at(found, REF) is None
    rebase = linked.git_dir / "rebase-merge"
    rebase.mkdir()
    (rebase / "head-name").write_text(f"{REF}\n")
    assert refs.checked_out_at(found, REF) == tmp_path / "linked"


def test_stale_locks_are_removed_beside_the_references_of_their_run_only(desk: Desk) -> None:
    locks = [f"{REF}.lock", "refs/verger/attempt/RUN_1/01/1.lock", "refs/verger/quarantine/RUN_1/01/a.lock"]
    kept = [
        "refs/heads/main.lock",
        "refs/heads/orchestrator/run/RUN_10.lock",
        "refs/verger/attempt/RUN_2/01/1.lock",
    ]
    for path in (*locks, *kept):
        place = desk.user / ".git" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert refs.remove_stale_locks(find(desk.user), "RUN_1") == tuple(
        desk.user / ".git" / path for path in locks
    )
    assert all((desk.user / ".git" / path).exists() for path in kept)
    assert refs.remove_stale_locks(find(desk.user), "RUN_1") == ()
