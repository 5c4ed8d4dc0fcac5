"""Scope is judged by whole components, on every kind of change."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.scope import FORBIDDEN_ROOTS, Change, lies_within, out_of_scope, path_text


def change(path: str, status: str = "M", old: str = "100644", new: str = "100644") -> Change:
    fields = {"status": status, "path": path, "old_mode": old, "new_mode": new}
    return msgspec.convert(fields, Change)


@pytest.mark.parametrize("path", ["docs", "docs/a", "docs/a/b c\nä", "README.md", "src/lib/x.py"])
def test_a_path_in_an_allowed_root_is_in_scope(path: str) -> None:
    assert out_of_scope([change(path)], ["docs", "README.md", "src/lib/"]) == ()


@pytest.mark.parametrize(
    "path", ["docs2/a", "docs.md", "README.md.orig", "src/library", "src", "Docs/a", "a/docs/b"]
)
def test_a_path_that_only_looks_like_an_allowed_root_is_out_of_scope(path: str) -> None:
    assert out_of_scope([change(path)], ["docs", "README.md", "src/lib"]) == (path,)


@pytest.mark.parametrize("root", FORBIDDEN_ROOTS)
def test_a_forbidden_root_wins_over_an_allowed_one_in_any_case(root: str) -> None:
    for path in (root, f"{root}/x", root.upper(), f"{root.title()}/x"):
        assert out_of_scope([change(path)], [root, path]) == (path,)


def test_a_git_folder_is_out_of_scope_at_any_depth_and_in_any_case() -> None:
    paths = ("docs/.git/config", "docs/a/.GIT", "docs/.Git/hooks/x")
    assert out_of_scope(map(change, paths), ["docs"]) == paths
    assert out_of_scope([change("docs/.gitignore"), change("docs/x.git/y")], ["docs"]) == ()


def test_a_change_that_leaves_a_gitlink_is_out_of_scope_even_in_an_allowed_root() -> None:
    new = change("docs/sub", "A", "000000", "160000")
    turned = change("docs/dir", "T", "100644", "160000")
    moved = change("docs/old", "M", "160000", "160000")
    removed = change("docs/gone", "D", "160000", "000000")
    assert out_of_scope([new, turned, moved, removed], ["docs"]) == ("docs/sub", "docs/dir", "docs/old")


def test_every_kind_of_change_outside_the_roots_is_named_once_and_in_order() -> None:
    outside = [
        change("b", "A", "000000", "100644"),
        change("a", "D", "100644", "000000"),
        change("mode", "M", "100644", "100755"),
        change("link", "T", "100644", "120000"),
    ]
    assert out_of_scope([*outside, change("docs/x"), outside[0]], ["docs"]) == ("b", "a", "mode", "link")


def test_without_roots_and_with_empty_roots_nothing_is_in_scope() -> None:
    assert out_of_scope([change("a")], []) == ("a",)
    assert out_of_scope([change("a")], ["", "/"]) == ("a",)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("ä b".encode(), "ä b"),
        (b"a\xff/b", "a\\xff/b"),
        (b"a\\xff/b", "a\\\\xff/b"),
        (b"new\nline\t\x1b[2J", "new\\nline\\t\\x1b[2J"),
        ("gpj.\u202egpj\u2028".encode(), "gpj.\\u202egpj\\u2028"),
    ],
)
def test_a_path_is_shown_on_one_line(raw: bytes, text: str) -> None:
    assert path_text(raw) == text


PIECES = (b"a", b"\\", b"\\x85", b"x", b"n", b"\n", b"\x85", "\x85".encode(), b"\xf0", "\U000e0001".encode())


@given(st.lists(st.lists(st.sampled_from(PIECES)).map(b"".join), min_size=2, max_size=2, unique=True))
def test_no_two_paths_are_shown_alike(paths: list[bytes]) -> None:
    first, second = map(path_text, paths)
    assert first != second
    assert first.isprintable()


def test_a_root_covers_what_its_author_wrote_however_it_is_shown() -> None:
    assert out_of_scope([change(path_text(b"odd\\name/x"))], ["odd\\name"]) == ()
    assert lies_within(path_text(b"docs/\xff"), ["docs"])
    for path in ("docs2/a", "docs/.git/config", ".local/x"):
        assert not lies_within(path, ["docs", ".local"])


@given(
    st.lists(st.text(alphabet="abg./İß", min_size=1), max_size=6),
    st.lists(st.text(alphabet="abg./"), max_size=3),
)
def test_what_is_in_scope_lies_under_a_root_and_more_roots_never_shrink_it(
    paths: list[str], roots: list[str]
) -> None:
    changes = [change(path) for path in paths]
    out = set(out_of_scope(changes, roots))
    for path in set(paths) - out:
        tidy = "/".join(part for part in path.split("/") if part)
        assert any(f"{tidy}/".startswith("/".join(filter(None, root.split("/"))) + "/") for root in roots)
    assert set(out_of_scope(changes, [*roots, "a/b"])) <= out
