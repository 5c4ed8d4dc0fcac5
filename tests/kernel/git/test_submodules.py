"""What is brought of the user's checkout: files that are ignored there, and submodules that were fetched."""

import os
import resource
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from tests.doubles.repository import make_repository, run_git
from tests.kernel.git.conftest import Desk

from verger_kernel.git.command import GitError
from verger_kernel.git.submodules import (
    bring,
    fetched,
    fill,
    included,
    is_plain,
    leads_over_links,
    links_of,
    marks,
    modules_in,
)
from verger_kernel.rules.ids import ObjectId


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
    assert fetched_in(above, links) == links
    (other / "lib").write_text("newer")
    run_git(other, "commit", "-qam", "newer")
    newer = {"sub": type(above.base)(run_git(other, "rev-parse", "HEAD").strip())}
    assert fetched_in(above, newer) == {}
    assert fetched_in(above, {"elsewhere": links["sub"]}) == {}


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


def test_a_submodule_of_which_a_part_is_missing_stays_empty(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path, {"aa": "whole", "lib": "gone"})
    module = above.user / ".git/modules/sub"
    name = run_git(module, "rev-parse", "HEAD:lib").strip()
    (module / "objects" / name[:2] / name[2:]).unlink()
    assert fill(above.git, above.target, links_of(above.git, above.base), above.root / "aside") == ()
    assert [*(above.target / "sub").iterdir()] == []


def test_what_the_disk_refuses_of_a_submodule_is_told(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path, {"lib": "code" * 1000})
    links = links_of(above.git, above.base)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(GitError):
            fill(above.git, above.target, links, above.root / "aside")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_lock_of_a_git_that_was_killed_keeps_no_submodule_away(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path)
    for name in ("aside", "aside.lock"):
        (above.root / name).write_text("half")
    assert fill(above.git, above.target, links_of(above.git, above.base), above.root / "aside") == ("sub",)
    assert not [*above.root.glob("aside*")]


def test_a_submodule_that_is_no_repository_counts_as_never_fetched(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path)
    links = links_of(above.git, above.base)
    shutil.rmtree(above.user / ".git/modules/sub/objects")
    assert fetched_in(above, links) == {}
    assert fill(above.git, above.target, links, above.root / "aside") == ()


def test_the_configuration_of_a_submodule_is_not_read(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path)
    (above.user / ".git/modules/sub/config").write_text("[no configuration")
    links = links_of(above.git, above.base)
    assert fetched_in(above, links) == links
    assert fill(above.git, above.target, links, above.root / "aside") == ("sub",)


def test_submodules_of_submodules_count_once_they_are_fetched(tmp_path: Path) -> None:
    above, other = with_submodule(tmp_path)
    innermost = make_repository(tmp_path / "innermost", {"core": "code"})
    add_submodule(other, innermost, "inner")
    run_git(above.user / "sub", "pull", "-q", "--no-recurse-submodules")
    run_git(above.user, "commit", "-qam", "a newer submodule")
    above.refresh()
    links = links_of(above.git, above.base)
    assert fetched_in(above, links).keys() == {"sub"}
    allowed = ("-c", "protocol.file.allow=always")
    run_git(above.user, *allowed, "submodule", "--quiet", "update", "--init", "--recursive")
    above.create()
    assert fetched_in(above, links).keys() == {"sub", "sub/inner"}
    assert fill(above.git, above.target, links, above.root / "aside") == ("sub", "sub/inner")
    assert (above.target / "sub/inner/core").read_text() == "code"


def test_a_layer_of_submodules_is_one_of_what_is_here_and_how_it_is_written(desk: Desk) -> None:
    one = ObjectId("1" * 40)
    other = replace(desk.git, settings=(("core.autocrlf", "true"),))
    keys = [marks(desk.git, {"sub": one}), marks(desk.git, {}), marks(other, {"sub": one})]
    assert len({str(key) for key in keys}) == 3


def test_a_list_of_submodules_that_is_too_long_names_none(tmp_path: Path) -> None:
    above, _ = with_submodule(tmp_path)
    links = links_of(above.git, above.base)
    with (above.target / ".gitmodules").open("a") as file:
        file.truncate(1 << 40)
    assert fill(above.git, above.target, links, above.root / "aside") == ()
    assert modules_in(above.target) == b""


def fetched_in(desk: Desk, links: Mapping[str, ObjectId]) -> dict[str, ObjectId]:
    return fetched(desk.git, modules_in(desk.user), links, desk.root / "aside")


def with_submodule(folder: Path, files: Mapping[str, str | bytes] = {"lib": "code"}) -> tuple[Desk, Path]:
    above = Desk(folder, {"a.txt": "a\n", ".worktreeinclude": "*.env\n"})
    other = make_repository(folder / "other", dict(files))
    add_submodule(above.user, other, "sub")
    above.refresh()
    above.create()
    return above, other


def add_submodule(above: Path, other: Path, path: str) -> None:
    run_git(above, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), path)
    run_git(above, "commit", "-qm", "a submodule")
