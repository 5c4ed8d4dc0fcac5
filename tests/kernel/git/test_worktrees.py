"""A worktree holds exactly what is asked for, and everything in it is recorded, set back or kept."""

import os
import socket
import time
from pathlib import Path

import pytest
from tests.doubles.repository import commit_files, make_repository, run_git, write_files
from tests.kernel.git.conftest import Desk, snapshot

from verger_kernel.git import refs
from verger_kernel.git.commits import tree_of
from verger_kernel.git.ignores import ignore_files
from verger_kernel.git.removal import RemovalRefused
from verger_kernel.git.repository import facts, find, git_for
from verger_kernel.git.trees import listing
from verger_kernel.git.tripwire import tripwire
from verger_kernel.git.worktrees import create, leftovers, quarantine, record, record_by, restore
from verger_kernel.rules.ids import ObjectId

_ODD_NAMES = (
    b"new\nline",
    b"tab\there",
    b"-dash",
    b'quote"back\\slash',
    b" spaces ",
    "ä-ß-日本".encode(),
    b"bad\xff\xfe",
    b"n" * 255,
    b":(glob)*",
    b"#hash",
    b"!bang",
)


def listed(desk: Desk, tree: ObjectId) -> set[str]:
    return set(run_git(desk.user, "ls-tree", "-r", "-z", "--name-only", tree).split("\0")) - {""}


def test_a_new_worktree_is_the_commit_and_git_works_in_it(desk: Desk) -> None:
    assert (desk.target / "docs/b.txt").read_text() == "b\n"
    assert run_git(desk.target, "status", "--porcelain") == ""
    assert run_git(desk.target, "log", "--format=%s") == "base\n"
    desk.write(**{"a.txt": "changed\n"})
    assert "+changed" in run_git(desk.target, "diff")
    assert run_git(desk.target, "rev-parse", "HEAD").strip() == desk.base


def test_a_worktree_of_another_tree_looks_as_if_its_head_held_it(desk: Desk, tmp_path: Path) -> None:
    desk.write(**{"a.txt": "changed\n"})
    tree, target = record(desk.git, desk.target, desk.index), desk.root / "other"
    create(desk.git, target, tree, tmp_path / "other.index", root=desk.root, head=desk.base)
    assert run_git(target, "status", "--porcelain") == ""
    assert run_git(target, "diff", "--cached", "HEAD") == ""
    assert run_git(target, "log", "--format=%s %an %at") == run_git(desk.user, "log", "--format=%s %an %at")
    assert run_git(target, "fsck", "--strict", "--no-dangling") == ""
    assert run_git(target, "rev-parse", "HEAD^{tree}").strip() == tree


def test_a_new_worktree_records_as_the_tree_of_its_commit(desk: Desk) -> None:
    assert record(desk.git, desk.target, desk.index) == tree_of(desk.git, desk.base)


def test_creating_again_replaces_what_a_crash_left(desk: Desk) -> None:
    before = snapshot(desk.target, without=(".git/index",))
    desk.write(**{"a.txt": "half\n", "junk": "x"})
    desk.index.with_name("index.lock").touch()
    desk.create()
    assert snapshot(desk.target, without=(".git/index",)) == before


def test_a_worktree_is_never_made_outside_its_root_or_through_a_link(desk: Desk, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    write_files(kept, {"mine/x": "x"})
    (desk.root / "link").symlink_to(kept)
    for target in (
        kept / "mine",
        desk.root / "link" / "mine",
        desk.root / "a" / ".." / ".." / "kept",
        desk.root,
    ):
        with pytest.raises(RemovalRefused):
            create(desk.git, target, desk.base, desk.index, root=desk.root)
    assert (kept / "mine/x").read_text() == "x"


def test_a_link_in_the_place_of_a_worktree_is_replaced_and_not_followed(desk: Desk, tmp_path: Path) -> None:
    write_files(tmp_path / "kept", {"x": "x"})
    target = desk.root / "worktrees" / "other"
    target.symlink_to(tmp_path / "kept")
    create(desk.git, target, desk.base, desk.index, root=desk.root)
    assert not target.is_symlink()
    assert (tmp_path / "kept/x").read_text() == "x"


def test_odd_names_are_recorded_and_made_again(desk: Desk) -> None:
    names = {os.fsdecode(name) for name in _ODD_NAMES}
    for name in names:
        (desk.target / name).write_text("odd\n")
    tree = record(desk.git, desk.target, desk.index)
    assert names <= listed(desk, tree)
    restore(desk.git, desk.target, tree_of(desk.git, desk.base), desk.index, head=desk.base)
    assert not names & {path.name for path in desk.target.iterdir()}
    restore(desk.git, desk.target, tree, desk.index, head=desk.base)
    assert names <= {path.name for path in desk.target.iterdir()}


def test_what_is_recorded_are_additions_changes_deletions_modes_and_links_but_no_ignored_files(
    desk: Desk,
) -> None:
    desk.write(**{"new": "n\n", "a.txt": "A\n", "x.o": "object"})
    (desk.target / "docs/b.txt").unlink()
    (desk.target / "run.sh").chmod(0o755)
    (desk.target / "link").symlink_to("a.txt")
    (desk.target / "empty").mkdir()
    tree = record(desk.git, desk.target, desk.index)
    assert listed(desk, tree) == {".gitignore", "a.txt", "link", "new", "run.sh"}
    modes = run_git(desk.user, "ls-tree", tree, "run.sh", "link")
    assert "100755 blob" in modes
    assert "120000 blob" in modes


def test_a_change_hidden_by_an_old_date_is_recorded(desk: Desk) -> None:
    run_git(desk.user, "config", "core.trustctime", "false")
    run_git(desk.user, "config", "core.checkStat", "minimal")
    place = desk.target / "a.txt"
    os.utime(place, (1, 1))
    record(desk.git, desk.target, desk.index)
    # Many a git compares whole seconds: the change must fall into a later one than what was recorded.
    deadline = time.monotonic() + 5
    while int(time.time()) <= int(place.stat().st_ctime):
        assert time.monotonic() < deadline
    place.write_text("z\n")
    os.utime(place, (1, 1))
    tree = record(desk.git, desk.target, desk.index)
    assert run_git(desk.user, "show", f"{tree}:a.txt") == "z\n"


def test_leftovers_are_what_nobody_recorded(desk: Desk) -> None:
    assert leftovers(desk.git, desk.target, desk.index) == ()
    desk.write(**{"new": "n\n", "a.txt": "A\n", "x.o": "object"})
    (desk.target / "docs/b.txt").unlink()
    assert leftovers(desk.git, desk.target, desk.index) == ("a.txt", "docs/b.txt", "new")
    record(desk.git, desk.target, desk.index)
    assert leftovers(desk.git, desk.target, desk.index) == ()


def make_socket(place: Path) -> None:
    """A socket at `place`, however long its path is: the kernel takes no more than 107 bytes."""
    folder = os.open(place.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{place.name}")
    os.close(folder)


def make_a_mess(desk: Desk) -> None:
    """Everything that an agent can leave behind, short of what only root can."""
    write_files(
        desk.target, {"a.txt": "mess", "x.o": "ignored", "new/deep/file": "n", "inner/.git/config": "[x]"}
    )
    (desk.target / "docs/b.txt").unlink()
    (desk.target / "docs").rmdir()
    (desk.target / "docs").symlink_to("/etc")
    (desk.target / "run.sh").unlink()
    write_files(desk.target, {"run.sh/was": "a file"})
    (desk.target / ".gitignore").unlink()
    os.mkfifo(desk.target / ".gitignore")
    os.mkfifo(desk.target / "pipe")
    os.mkfifo(desk.target / ".gitattributes")
    make_socket(desk.target / "socket")
    (desk.target / "new/deep").chmod(0o500)
    (desk.target / "new").chmod(0o000)
    run_git(desk.target, "config", "core.fsmonitor", "false")
    (desk.target / ".git/HEAD").write_text("ref: refs/heads/mine\n")


def test_after_a_mess_a_worktree_is_set_back_byte_for_byte(desk: Desk) -> None:
    before = snapshot(desk.target, without=(".git/index",))
    wire = tripwire(desk.target)
    make_a_mess(desk)
    desk.index.with_name("index.lock").touch()
    for _ in range(2):
        restore(desk.git, desk.target, tree_of(desk.git, desk.base), desk.index, head=desk.base)
        assert snapshot(desk.target, without=(".git/index",)) == before
        assert tripwire(desk.target) == wire
    assert leftovers(desk.git, desk.target, desk.index) == ()
    assert run_git(desk.target, "status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("damage", [b"", b"DIRC", b"\0" * 64])
def test_a_worktree_is_set_back_even_if_its_index_is_damaged_or_it_is_gone(desk: Desk, damage: bytes) -> None:
    before = snapshot(desk.target, without=(".git/index",))
    desk.index.write_bytes(damage)
    make_a_mess(desk)
    restore(desk.git, desk.target, tree_of(desk.git, desk.base), desk.index, head=desk.base)
    assert snapshot(desk.target, without=(".git/index",)) == before


def test_quarantine_keeps_dirty_work_and_is_safe_to_do_twice(desk: Desk) -> None:
    write_files(desk.target, {"new": "n\n", "a.txt": "A\n", "inner/.git/HEAD": "x\n", "inner/work": "w\n"})
    (desk.target / "docs/b.txt").unlink()
    ref = "refs/verger/quarantine/RUN_1/01/1"
    arguments = (desk.git, desk.target, desk.index, ref, desk.base, 1_700_000_000_000)
    commit = quarantine(*arguments)
    assert refs.read(desk.git, ref) == commit == quarantine(*arguments)
    assert listed(desk, ObjectId(commit)) >= {"new", "a.txt", "inner/work", "inner/.git-put-aside/HEAD"}
    assert "docs/b.txt" not in listed(desk, ObjectId(commit))
    assert run_git(desk.user, "rev-parse", f"{commit}^").strip() == desk.base
    desk.write(new="other")
    with pytest.raises(refs.RefMoved):
        quarantine(*arguments)


def test_a_shallow_repository_is_borrowed_from(tmp_path: Path) -> None:
    make_repository(tmp_path / "full", {"a": "1\n"})
    commit_files(tmp_path / "full", {"a": "2\n"}, "second")
    run_git(tmp_path, "clone", "-q", "--depth=1", f"file://{tmp_path}/full", "user")
    desk = Desk(tmp_path / "other", {"x": "x"})
    desk.user = tmp_path / "user"
    desk.refresh()
    desk.create()
    assert run_git(desk.target, "log", "--format=%s") == "second\n"
    assert record(desk.git, desk.target, desk.index) == tree_of(desk.git, desk.base)


def test_sha256_odd_folder_names_and_borrowed_objects_of_the_user_work(tmp_path: Path) -> None:
    odd = make_repository(tmp_path / 'odd "na\\me\n', {"a": "1\n"}, object_format="sha256")
    plain = make_repository(tmp_path / "plain", {"a": "1\n"}, object_format="sha256")
    run_git(tmp_path, "clone", "-q", "--shared", str(plain), "user")
    base = ObjectId(run_git(plain, "rev-parse", "HEAD").strip())
    for number, place in enumerate((odd, tmp_path / "user")):
        found = find(place)
        git = git_for(found, facts(found))
        target = tmp_path / "state" / str(number)
        create(git, target, base, tmp_path / f"index{number}", root=tmp_path / "state")
        assert run_git(target, "log", "--format=%s") == "base\n"
        assert record(git, target, tmp_path / f"index{number}") == tree_of(git, base)


def test_a_sparse_checkout_of_the_user_leaves_nothing_out_of_a_worktree(desk: Desk) -> None:
    run_git(desk.user, "sparse-checkout", "set", "--no-cone", "/a.txt")
    assert not (desk.user / "docs").exists()
    desk.create()
    assert (desk.target / "docs/b.txt").exists()
    write_files(desk.target, {"docs/new": "n\n"})
    assert "docs/new" in listed(desk, record(desk.git, desk.target, desk.index))


def test_line_endings_are_those_of_the_users_checkout(desk: Desk) -> None:
    run_git(desk.user, "config", "core.autocrlf", "true")
    desk.refresh()
    desk.create()
    assert (desk.target / "a.txt").read_bytes() == b"a\r\n"
    assert record(desk.git, desk.target, desk.index) == tree_of(desk.git, desk.base)
    os.utime(desk.target / "a.txt", (1, 1))
    assert run_git(desk.target, "status", "--porcelain") == ""


def test_a_submodule_is_an_empty_folder_and_its_gitlink_stays(desk: Desk, tmp_path: Path) -> None:
    run_git(desk.user, "update-index", "--add", "--cacheinfo", f"160000,{desk.base},sub")
    run_git(desk.user, "commit", "-qm", "sub")
    desk.refresh()
    desk.create()
    assert list((desk.target / "sub").iterdir()) == []
    assert record(desk.git, desk.target, desk.index) == tree_of(desk.git, desk.base)
    write_files(desk.target, {"sub/x": "x"})
    restore(desk.git, desk.target, tree_of(desk.git, desk.base), desk.index, head=desk.base)
    assert list((desk.target / "sub").iterdir()) == []


def test_what_may_never_be_recorded_is_not_whatever_the_ignore_rules_become(desk: Desk) -> None:
    rules = ignore_files(desk.target)
    for name in ("secret.o", "other.o"):
        desk.write(**{name: "key"})
    desk.write(**{".gitignore": "\n"})
    never = ("secret.o", "gone.o")
    tree, left_out = record_by(
        desk.git, desk.target, desk.index, rules, lambda path: True, changed=1, never=never
    )
    assert left_out == ()
    assert {"other.o"} == listing(desk.git, tree).keys() & {"secret.o", "other.o"}
    kept = quarantine(
        desk.git, desk.target, desk.index, "refs/verger/quarantine/x", desk.base, 0, never=never
    )
    assert {"other.o"} == listing(desk.git, kept).keys() & {"secret.o", "other.o"}
