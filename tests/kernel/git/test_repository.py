"""A repository is found by reading files, and told by facts of the user's own checkout."""

import os
from pathlib import Path

import pytest
from tests.doubles.repository import EMAIL, NAME, commit_files, head_of, make_repository, run_git, write_files

from verger_kernel.git.command import Identity
from verger_kernel.git.repository import (
    NoRepository,
    facts,
    find,
    git_for,
    untracked_consult_paths,
)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "user", {"a.txt": "a\n", "docs/b.txt": "b\n"})


def test_a_checkout_is_found_from_a_folder_inside_it(user: Path) -> None:
    found = find(user / "docs")
    assert (found.root, found.git_dir, found.common_dir) == (user, user / ".git", user / ".git")


def test_a_linked_worktree_has_a_git_directory_of_its_own(user: Path, tmp_path: Path) -> None:
    run_git(user, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    found = find(tmp_path / "linked")
    assert found.root == tmp_path / "linked"
    assert found.git_dir == user / ".git/worktrees/linked"
    assert found.common_dir == user / ".git"
    assert facts(found).head_branch == "side"


def test_a_submodule_is_a_repository_of_its_own(user: Path, tmp_path: Path) -> None:
    above = make_repository(tmp_path / "above", {"x": "x\n"})
    run_git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(user), "sub")
    found = find(above / "sub" / "docs")
    assert (found.root, found.git_dir) == (above / "sub", above / ".git/modules/sub")
    assert found.common_dir == found.git_dir
    assert facts(found).head == head_of(user)


def test_no_repository_says_what_is_missing_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NoRepository, match="is in no git repository") as caught:
        find(tmp_path)
    assert caught.value.hint


def test_a_bare_repository_is_refused(user: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", str(user), "bare.git")
    with pytest.raises(NoRepository, match="is a bare repository"):
        find(tmp_path / "bare.git")


@pytest.mark.parametrize("words", ["gitdir: /nonexistent/x\n", "no pointer\n"])
def test_a_broken_git_file_is_refused_rather_than_passed_over(user: Path, words: str) -> None:
    write_files(user, {"inner/.git": words})
    with pytest.raises(NoRepository):
        find(user / "inner")


def test_the_facts_of_a_clean_checkout(user: Path) -> None:
    run_git(user, "config", "filter.lfs.clean", "cat")
    run_git(user, "config", "filter.odd.name.smudge", "cat")
    run_git(user, "config", "core.autocrlf", "input")
    found = facts(find(user))
    assert found.git_version >= (2, 36)
    assert (found.head, found.head_branch) == (head_of(user), "main")
    assert found.identity == Identity(NAME, EMAIL)
    assert found.dirty_tracked == ()
    assert found.filter_names == ("lfs", "odd.name")
    assert ("core.autocrlf", "input") in found.conversions
    assert (found.object_format, found.bare) == ("sha1", False)


def test_changed_staged_deleted_and_conflicting_tracked_files_are_dirty_and_untracked_are_not(
    user: Path,
) -> None:
    commit_files(user, {"a b\nc": "1\n", "gone": "1\n", "both": "1\n"}, "more")
    run_git(user, "checkout", "-q", "-b", "side")
    commit_files(user, {"both": "2\n"}, "side")
    run_git(user, "checkout", "-q", "main")
    commit_files(user, {"both": "3\n"}, "main")
    run_git(user, "merge", "-q", "side", ok=(1,))
    write_files(user, {"a b\nc": "2\n", "docs/b.txt": "2\n", "new": "1\n"})
    run_git(user, "add", "docs/b.txt")
    (user / "gone").unlink()
    assert set(facts(find(user)).dirty_tracked) == {"a b\\nc", "docs/b.txt", "gone", "both"}


def test_before_the_first_commit_there_is_no_head_and_detached_there_is_no_branch(
    user: Path, tmp_path: Path
) -> None:
    run_git(tmp_path, "init", "-q", "fresh")
    assert facts(find(tmp_path / "fresh")).head is None
    assert facts(find(tmp_path / "fresh")).identity is None
    run_git(user, "checkout", "-q", "--detach")
    assert facts(find(user)).head_branch is None


def test_identity_comes_from_the_users_global_configuration_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_git(tmp_path, "init", "-q", "fresh")
    (tmp_path / "global").write_text("[user]\n\tname = Glo\n\temail = glo@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    found = facts(find(tmp_path / "fresh"))
    assert found.identity == Identity("Glo", "glo@example.org")
    assert git_for(find(tmp_path / "fresh"), found).identity == found.identity


def test_references_in_another_format_are_refused_with_the_way_out(user: Path) -> None:
    run_git(user, "config", "core.repositoryformatversion", "1")
    with (user / ".git/config").open("a") as file:
        file.write("[extensions]\n\trefstorage = reftable\n")
    try:
        facts(find(user))
    except NoRepository as refusal:
        assert "git refs migrate" in refusal.hint
    except Exception as error:  # a git that is too old to know the extension refuses by itself
        assert "refstorage" in str(error)


def test_the_facts_change_nothing_and_start_no_hook(user: Path) -> None:
    hook = user / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    index = (user / ".git/index").read_bytes()
    os.utime(user / "a.txt", (1, 1))
    assert facts(find(user)).dirty_tracked == ()
    assert (user / ".git/index").read_bytes() == index
    assert not (user / "ran").exists()


def test_the_facts_do_not_enter_a_submodule(user: Path, tmp_path: Path) -> None:
    above = make_repository(tmp_path / "above", {"x": "x\n"})
    run_git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(user), "sub")
    run_git(above, "commit", "-qm", "sub")
    run_git(above / "sub", "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    write_files(above, {"sub/a.txt": "changed\n"})
    assert facts(find(above)).dirty_tracked == ()
    assert not (tmp_path / "ran").exists()


def test_a_git_directory_of_another_checkout_is_refused_in_words(user: Path, tmp_path: Path) -> None:
    run_git(user, "config", "core.worktree", str(user))
    assert facts(find(user)).dirty_tracked == ()
    run_git(user, "config", "core.worktree", "../../elsewhere")
    with pytest.raises(NoRepository, match=f"belongs to the checkout at {tmp_path}/elsewhere"):
        facts(find(user))


def test_consult_paths_that_no_attempt_will_see_are_named_with_the_reason(user: Path) -> None:
    commit_files(user, {".gitignore": "*.log\nbuild/\n", "[x].txt": "x\n"}, "ignore")
    write_files(
        user,
        {
            "note.md": "n",
            "y.log": "y",
            "build/out": "o",
            "docs/new/z": "z",
            "-dash": "d",
            "x.txt": "n",
            ":(top)y.log": "y",
        },
    )
    (user / "link").symlink_to("docs")
    asked = ["a.txt", "docs", "docs/b.txt", "[x].txt", "note.md", "y.log", "build/out", "build", "docs/new"]
    asked += ["-dash", ":(top)y.log", "x.txt", "absent", "../outside", "", "link/b.txt", "docs/", "/a.txt"]
    assert untracked_consult_paths(find(user), asked) == {
        "note.md": "untracked",
        "y.log": "ignored",
        "build/out": "ignored",
        "build": "ignored",
        "docs/new": "untracked",
        "-dash": "untracked",
        ":(top)y.log": "ignored",
        "x.txt": "untracked",
        "absent": "missing",
        "../outside": "missing",
        "": "missing",
        "link/b.txt": "untracked",
        "/a.txt": "missing",
    }


def test_the_content_of_a_submodule_is_not_seen_by_an_attempt(user: Path, tmp_path: Path) -> None:
    above = make_repository(tmp_path / "above", {"x": "x\n"})
    run_git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(user), "sub")
    run_git(above, "commit", "-qm", "sub")
    assert untracked_consult_paths(find(above), ["sub", "sub/a.txt"]) == {"sub/a.txt": "untracked"}
