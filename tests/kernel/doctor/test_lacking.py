"""What was never fetched is told before a run begins."""

from pathlib import Path

import pytest
from tests.doubles.large import ATTRIBUTES, fetch, pointer_to
from tests.doubles.repository import head_of, make_repository, run_git

from verger_kernel.doctor.checks import Check
from verger_kernel.doctor.lacking import lacking_check
from verger_kernel.git.repository import find
from verger_kernel.rules.ids import ObjectId


def looked(repository: Path) -> Check:
    return lacking_check(find(repository), "sha1", ObjectId(head_of(repository)))


@pytest.mark.parametrize("place", [".gitattributes", ".git/info/attributes"])
def test_a_large_file_is_missed_until_it_was_fetched(tmp_path: Path, place: str) -> None:
    files = {"a.bin": pointer_to(b"a"), "b.bin": pointer_to(b"b"), "c.txt": pointer_to(b"c")}
    repository = make_repository(
        tmp_path / "user", files | ({place: ATTRIBUTES} if "info" not in place else {})
    )
    (repository / place).parent.mkdir(exist_ok=True)
    (repository / place).write_text(ATTRIBUTES)
    fetch(repository, b"a")
    found = looked(repository)
    assert (found.status, "'b.bin'" in found.detail, "a.bin" in found.detail) == ("warning", True, False)
    assert found.hint.endswith("git lfs fetch")
    place = fetch(repository, b"b")
    assert looked(repository) == Check(name="fetched")
    place.write_bytes(b"")
    assert "'b.bin'" in looked(repository).detail


def test_attributes_of_a_folder_count_where_git_lfs_keeps_anything(tmp_path: Path) -> None:
    files = {"deep/.gitattributes": ATTRIBUTES, "deep/a.bin": pointer_to(b"a")}
    repository = make_repository(tmp_path / "user", files)
    fetch(repository, b"other")
    assert "'deep/a.bin'" in looked(repository).detail


def test_a_submodule_is_missed_until_it_was_fetched(tmp_path: Path) -> None:
    repository, other = (
        make_repository(tmp_path / "user", {"a": "a"}),
        make_repository(tmp_path / "other", {"b": "b"}),
    )
    run_git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    run_git(repository, "commit", "-qm", "a submodule")
    assert looked(repository) == Check(name="fetched")
    clone = tmp_path / "clone"
    run_git(repository, "clone", "-q", str(repository), str(clone))
    assert "'sub'" in looked(clone).detail


def test_most_repositories_are_not_looked_at_further(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "user", {"a": "a"})
    head = ObjectId(head_of(repository))
    # Any git that is asked for an object would fail.
    (repository / ".git/objects").rename(tmp_path / "objects")
    assert lacking_check(find(repository), "sha1", head) == Check(name="fetched")
    assert lacking_check(find(repository), "sha1", None) == Check(name="fetched")
