"""A folder goes, whatever is in it; nothing outside it does."""

import os
from pathlib import Path

import pytest
from tests.doubles.repository import write_files

from verger_kernel.git.removal import RemovalRefused, remove


def test_a_folder_goes_with_read_only_folders_pipes_and_odd_names(tmp_path: Path) -> None:
    target = tmp_path / "root" / "target"
    write_files(target, {"a/b/c": "c", "a/.going-0/x": "x", ".going-0": "y", "new\nline": "n"})
    os.mkfifo(target / "pipe")
    (target / os.fsdecode(b"bad\xff")).mkdir()
    (target / "a/b").chmod(0o000)
    (target / "a").chmod(0o500)
    target.chmod(0o500)
    remove(target, tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_links_are_removed_and_never_followed(tmp_path: Path) -> None:
    write_files(tmp_path, {"kept/x": "x", "root/target/a/y": "y"})
    for place in ("root/target/link", "root/target/a/link"):
        (tmp_path / place).symlink_to(tmp_path / "kept")
    (tmp_path / "root/target/a/file").symlink_to(tmp_path / "kept/x")
    remove(tmp_path / "root/target", tmp_path / "root")
    assert (tmp_path / "kept/x").read_text() == "x"
    assert not (tmp_path / "root/target").exists()


def test_a_tree_deeper_than_any_path_goes(tmp_path: Path) -> None:
    target = tmp_path / "root" / "target"
    target.mkdir(parents=True)
    folder = os.open(target, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=folder)
        inner = os.open("deep", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    remove(target, tmp_path / "root")
    assert not target.exists()


def test_what_is_not_there_needs_no_removal(tmp_path: Path) -> None:
    remove(tmp_path / "absent" / "target", tmp_path)


def test_nothing_outside_the_root_or_behind_a_link_is_removed(tmp_path: Path) -> None:
    write_files(tmp_path, {"kept/x": "x", "root/y": "y"})
    (tmp_path / "root/link").symlink_to(tmp_path / "kept")
    root = tmp_path / "root"
    for target in (tmp_path / "kept", root, root / "link" / "x", root / ".." / "kept", Path("/")):
        with pytest.raises(RemovalRefused, match="cannot remove"):
            remove(target, root)
    assert (tmp_path / "kept/x").read_text() == "x"
    assert (root / "y").exists()
