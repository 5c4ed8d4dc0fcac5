"""What stands as it stood was not touched; whatever touches it is seen, even with its times put back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from verger_kernel.git import standing as module
from verger_kernel.git.standing import Reader, standing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    (made / "deep" / ".git").mkdir(parents=True)
    (made / "a.txt").write_bytes(b"one")
    (made / "deep" / ".git" / "HEAD").write_bytes(b"two")
    (made / "link").symlink_to("a.txt")
    return made


def rewritten(folder: Path) -> None:
    place = folder / "a.txt"
    times = place.stat()
    place.write_bytes(b"eno")
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(folder: Path) -> None:
    twin = folder / "twin"
    twin.write_bytes(b"one")
    twin.replace(folder / "a.txt")


TOUCHES: dict[str, Callable[[Path], object]] = {
    "rewritten, its times put back": rewritten,
    "replaced by an equal one": replaced,
    "made executable": lambda folder: (folder / "a.txt").chmod(0o755),
    "a file added": lambda folder: (folder / "new").touch(),
    "an empty folder added": lambda folder: (folder / "deep" / "new").mkdir(),
    "removed": lambda folder: (folder / "a.txt").unlink(),
    "renamed": lambda folder: (folder / "a.txt").rename(folder / "b.txt"),
    "inside .git": lambda folder: (folder / "deep" / ".git" / "HEAD").write_bytes(b"owt"),
    "a hard link made elsewhere": lambda folder: os.link(folder / "a.txt", folder.parent / "other"),
}


def test_what_was_only_looked_at_stands_as_it_stood(folder: Path) -> None:
    before = standing(folder)
    (folder / "a.txt").read_bytes()
    list(folder.rglob("*"))
    assert standing(folder).is_that_of(before)


@pytest.mark.parametrize("touch", TOUCHES)
def test_whatever_touches_it_is_seen(folder: Path, touch: str) -> None:
    before = standing(folder)
    TOUCHES[touch](folder)
    assert not standing(folder).is_that_of(before)


def test_what_is_not_there_equals_nothing(tmp_path: Path) -> None:
    nowhere = standing(tmp_path / "nowhere")
    assert not nowhere.is_that_of(nowhere)


def test_what_changed_since_a_moment_is_counted(folder: Path) -> None:
    since = max(path.lstat().st_ctime_ns for path in folder.rglob("*"))
    while (folder / "a.txt").stat().st_ctime_ns <= since:
        (folder / "a.txt").write_bytes(b"three")
    found = standing(folder, since)
    assert (found.changed, found.changed_bytes) == (1, 5)


def test_large_files_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 3)
    (folder / "deep" / "large").write_bytes(b"four")
    assert standing(folder).large == {b"deep/large"}


def test_a_file_that_changed_just_now_is_read_again(folder: Path) -> None:
    read = Reader()
    assert read(folder / "a.txt") == b"one"
    rewritten(folder)
    assert read(folder / "a.txt") == b"eno"


def test_a_settled_file_is_read_once_until_it_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLED_NS", -1)
    read, place = Reader(), folder / "a.txt"
    assert read(place) == b"one"
    opened: list[Path] = []
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or b"read")
    assert read(place) == b"one"
    assert opened == []
    place.chmod(0o640)
    assert read(place) == b"read"
