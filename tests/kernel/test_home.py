"""Where a repository's runs are kept, and how a run is named on the command line."""

import shutil
from pathlib import Path

import pytest
from tests.doubles.repository import make_repository, run_git

from verger_kernel.errors import CommandError
from verger_kernel.home import Home, find_home, find_run, link, links, run_ids, settle
from verger_probes.exits import Exit

OLD, NEW = (f"RUN_2026010{day}T000000Z_{str(day) * 32}" for day in (1, 2))


def home_of(root: Path, start: Path | None = None) -> Home:
    return find_home(
        start or root / "repository", {"XDG_STATE_HOME": str(root / "state"), "HOME": "/nowhere"}
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a repository in it that Verger never saw."""
    make_repository(tmp_path / "repository", {"docs/a.md": "a\n", ".gitignore": ".local/\n"})
    return tmp_path


def refusal(home: Home, text: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        find_run(home, text)
    return caught.value


def test_looking_for_a_home_makes_nothing(root: Path) -> None:
    before = sorted(root.rglob("*"))
    home = home_of(root)
    assert (home.folder, home.state) == (None, root / "state" / "verger")
    with pytest.raises(CommandError, match="no run was ever made"):
        home.require()
    assert sorted(root.rglob("*")) == before


def test_without_an_absolute_state_home_it_lies_below_the_users_own(root: Path) -> None:
    for environ in ({"HOME": "/h"}, {"HOME": "/h", "XDG_STATE_HOME": "relative"}):
        assert find_home(root / "repository", environ).state == Path("/h/.local/state/verger")


def test_a_settled_home_is_found_from_every_folder_of_the_checkout(root: Path) -> None:
    folder = settle(home_of(root))
    assert home_of(root).folder == home_of(root, root / "repository" / "docs").folder == folder
    assert folder.runs.is_dir() and folder.reports.is_dir() and folder.worktrees.is_dir()
    assert folder.root.stat().st_mode & 0o777 == 0o700
    assert settle(home_of(root)) == folder


def test_a_state_folder_that_was_deleted_is_no_home(root: Path) -> None:
    shutil.rmtree(settle(home_of(root)).root)
    assert home_of(root).folder is None


def test_the_links_lead_to_the_runs_and_git_does_not_see_them(root: Path) -> None:
    folder = settle(home_of(root))
    repository = root / "repository"
    assert {path.resolve() for path in links(repository, folder)} == {
        folder.runs,
        folder.worktrees,
        folder.reports,
    }
    (repository / ".gitignore").unlink()
    assert run_git(repository, "status", "--porcelain", "--untracked-files=all") == " D .gitignore\n"


def test_a_lost_or_wrong_link_is_made_again_and_somebodys_folder_is_theirs(root: Path) -> None:
    folder = settle(home_of(root))
    first, second, third = links(root / "repository", folder)
    first.unlink()
    second.unlink()
    second.symlink_to("/elsewhere")
    third.unlink()
    third.mkdir()
    (third / "kept").touch()
    assert link(root / "repository", folder) == (first, second)
    assert second.readlink() == folder.worktrees
    assert (third / "kept").exists()


def test_where_no_link_can_be_made_there_is_still_a_home(root: Path) -> None:
    (root / "repository" / ".local").write_text("a file in its place\n", encoding="utf-8")
    folder = settle(home_of(root))
    assert folder.runs.is_dir()
    assert link(root / "repository", folder) == ()


def test_a_state_home_that_cannot_be_made_gives_the_repository_no_name(root: Path) -> None:
    (root / "state").write_text("a file in its place\n", encoding="utf-8")
    with pytest.raises(OSError, match="state"):
        settle(home_of(root))
    assert not (root / "repository" / ".git" / "verger").exists()


def test_a_repository_whose_name_cannot_be_read_is_refused_in_words(root: Path) -> None:
    settle(home_of(root))
    (root / "repository" / ".git" / "verger" / "repository-id").write_bytes(b"\0\0")
    with pytest.raises(CommandError, match="cannot read the repository's name") as caught:
        home_of(root)
    assert caught.value.code is Exit.ENVIRONMENT


def test_a_run_is_found_by_id_by_a_unique_beginning_and_as_the_latest(root: Path) -> None:
    folder = settle(home_of(root))
    for name in (NEW, OLD, "RUN_draft", ".new-" + NEW, "notes"):
        (folder.runs / name).mkdir()
    (folder.runs / OLD.replace("1", "3")).touch()
    home = home_of(root)
    assert run_ids(folder) == (OLD, NEW)
    for text, expected in ((OLD, OLD), (OLD[:20], OLD), ("RUN_20260102", NEW), ("latest", NEW)):
        assert find_run(home, text) == expected
    assert str(refusal(home, "R")) == "'R' begins 2 run ids"
    assert str(refusal(home, "RUN_2027")).startswith("no run 'RUN_2027' in ")


def test_no_other_text_ever_becomes_a_path(root: Path) -> None:
    settle(home_of(root))
    for text in (
        "",
        ".",
        "..",
        "../../x",
        "/etc",
        "R" * 300,
        "RUN_20260101T000000Z_..",
        "RUN_\0",
        "latest/",
        "*",
    ):
        error = refusal(home_of(root), text)
        assert "cannot begin a run id" in str(error)
        assert error.code is Exit.INPUT
