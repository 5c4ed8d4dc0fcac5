"""What is brought of the user's checkout: files that are ignored there, and submodules that were fetched."""

from pathlib import Path

from tests.doubles.repository import make_repository, run_git
from tests.kernel.git.conftest import Desk

from verger_kernel.git.submodules import bring, fetched, included, leads_over_links, links_of
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
    found = [leads_over_links(desk.target, Path(path)) for path in ("way", "way/b.txt", "docs/b.txt", "none")]
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
