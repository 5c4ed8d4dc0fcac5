"""What is brought of the user's checkout: files that are ignored there, and submodules that were fetched."""

import os
import resource
from pathlib import Path, PurePosixPath

import pytest
from tests.doubles.repository import make_repository, run_git
from tests.kernel.git.conftest import Desk

from verger_kernel.git.submodules import bring, fetched, included, is_plain, leads_over_links, links_of
from verger_kernel.git.worktrees import create


def test_nothing_is_brought_over_a_link_or_in_place_of_a_file(desk: Desk, tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.mkdir()
    for name in ("way/one", "two", "deep/three"):
        (desk.user / name).parent.mkdir(exist_ok=True)
        (desk.user / name).write_text("the user's")
    (desk.target / "way").symlink_to(aim)
    (desk.target / "two").symlink_to(aim / "two")
    bring(desk.user, ("way/one", "two", "deep/three"), desk.target)
    assert [*aim.iterdir()] == []
    assert (desk.target / "deep/three").read_text() == "the user's"


def test_a_link_anywhere_on_the_way_counts(desk: Desk) -> None:
    (desk.target / "way").symlink_to("docs")
    found = [
        leads_over_links(desk.target, PurePosixPath(path))
        for path in ("way", "way/b.txt", "docs/b.txt", "none")
    ]
    assert found == [True, True, False, False]


def test_a_file_in_a_submodule_is_not_included(tmp_path: Path) -> None:
    above, other = with_submodule(tmp_path)
    run_git(above.user, "submodule", "deinit", "-q", "-f", "sub")
    for name in ("x.env", "sub/x.env"):
        (above.user / name).write_text("key")
    assert other.is_dir()
    assert included(above.git, above.user, above.base, above.root / "aside").keys() == {"x.env"}


def test_a_submodule_is_fetched_once_its_commit_is_here(tmp_path: Path) -> None:
    above, other = with_submodule(tmp_path)
    links = links_of(above.git, above.base)
    assert fetched(above.git, above.target, links) == links
    (other / "lib").write_text("newer")
    run_git(other, "commit", "-qam", "newer")
    newer = {"sub": type(above.base)(run_git(other, "rev-parse", "HEAD").strip())}
    assert fetched(above.git, above.target, newer) == {}
    assert fetched(above.git, above.target, {"elsewhere": links["sub"]}) == {}


def with_submodule(folder: Path) -> tuple[Desk, Path]:
    above = Desk(folder, {"a.txt": "a\n", ".worktreeinclude": "*.env\n"})
    other = make_repository(folder / "other", {"lib": "code"})
    run_git(above.user, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    run_git(above.user, "commit", "-qm", "a submodule")
    above.refresh()
    create(above.git, above.target, above.base, above.index, root=above.root)
    return above, other


def test_what_has_no_room_in_the_tree_is_left_out(desk: Desk) -> None:
    for name in ("deep/x.env", "good.env"):
        (desk.user / name).parent.mkdir(exist_ok=True)
        (desk.user / name).write_text("the user's")
    # A file where a folder would have to be.
    (desk.target / "deep").write_text("the agent's")
    bring(desk.user, ("deep/x.env", "n" * 300, "good.env"), desk.target)
    assert (desk.target / "deep").read_text() == "the agent's"
    assert (desk.target / "good.env").read_text() == "the user's"


def test_what_is_no_longer_a_file_is_left_out(desk: Desk) -> None:
    names = ("gone.env", "link.env", "pipe.env", "folder.env")
    (desk.user / "link.env").symlink_to("/etc/hostname")
    os.mkfifo(desk.user / "pipe.env")
    (desk.user / "folder.env").mkdir()
    bring(desk.user, names, desk.target)
    assert not any(os.path.lexists(desk.target / name) for name in names)


def test_a_full_disk_is_told(desk: Desk) -> None:
    (desk.user / "x.env").write_text("the user's")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            bring(desk.user, ("x.env",), desk.target)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_path_that_cannot_be_looked_at_is_no_plain_file(desk: Desk) -> None:
    assert is_plain(desk.target, "docs/b.txt")
    assert not is_plain(desk.target, "/".join(["n" * 200] * 30))
    assert not is_plain(desk.target, "n" * 300)
