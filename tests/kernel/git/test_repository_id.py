"""The name of a repository outlives a move and is never shared with a copy."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.doubles.repository import make_repository, run_git

from verger_kernel.git.repository import NoRepository, find, repository_id


@pytest.fixture
def user(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "user", {"a": "1\n"})


def name_of(path: Path, *, create: bool = True) -> str | None:
    return repository_id(find(path), create=create)


def test_a_name_is_made_once_and_only_when_asked(user: Path) -> None:
    assert name_of(user, create=False) is None
    assert not (user / ".git/verger").exists()
    name = name_of(user)
    assert name is not None
    assert len(name) == 32
    assert int(name, 16) >= 0
    assert name_of(user) == name_of(user, create=False) == name


def test_two_first_runs_at_one_moment_agree_on_the_name(user: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: name_of(user), range(16)))) == 1


def test_a_moved_repository_keeps_its_name(user: Path, tmp_path: Path) -> None:
    name = name_of(user)
    user.rename(tmp_path / "moved")
    assert name_of(tmp_path / "moved", create=False) == name
    assert name_of(tmp_path / "moved") == name


def test_a_repository_moved_to_another_disk_keeps_its_name(user: Path, tmp_path: Path) -> None:
    name = name_of(user)
    shutil.copytree(user, tmp_path / "moved")
    shutil.rmtree(user)
    assert name_of(tmp_path / "moved", create=False) == name


def test_a_copy_gets_a_name_of_its_own_and_the_original_keeps_its(user: Path, tmp_path: Path) -> None:
    name = name_of(user)
    shutil.copytree(user, tmp_path / "copy")
    assert name_of(tmp_path / "copy", create=False) is None
    fresh = name_of(tmp_path / "copy")
    assert fresh not in (None, name)
    assert name_of(user) == name
    assert name_of(tmp_path / "copy", create=False) == fresh


def test_a_copy_of_a_moved_repository_at_its_first_place_gets_a_name_of_its_own(
    user: Path, tmp_path: Path
) -> None:
    name = name_of(user)
    user.rename(tmp_path / "moved")
    assert name_of(tmp_path / "moved") == name
    shutil.copytree(tmp_path / "moved", user)
    assert name_of(user) != name
    assert name_of(tmp_path / "moved") == name


def test_a_moved_repository_keeps_its_name_when_a_copy_stands_where_it_was(
    user: Path, tmp_path: Path
) -> None:
    name = name_of(user)
    user.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", user)
    assert name_of(tmp_path / "moved") == name


def test_a_clone_and_a_linked_worktree_are_told_apart(user: Path, tmp_path: Path) -> None:
    name = name_of(user)
    run_git(tmp_path, "clone", "-q", str(user), "clone")
    run_git(user, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert name_of(tmp_path / "clone") != name
    assert name_of(tmp_path / "linked") == name


def test_a_record_that_cannot_be_read_is_refused_and_kept(user: Path) -> None:
    name_of(user)
    record = user / ".git/verger/repository-id"
    record.write_text("{}")
    with pytest.raises(NoRepository, match="cannot read the repository's name"):
        name_of(user)
    assert record.read_text() == "{}"
