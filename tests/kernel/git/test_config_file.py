"""A configuration file is read as git reads it, and what git refuses is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.repository import run_git

from verger_kernel.git.config_file import Unreadable, entries

WRITTEN = (
    '[core]fsmonitor=a\n\teditor = "vi # not" # comment\n pager\n',
    '[Filter "A b\\"c\\\\"]\r\n  CLEAN = one \\\n  two  ; x\r\n',
    '[a.B.c]\nx-1=  \n y = " quoted  "tail \\n\\t\\\\ \n',
    "\ufeff[core]\n\tbare\n[include]path=x\n[a] [b] k = 1",
    "k = outside\n",
    "[a]\nk = v\\q\n",
    '[a]\nk = "open\n',
    '[a "open]\nk\n',
    "[a\n]k\n",
    "[a]k v\n",
    "[a]1k = v\n",
    "[a]\n= v\n",
    "[a] k = v \\\n",
    '[a]\n[b "x"y]\nk\n',
    "",
)


def as_git(folder: Path, data: bytes) -> list[tuple[str, str]] | None:
    """What git says of it, tabs as blanks; None if it refuses."""
    (folder / "config").write_bytes(data)
    try:
        listing = run_git(folder, "config", "--file", "config", "--list", "-z", "--no-includes")
    except AssertionError:
        return None
    pairs = [one.partition("\n") for one in listing.split("\0") if one]
    return [(key, value.replace("\t", " ") if newline else "true") for key, newline, value in pairs]


def as_we(data: bytes) -> list[tuple[str, str]] | None:
    """What we read; None if we refuse. Whether a tab in a value is a blank is a matter of git's version."""
    try:
        # A key outside of any section has no dot before it.
        return [(key.removeprefix("."), value.replace("\t", " ")) for key, value in entries(data)]
    except Unreadable:
        return None


@pytest.mark.parametrize("text", WRITTEN)
def test_it_is_read_as_git_reads_it(tmp_path: Path, text: str) -> None:
    assert as_we(text.encode()) == as_git(tmp_path, text.encode())


PIECES = (
    "[core]",
    '[a "b"]',
    "fsmonitor",
    "x",
    "=",
    " ",
    "\t",
    "\n",
    "\r\n",
    '"',
    "\\",
    "#",
    ";",
    "\\\n",
    "[",
    "]",
    "ä",
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_text_is_read_otherwise_than_by_git(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    data = b"[core]\n" + text.encode()
    assert as_we(data) == as_git(folder, data)


@given(st.binary(max_size=60))
def test_any_bytes_are_entries_or_refused(data: bytes) -> None:
    as_we(b"[a]k=" + data)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(Unreadable, match="line 3"):
        entries(b"[a]\n\n1 = 2\n[b]\n")
