"""What single cells mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.playbook import cells
from verger_kernel.rules.playbook.table import split_cells
from verger_kernel.rules.scope import FORBIDDEN_ROOTS

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z")), min_size=1)


@pytest.mark.parametrize(
    ("cell", "paths"),
    [
        ("`docs/a.md`", ("docs/a.md",)),
        ("docs/a.md, src/x/; docs/b.json.", ("docs/a.md", "src/x/", "docs/b.json")),
        ("docs/a.md then `src/demo`", ("src/demo", "docs/a.md")),
        ("`docs/a b.md`; `docs/a b.md`", ("docs/a b.md",)),
        ("see (docs/a.md) and/or docs/demo", ("docs/a.md",)),
        ("`docs/a.md` and README.md", ("docs/a.md",)),
        ("README.md; `Makefile`", ()),
        ("https://example.org/a.html", ()),
        ("/etc/hosts.conf ../up/a.md docs/..", ("/etc/hosts.conf", "../up/a.md", "docs/..")),
        ("none", ()),
        ("", ()),
    ],
)
def test_paths_with_a_slash_are_found(cell: str, paths: tuple[str, ...]) -> None:
    assert cells.find_paths(cell) == paths


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("README.md", ("README.md",)),
        ("the new README.md, with `Makefile`.", ("Makefile", "README.md")),
        (".gitignore; `a.c`", ("a.c", ".gitignore")),
        ("version 1.2, e.g. `make all`", ()),
        ("none", ()),
    ],
)
def test_files_at_the_top_of_the_repository_are_found(cell: str, names: tuple[str, ...]) -> None:
    assert cells.find_root_level_names(cell) == names


@pytest.mark.parametrize(
    "root", ["docs", "docs/", "docs/a.md", ".github", "ops", "local", "README.md", "git.git"]
)
def test_a_plain_root_is_allowed(root: str) -> None:
    assert cells.root_problem(root) is None


@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("`docs/`", "is in backticks, which would be part of the name"),
        ("/etc", "is absolute"),
        ("/", "is absolute"),
        (".", "has `.` or `..` for a part"),
        ("./docs", "has `.` or `..` for a part"),
        ("docs/..", "has `.` or `..` for a part"),
        ("docs//a", "has an empty part, a backslash or a control character"),
        ("docs\\a", "has an empty part, a backslash or a control character"),
        ("docs\0a", "has an empty part, a backslash or a control character"),
        ("docs\na", "has an empty part, a backslash or a control character"),
        ("Secrets/", "lies in secrets, which no item may write"),
        ("vendor/.git", "lies in .git, which no item may write"),
    ],
)
def test_a_root_that_cannot_be_granted_is_refused(root: str, why: str) -> None:
    problem = cells.root_problem(root)
    assert problem is not None
    assert problem[0] == why


@pytest.mark.parametrize("forbidden", FORBIDDEN_ROOTS)
def test_every_forbidden_root_is_refused_with_all_under_it_and_nothing_beside_it(forbidden: str) -> None:
    assert cells.root_problem(forbidden)
    assert cells.root_problem(f"{forbidden}/below/")
    assert cells.root_problem(f"{forbidden}2") is None


def test_backticked_roots_are_told_how_to_be_written() -> None:
    assert cells.root_problem("`docs`") == (
        "is in backticks, which would be part of the name",
        "Write docs/, without backticks.",
    )


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("", []),
        ("None", []),
        ("01, , 02", ["01", "02"]),
        ("08-10", ["08", "09", "10"]),
        ("8-010", ["008", "009", "010"]),
        ("a-b", ["a-b"]),
        ("9999999999999999999-1", ["9999999999999999999-1"]),
    ],
)
def test_prerequisites_expand(cell: str, ids: list[str]) -> None:
    assert [name for _, names in cells.expand_prerequisites(cell, 10) for name in names or ()] == ids


@pytest.mark.parametrize("cell", ["03-01", "1-11", "1-999999999999999999"])
def test_a_range_that_cannot_be_of_this_playbook_has_no_ids(cell: str) -> None:
    assert list(cells.expand_prerequisites(cell, 10)) == [(cell, None)]


@pytest.mark.parametrize(
    ("cell", "commands"),
    [
        ("`make test`; none; ; ls", ("make test", "ls")),
        ("`a` and `b`", ("`a` and `b`",)),
        ("``a``", ("``a``",)),
        ("``", ("``",)),
        (r"find . -exec rm {} \\;", (r"find . -exec rm {} \;",)),
    ],
)
def test_commands_lose_one_pair_of_backticks_at_most(cell: str, commands: tuple[str, ...]) -> None:
    assert cells.split_commands(cell) == commands


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Vendor Status", "vendor-status"),
        ("  A_b (c)! ", "a-b-c"),
        ("Übung 2", "übung-2"),
        ("?!", "untitled"),
    ],
)
def test_a_slug_is_words_and_dashes(title: str, expected: str) -> None:
    assert cells.slug(title) == expected


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_escaped_cells_come_back_whole(texts: list[str]) -> None:
    line = " | ".join(text.replace("|", "\\|") for text in texts)
    assert split_cells(f"| {line} |") == tuple(texts)


@given(st.lists(TEXT.filter(lambda text: text.lower() != "none"), max_size=5))
def test_escaped_entries_come_back_whole(texts: list[str]) -> None:
    assert cells.split_list(" ; ".join(text.replace(";", "\\;") for text in texts)) == tuple(texts)
