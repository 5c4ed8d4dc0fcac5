"""What changed between two trees is read whole, in one process, whatever the names."""

import os

from tests.doubles.repository import commit_files, run_git, write_files
from tests.kernel.git.conftest import Desk

from verger_kernel.git.commits import changes, commit_tree, tree_of
from verger_kernel.git.worktrees import record
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import Change, out_of_scope, path_text


def test_equal_trees_have_no_change_and_no_patch(desk: Desk) -> None:
    assert changes(desk.git, desk.base, tree_of(desk.git, desk.base)) == ((), b"")


def test_every_kind_of_change_is_told_with_its_modes(desk: Desk) -> None:
    desk.write(**{"new": "n\n", "a.txt": "A\n"})
    (desk.target / "docs/b.txt").unlink()
    (desk.target / "run.sh").chmod(0o755)
    (desk.target / ".gitignore").unlink()
    (desk.target / ".gitignore").symlink_to("a.txt")
    changed, patch = changes(desk.git, desk.base, record(desk.git, desk.target, desk.index))
    assert changed == (
        Change(status="T", path=".gitignore", old_mode="100644", new_mode="120000"),
        Change(status="M", path="a.txt", old_mode="100644", new_mode="100644"),
        Change(status="D", path="docs/b.txt", old_mode="100644", new_mode="000000"),
        Change(status="A", path="new", old_mode="000000", new_mode="100644"),
        Change(status="M", path="run.sh", old_mode="100644", new_mode="100755"),
    )
    assert patch.startswith(b"diff --git a/.gitignore")


def test_a_rename_out_of_an_allowed_root_is_out_of_scope(desk: Desk) -> None:
    write_files(desk.target, {"docs/demo/b.txt": "a\n"})
    (desk.target / "a.txt").unlink()
    changed, _ = changes(desk.git, desk.base, record(desk.git, desk.target, desk.index))
    assert [(change.status, change.path) for change in changed] == [("D", "a.txt"), ("A", "docs/demo/b.txt")]
    assert out_of_scope(changed, ["docs/demo"]) == ("a.txt",)


def test_odd_names_are_told_as_they_are_and_the_patch_applies(desk: Desk) -> None:
    names = [b"new\nline", b"tab\t", b"-dash", "ä b".encode(), b"bad\xff", b"n" * 255, b":100644 x", b'q"\\']
    for name in names:
        (desk.target / os.fsdecode(name)).write_bytes(b"\0binary\xff" if name == b"-dash" else b"odd\n")
    tree = record(desk.git, desk.target, desk.index)
    changed, patch = changes(desk.git, desk.base, tree)
    shown = {path_text(name) for name in names}
    assert {change.path for change in changed} == shown
    assert {"bad\\xff", "new\\nline"} <= shown
    assert b"GIT binary patch" in patch
    assert run_git(desk.user, "rev-parse", f"{tree}:tab\t").strip().encode() in patch
    run_git(desk.user, "apply", "--cached", "-", stdin=patch)
    assert run_git(desk.user, "write-tree").strip() == tree


def test_a_gitlink_is_told_whatever_the_configuration_says(desk: Desk) -> None:
    run_git(desk.user, "config", "diff.ignoreSubmodules", "all")
    run_git(desk.user, "update-index", "--add", "--cacheinfo", f"160000,{desk.base},docs/sub")
    changed, _ = changes(desk.git, desk.base, ObjectId(run_git(desk.user, "write-tree").strip()))
    assert changed == (Change(status="A", path="docs/sub", old_mode="000000", new_mode="160000"),)
    assert out_of_scope(changed, ["docs"]) == ("docs/sub",)


def test_no_diff_program_of_the_configuration_runs(desk: Desk) -> None:
    for key in ("diff.external", "diff.evil.command", "diff.evil.textconv"):
        run_git(desk.user, "config", key, "touch ran; false")
    write_files(desk.user, {".git/info/attributes": "* diff=evil\n"})
    new = commit_files(desk.user, {"a.txt": "A\n"}, "new")
    _, patch = changes(desk.git, desk.base, ObjectId(new))
    assert b"+A" in patch
    assert not (desk.user / "ran").exists()
    assert not (desk.user / ".git/ran").exists()


def test_equal_arguments_make_the_same_commit_by_the_user_at_the_given_time(desk: Desk) -> None:
    tree = tree_of(desk.git, desk.base)
    first = commit_tree(desk.git, tree, desk.base, "subject\n\nbody ä\n", 1_700_000_123_999)
    assert first == commit_tree(desk.git, tree, desk.base, "subject\n\nbody ä\n", 1_700_000_123_000)
    assert run_git(desk.user, "show", "-s", "--format=%an %ae %at %ct %P%n%B", first).strip() == (
        f"Una User una@example.org 1700000123 1700000123 {desk.base}\nsubject\n\nbody ä"
    )
    assert tree_of(desk.git, first) == tree
