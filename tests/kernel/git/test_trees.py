"""Trees are compared, read and put together without a checkout."""

import random
from pathlib import Path

import psutil
import pytest
from tests.doubles.repository import commit_files, run_git, write_files
from tests.kernel.git.conftest import Desk, snapshot

from verger_kernel.git.command import GitError
from verger_kernel.git.commits import tree_of
from verger_kernel.git.trees import ABSENT, TreeChange, contents, differences, grafted, store
from verger_kernel.git.worktrees import create, record, restore
from verger_kernel.rules.ids import ObjectId

Entry = tuple[bytes, str, ObjectId]
ZEROS = ObjectId("0" * 40)
NAMES = (b"a", b"b", b"a.b", b"new\nline", b"-dash", b"bad\xff", b"tab\t")


def graft(desk: Desk, tree: ObjectId, *entries: Entry) -> ObjectId:
    return grafted(desk.git, tree, entries, desk.root / "graft")


def test_each_difference_has_both_modes_and_both_ids(desk: Desk) -> None:
    desk.write(**{"a.txt": "A\n", "new": "n\n"})
    (desk.target / "docs/b.txt").unlink()
    (desk.target / "run.sh").chmod(0o755)
    new = record(desk.git, desk.target, desk.index)
    found = {change.path: change for change in differences(desk.git, desk.base, new)}
    assert list(found) == [b"a.txt", b"docs/b.txt", b"new", b"run.sh"]
    assert found[b"docs/b.txt"] == TreeChange(
        status="D",
        path=b"docs/b.txt",
        old_mode="100644",
        new_mode=ABSENT,
        old_id=ObjectId(run_git(desk.user, "rev-parse", "HEAD:docs/b.txt").strip()),
        new_id=ZEROS,
    )
    assert (found[b"new"].old_mode, found[b"new"].old_id) == (ABSENT, ZEROS)
    assert contents(desk.git, [found[b"a.txt"].new_id], size_max=2) == {found[b"a.txt"].new_id: b"A\n"}
    assert (found[b"run.sh"].old_mode, found[b"run.sh"].new_mode) == ("100644", "100755")


def test_differences_are_in_byte_order_where_a_file_becomes_a_folder(desk: Desk) -> None:
    blob = store(desk.git, b"x")
    old = graft(desk, desk.base, *((name, "100644", blob) for name in (b"x", b"x.y", b"bad\xff")))
    new = graft(desk, old, (b"x/z", "100644", blob), (b"bad\xff", "120000", blob))
    assert [(one.status, one.path) for one in differences(desk.git, old, new)] == [
        ("T", b"bad\xff"),
        ("D", b"x"),
        ("A", b"x/z"),
    ]
    assert differences(desk.git, old, old) == ()


def test_what_is_too_large_missing_or_no_blob_is_left_out_and_the_rest_is_whole(desk: Desk) -> None:
    texts = [b"", b"\n", b"\0\xff\n" * 500, b"small", b"x" * 3_000_000]
    ids = [store(desk.git, text) for text in texts]
    asked = [ids[0], ZEROS, ids[4], desk.base, *ids, tree_of(desk.git, desk.base)]
    assert contents(desk.git, asked, size_max=1500) == dict(zip(ids[:4], texts[:4], strict=True))
    assert contents(desk.git, [], size_max=1) == {}


def test_more_blobs_than_a_pipe_holds_are_read_in_one_go(desk: Desk) -> None:
    write_files(desk.target, {f"many/{number}": f"{number}\n" * 200 for number in range(1000)})
    found = differences(desk.git, desk.base, record(desk.git, desk.target, desk.index))
    read = contents(desk.git, [one.new_id for one in found], size_max=10_000)
    assert {one.path: read[one.new_id] for one in found} == {
        b"many/%d" % number: b"%d\n" % number * 200 for number in range(1000)
    }


def test_a_reader_that_stops_early_leaves_no_process_and_a_failing_git_is_named(desk: Desk) -> None:
    blob = store(desk.git, b"x" * 3_000_000)
    with pytest.raises(KeyError), desk.git.reading("cat-file", "--batch", stdin=f"{blob}\n".encode() * 9):
        raise KeyError
    assert "git" not in [child.name() for child in psutil.Process().children()]
    with (
        pytest.raises(GitError, match="cat-file"),
        desk.git.reading("cat-file", "--evil", stdin=b"") as answer,
    ):
        answer.read()


def test_an_answer_that_never_comes_is_ended_and_named(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/git"
    write_files(tmp_path, {"bin/git": "#!/bin/sh\nsleep 60\n"})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with (
        pytest.raises(GitError, match="exit code -9"),
        desk.git.reading("cat-file", "--batch", stdin=b"", timeout_s=0.3) as answer,
    ):
        assert answer.read() == b""


def test_stored_bytes_pass_through_no_filter(desk: Desk) -> None:
    run_git(desk.user, "config", "core.autocrlf", "true")
    desk.refresh()
    assert run_git(desk.user, "cat-file", "blob", store(desk.git, b"a\r\n")) == "a\r\n"


def test_a_path_is_set_replaced_and_removed_and_all_else_stays(desk: Desk) -> None:
    blob = store(desk.git, b"grafted\n")
    made = graft(
        desk,
        desk.base,
        (b"a.txt", "100755", blob),
        (b"deep/er/link", "120000", blob),
        (b"docs/b.txt", ABSENT, ZEROS),
        (b"never/there", ABSENT, ZEROS),
    )
    lines = run_git(desk.user, "ls-tree", "-r", made).splitlines()
    assert [line.split()[0] + " " + line.split("\t")[1] for line in lines] == [
        "100644 .gitignore",
        "100755 a.txt",
        "120000 deep/er/link",
        "100644 run.sh",
    ]
    assert not list(desk.root.glob("graft*"))
    assert graft(desk, made) == made


@pytest.mark.parametrize("backwards", [False, True])
def test_a_file_becomes_a_folder_and_a_folder_a_file_in_any_order_of_entries(
    desk: Desk, backwards: bool
) -> None:
    blob = store(desk.git, b"x")
    to_folder = [(b"a.txt", ABSENT, ZEROS), (b"a.txt/in/side", "100644", blob)]
    to_file = [(b"docs/b.txt", ABSENT, ZEROS), (b"docs", "100644", blob)]
    step = -1 if backwards else 1
    made = graft(desk, desk.base, *to_folder[::step], *to_file[::step])
    names = run_git(desk.user, "ls-tree", "-r", "--name-only", made).split()
    assert names == [".gitignore", "a.txt/in/side", "docs", "run.sh"]


def test_grafting_the_differences_of_two_trees_onto_one_gives_the_other(desk: Desk) -> None:
    dice = random.Random(3)
    trees = [desk.base]
    for _ in range(6):
        entries = []
        for name in NAMES:
            path = name + dice.choice((b"", b"/x", b"/x/y"))
            blob = store(desk.git, dice.randbytes(3))
            entries.append((path, dice.choice(("100644", "100755", "120000", ABSENT)), blob))
        trees.append(graft(desk, trees[-1], *entries))
    for old, new in zip(trees, reversed(trees), strict=True):
        found = differences(desk.git, old, new)
        assert graft(desk, old, *((one.path, one.new_mode, one.new_id) for one in found)) == (
            tree_of(desk.git, new)
        )


def test_the_users_repository_only_gains_objects(desk: Desk) -> None:
    before = snapshot(desk.user, without=(".git/objects",))
    graft(desk, desk.base, (b"a.txt", "100644", store(desk.git, b"x")))
    assert snapshot(desk.user, without=(".git/objects",)) == before


def test_a_tree_without_a_commit_is_checked_out_with_a_head_that_is_given_apart(desk: Desk) -> None:
    made = graft(desk, desk.base, (b"a.txt", "100644", store(desk.git, b"grafted\n")))
    target, index = desk.root / "verify" / "work", desk.root / "verify" / "index"
    create(desk.git, target, made, index, root=desk.root, head=desk.base)
    assert (target / "a.txt").read_text() == "grafted\n"
    assert run_git(target, "rev-parse", "HEAD^{tree}").strip() == made
    assert run_git(target, "status", "--porcelain") == ""
    assert record(desk.git, target, index) == made
    restore(desk.git, target, tree_of(desk.git, desk.base), index, head=desk.base)
    assert run_git(target, "status", "--porcelain") == ""


def test_an_empty_tree_is_compared_grafted_and_checked_out(desk: Desk) -> None:
    run_git(desk.user, "rm", "-q", "-r", ".")
    empty = ObjectId(commit_files(desk.user, {}, "empty"))
    assert {one.status for one in differences(desk.git, desk.base, empty)} == {"D"}
    made = graft(desk, empty, (b"a", "100644", store(desk.git, b"a")))
    assert graft(desk, made, (b"a", ABSENT, ZEROS)) == tree_of(desk.git, empty)
    create(desk.git, desk.target, empty, desk.index, root=desk.root)
    assert [path.name for path in desk.target.iterdir()] == [".git"]
