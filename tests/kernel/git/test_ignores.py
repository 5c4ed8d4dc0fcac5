"""The base's ignore rules decide what a change may leave out; what its own rules hide is kept or named."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.doubles.repository import run_git, write_files
from tests.kernel.git.conftest import Desk

from verger_kernel.git.ignores import ignore_files, ignored
from verger_kernel.git.worktrees import leftovers, record, record_by
from verger_kernel.rules.ids import ObjectId


def listed(desk: Desk, tree: ObjectId) -> set[str]:
    return set(run_git(desk.user, "ls-tree", "-r", "-z", "--name-only", tree).split("\0")) - {""}


def by_base(desk: Desk, keep: str = "docs/") -> tuple[set[str], tuple[str, ...]]:
    """What is recorded by the rules with which `desk` began, and what is left out; `keep` is the write root."""
    tree, left_out = record_by(
        desk.git, desk.target, desk.index, RULES, lambda path: path.startswith(keep), changed=1
    )
    return listed(desk, tree), left_out


RULES = ((b".gitignore", b"*.o\n"),)
FILES = {".gitignore", "a.txt", "docs/b.txt", "run.sh"}


def test_the_rules_of_a_fresh_worktree_are_those_of_its_commit(desk: Desk) -> None:
    assert ignore_files(desk.target) == RULES
    write_files(
        desk.target, {"docs/deep/.gitignore": "!x\n", "bad\udcff/.gitignore": "y", "sub/.git/.gitignore": "z"}
    )
    (desk.target / "link").mkdir()
    (desk.target / "link/.gitignore").symlink_to("../a.txt")
    assert dict(ignore_files(desk.target)) == {
        b".gitignore": b"*.o\n",
        b"docs/deep/.gitignore": b"!x\n",
        b"bad\xff/.gitignore": b"y",
        b"link/.gitignore": b"",
    }


def test_with_unchanged_rules_the_record_is_the_plain_one_and_nothing_is_left_out(desk: Desk) -> None:
    write_files(desk.target, {"new": "n\n", "x.o": "object", "docs/y.o": "object"})
    tree, left_out = record_by(desk.git, desk.target, desk.index, RULES, lambda _path: True, changed=1)
    assert (tree, left_out) == (record(desk.git, desk.target, desk.index), ())
    assert listed(desk, tree) == {*FILES, "new"}


def test_an_unignored_deliverable_is_recorded(desk: Desk) -> None:
    write_files(desk.target, {".gitignore": "*.o\n!docs/made.o\n", "docs/made.o": "m", "other.o": "o"})
    assert by_base(desk) == ({*FILES, "docs/made.o"}, ())


def test_what_the_change_itself_ignores_is_recorded_in_a_root_and_named_outside(desk: Desk) -> None:
    write_files(
        desk.target,
        {
            ".gitignore": "*.o\nbuild/\n*.log\n",
            "build/deep/out": "o",
            "build/x.o": "o",
            "docs/run.log": "l",
            "docs/build/page": "p",
            "docs/x.o": "o",
        },
    )
    assert by_base(desk) == ({*FILES, "docs/run.log", "docs/build/page"}, ("build/deep/out",))
    assert leftovers(desk.git, desk.target, desk.index) == ()


def test_a_folder_that_ignores_itself_is_left_out_and_named_even_in_a_root(desk: Desk) -> None:
    write_files(desk.target, {"docs/.cache/.gitignore": "*\n", "docs/.cache/x": "x", "docs/new": "n"})
    assert by_base(desk) == ({*FILES, "docs/new"}, ("docs/.cache/.gitignore", "docs/.cache/x"))


def test_rules_that_are_gone_hide_nothing_new(desk: Desk) -> None:
    (desk.target / ".gitignore").unlink()
    write_files(desk.target, {"x.o": "o"})
    assert by_base(desk) == ({*FILES, "x.o"} - {".gitignore"}, ())


def test_recording_twice_gives_the_same_tree(desk: Desk) -> None:
    write_files(desk.target, {".gitignore": "*\n", "docs/new": "n", "out": "o"})
    first = by_base(desk)
    assert first == ({*FILES, "docs/new"}, ("out",))
    assert by_base(desk) == first


def test_odd_names_are_kept_and_named(desk: Desk) -> None:
    names = [b"new\nline", b"-dash", b"bad\xff", b":(glob)*", b'q"', b"!bang", b"#hash", b" s "]
    for name in names:
        (desk.target / "docs" / os.fsdecode(name)).write_text("odd")
        (desk.target / os.fsdecode(name)).write_text("odd")
    (desk.target / ".gitignore").write_text("*\n")
    recorded, left_out = by_base(desk)
    assert recorded == FILES | {os.fsdecode(b"docs/" + name) for name in names}
    assert set(left_out) >= {"new\\nline", "bad\\xff", ":(glob)*"}
    assert len(left_out) == len(names)


NAMES = ("a", "b", "b.o", "c d", "build")
LINES = (
    "a",
    "/a",
    "b/",
    "*.o",
    "!b.o",
    "!a",
    "build/*",
    "!build/a",
    "**/b",
    "a/**",
    "a/b",
    "/build/",
    "[ab]",
    "\\!a",
)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
RULE_FILES = st.dictionaries(
    st.sampled_from(("", "a/", "build/", "a/b/", "c d/")),
    st.lists(st.sampled_from(LINES), max_size=4).map("\n".join),
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=RULE_FILES, paths=st.sets(PATHS, max_size=8))
def test_rules_mean_in_another_place_what_they_mean_to_git_where_they_stand(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, rules: dict[str, str], paths: set[str]
) -> None:
    place = tmp_path_factory.mktemp("tree")
    run_git(place, "init", "-q", "--template=")
    for path in sorted(paths, key=len, reverse=True):
        if not (place / path).exists() and not any(up.is_file() for up in (place / path).parents):
            write_files(place, {path: "x"})
    for folder, words in rules.items():
        if (place / folder).is_dir():
            write_files(place, {f"{folder}.gitignore": words})
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    files = {os.fsencode(path) for path in there if not path.startswith(".git/")}
    shown = run_git(place, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    unignored = {os.fsencode(path) for path in shown}
    scratch = tmp_path_factory.mktemp("scratch") / "x"
    assert ignored(desk.git, files, ignore_files(place), scratch) == files - unignored
