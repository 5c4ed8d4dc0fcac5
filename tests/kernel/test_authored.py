"""Files that a person works on, on a real disk."""

import os
from pathlib import Path

import pytest

from verger_kernel import authored


def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    authored.create(tmp_path / "new.md", b"words\n")
    assert (tmp_path / "new.md").read_bytes() == b"words\n"
    assert (tmp_path / "new.md").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.md", "usual"]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_has_the_name_already_is_left_alone(tmp_path: Path, make) -> None:
    path = tmp_path / "new.md"
    make(path)
    before = path.lstat().st_ino
    with pytest.raises(FileExistsError):
        authored.create(path, b"words\n")
    assert path.lstat().st_ino == before
    assert [one.name for one in tmp_path.iterdir()] == ["new.md"]


def test_a_replaced_file_keeps_its_mode_and_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "old.md"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with path.open("rb") as reader:
        authored.replace(path, b"new")
        assert reader.read() == b"old"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    assert [one.name for one in tmp_path.iterdir()] == ["old.md"]


def test_behind_a_link_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "deep" / "old.md", tmp_path / "link.md"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to("deep/old.md")
    authored.replace(link, b"new")
    assert (link.readlink(), target.read_bytes()) == (Path("deep/old.md"), b"new")


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is no regular file"):
        authored.replace(tmp_path / "pipe", b"new")
    with pytest.raises(FileNotFoundError):
        authored.replace(tmp_path / "gone", b"new")
    with pytest.raises(FileNotFoundError):
        authored.create(tmp_path / "gone" / "new.md", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]
