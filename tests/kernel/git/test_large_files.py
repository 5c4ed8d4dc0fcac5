"""Large files of git-lfs: which files of an index stand for one, and where its bytes are."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.large import ATTRIBUTES, fetch, pointer_to
from tests.doubles.repository import run_git
from tests.kernel.git.conftest import Desk

from verger_kernel.git.large_files import Pointer, _known, large_files, pointer
from verger_kernel.git.worktrees import record, restore

BYTES = b"many bytes" * 1000


@pytest.fixture
def large(tmp_path: Path) -> Desk:
    """A repository in which a large file was fetched, one was not, and one only looks like a pointer."""
    files: dict[str, str | bytes] = {
        ".gitattributes": ATTRIBUTES,
        "deep/held.bin": pointer_to(BYTES),
        "missing.bin": pointer_to(b"never fetched"),
        "whole.bin": BYTES,
        "pointer.txt": pointer_to(BYTES),
    }
    desk = Desk(tmp_path, files)
    fetch(desk.user, BYTES)
    desk.create()
    return desk


def test_a_file_stands_for_the_bytes_that_were_fetched(large: Desk) -> None:
    assert large_files(large.git, large.index) == {"deep/held.bin": fetch(large.user, BYTES)}


def test_a_repository_where_nothing_is_kept_starts_no_git(desk: Desk) -> None:
    # Any git that is asked for it would fail.
    desk.index.write_text("no index")
    assert large_files(desk.git, desk.index) == {}


def test_bytes_that_are_no_longer_what_they_were_are_left_out(large: Desk) -> None:
    place = fetch(large.user, BYTES)
    assert large_files(large.git, large.index)
    place.write_bytes(b"other bits" * 1000)
    assert large_files(large.git, large.index) == {}
    place.unlink()
    place.symlink_to(large.user / "whole.bin")
    assert large_files(large.git, large.index) == {}
    place.unlink()
    assert large_files(large.git, large.index) == {}


def test_what_is_no_file_is_never_waited_for(large: Desk) -> None:
    place = fetch(large.user, b"")
    place.unlink()
    os.mkfifo(place)
    (large.target / "deep/held.bin").write_text(pointer_to(b""))
    record(large.git, large.target, large.index)
    assert large_files(large.git, large.index) == {}


def test_a_store_on_another_disk_is_named_where_it_is(large: Desk, tmp_path: Path) -> None:
    (large.user / ".git/lfs").rename(tmp_path / "disk")
    (large.user / ".git/lfs").symlink_to(tmp_path / "disk")
    (found,) = large_files(large.git, large.index).values()
    assert found == found.resolve()
    assert found.is_relative_to(tmp_path / "disk")


def test_the_lock_of_a_git_that_was_killed_keeps_no_worktree_away(large: Desk) -> None:
    for name in ("index.shown", "index.shown.lock"):
        (large.index.parent / name).write_text("half")
    large.create()
    assert not [*large.index.parent.glob("*.shown*")]


def test_each_is_read_once_however_many_there_are(large: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = large_files(large.git, large.index)
    # Whoever opened one again would fail.
    monkeypatch.setattr(os, "O_NOFOLLOW", os.O_DIRECTORY)
    assert large_files(large.git, large.index) == found != {}
    assert _known.cache_parameters()["maxsize"] is None


def test_what_is_recorded_next_is_looked_at_anew(large: Desk) -> None:
    other = b"other bytes"
    place = fetch(large.user, other)
    (large.target / "deep/held.bin").write_text(pointer_to(other))
    record(large.git, large.target, large.index)
    assert large_files(large.git, large.index) == {"deep/held.bin": place}


def test_in_a_worktree_the_bytes_in_place_of_a_pointer_are_no_change(large: Desk) -> None:
    def looked() -> str:
        return run_git(large.target, "status", "--porcelain")

    for make in (
        large.create,
        lambda: restore(large.git, large.target, large.base, large.index, head=large.base),
    ):
        make()
        (large.target / "deep/held.bin").write_bytes(BYTES)
        assert looked() == ""
        (large.target / "missing.bin").write_bytes(BYTES)
        assert looked() == " M missing.bin\n"
    assert not [*large.index.parent.glob("*.shown*")]
    # The kernel's own index looks at every file.
    record(large.git, large.target, large.index)
    assert large_files(large.git, large.index) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pointer_to(BYTES).encode().replace(b"v1", b"v2"),
        pointer_to(BYTES).encode() + b"more\n",
        pointer_to(BYTES).encode().replace(b"sha256:", b"sha256:../../"),
        pointer_to(BYTES).encode().replace(b"size 1", b"size -1"),
        # Its program would make other bytes of them.
        pointer_to(BYTES).encode().replace(b"oid", b"ext-0-x sha256:00\noid"),
    ],
)
def test_what_is_no_pointer_stands_for_nothing(data: bytes) -> None:
    assert pointer(data) is None


@given(st.binary())
def test_every_pointer_leads_back_to_its_bytes(data: bytes) -> None:
    found = pointer(pointer_to(data).encode())
    assert isinstance(found, Pointer)
    assert (
        pointer_to(data)
        == f"version https://git-lfs.github.com/spec/v1\noid sha256:{found.sha256}\nsize {found.size}\n"
    )
    assert pointer(data) is None
