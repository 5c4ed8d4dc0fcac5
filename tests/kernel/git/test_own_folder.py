"""The folder that our git works in holds what it must and nothing else, whatever somebody put there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from verger_kernel.git.own_folder import forget, own_folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "user.git"
    (made / "info").mkdir(parents=True)
    (made / "info" / "exclude").write_bytes(b"*.o\n")
    (made / "config").write_text("[core]\n\thooksPath = /somewhere\n")
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SOUND = {
    "HEAD": b"ref: refs/heads/none\n",
    "config": b"[core]\n\trepositoryformatversion = 0\n",
    "info/exclude": b"*.o\n",
}
PLANTS: dict[str, Callable[[Path], object]] = {
    "a hook": lambda folder: (folder / "hooks").mkdir() or (folder / "hooks" / "post-index-change").touch(),
    "a configuration": lambda folder: (folder / "config").write_text("[core]\n\tfsmonitor = evil\n"),
    "attributes": lambda folder: (folder / "info" / "attributes").write_text("* filter=evil\n"),
    "a link for HEAD": lambda folder: (folder / "HEAD").unlink() or (folder / "HEAD").symlink_to("config"),
    "a ref": lambda folder: (folder / "refs" / "heads").mkdir(),
    "no folder for refs": lambda folder: (folder / "refs").rmdir(),
}


def test_it_holds_the_format_and_the_excludes_of_the_repository(repository: Path, tmp_path: Path) -> None:
    assert files(own_folder(tmp_path / "index", repository, "sha1")) == SOUND


def test_it_stays_for_the_next_command(repository: Path, tmp_path: Path) -> None:
    first = own_folder(tmp_path / "index", repository, "sha1").stat()
    assert own_folder(tmp_path / "index", repository, "sha1").stat() == first


@pytest.mark.parametrize("plant", PLANTS)
def test_whatever_was_planted_is_gone_before_it_is_used(repository: Path, tmp_path: Path, plant: str) -> None:
    PLANTS[plant](own_folder(tmp_path / "index", repository, "sha1"))
    made = own_folder(tmp_path / "index", repository, "sha1")
    assert files(made) == SOUND
    assert sorted(path.name for path in made.iterdir()) == ["HEAD", "config", "info", "refs"]
    assert not (made / "HEAD").is_symlink()


def test_new_excludes_of_the_repository_count_at_once(repository: Path, tmp_path: Path) -> None:
    own_folder(tmp_path / "index", repository, "sha1")
    (repository / "info" / "exclude").write_bytes(b"*.a\n")
    assert files(own_folder(tmp_path / "index", repository, "sha1"))["info/exclude"] == b"*.a\n"


def test_it_goes_with_the_index(repository: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    for place in (index, tmp_path / "index.lock"):
        place.touch()
    own_folder(index, repository, "sha1")
    forget(index)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["user.git"]
