"""What only an attacker changes in the user's repository is named; what a user does there is left in peace."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.doubles.repository import commit_files, make_repository, run_git, write_files
from tests.kernel.git.conftest import Desk

from verger_kernel.git.repository import facts, find
from verger_kernel.git.trespass import Watch, trespasses, watch


def said(desk: Desk, do: Callable[[Path], object]) -> str:
    """What is told of `do` in the user's checkout."""
    before = watch(find(desk.user))
    do(desk.user)
    return "\n".join(trespasses(find(desk.user), before))


KEYS = (
    "core.fsmonitor",
    "core.hooksPath",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "core.attributesFile",
    "credential.helper",
    "credential.https://x.y.helper",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "filter.lfs.clean",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "merge.evil.driver",
    "difftool.evil.cmd",
    "mergetool.evil.path",
    "alias.status",
    "include.path",
    "includeIf.gitdir:/.path",
    "url.ext::evil.insteadOf",
    "gpg.program",
    "gpg.ssh.program",
    "pager.log",
    "sequence.editor",
    "protocol.ext.allow",
    "remote.origin.uploadpack",
    "remote.origin.vcs",
    "extensions.partialClone",
    "hook.evil.command",
    "init.templateDir",
    "sendemail.tocmd",
    "uploadpack.packObjectsHook",
)


@pytest.mark.parametrize("key", KEYS)
def test_a_setting_that_makes_git_run_something_is_named(desk: Desk, key: str) -> None:
    words = said(desk, lambda user: run_git(user, "config", key, "evil"))
    assert ".git/config: " in words
    assert "was set in the user's git configuration" in words
    assert "'evil'" not in words


@pytest.mark.parametrize(
    "words",
    [
        "[core]fsmonitor=evil\n",
        "[CORE]\n\tFsMonitor = \\\nevil\n",
        '[core] # x\n"\n',
        '[submodule "x"]\n\tupdate = !evil\n',
        "[core]\n\tfsmonitor\n",
    ],
)
def test_a_setting_is_found_however_it_is_written(desk: Desk, words: str) -> None:
    def append(user: Path) -> None:
        with (user / ".git/config").open("a") as file:
            file.write(words)

    assert said(desk, append)


def test_a_changed_value_is_named_and_one_that_is_gone_is_not(desk: Desk) -> None:
    run_git(desk.user, "config", "core.editor", "vi")
    assert said(desk, lambda user: run_git(user, "config", "core.editor", "evil"))
    assert said(desk, lambda user: run_git(user, "config", "--add", "core.editor", "worse"))
    assert not said(desk, lambda user: run_git(user, "config", "--unset-all", "core.editor"))


def test_what_an_included_file_says_counts(desk: Desk, tmp_path: Path) -> None:
    run_git(desk.user, "config", "include.path", "more")
    (desk.user / ".git/more").write_text(f"[include]\n\tpath = {tmp_path}/deep\n[include]\npath=more\n")
    assert not said(desk, lambda user: write_files(tmp_path, {"deep": "[user]\n\tname = x\n"}))
    assert "deep: core.fsmonitor" in said(
        desk, lambda user: write_files(tmp_path, {"deep": "[core]\n\tfsmonitor = evil\n"})
    )


def test_the_users_global_configuration_counts(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (".gitconfig", ".config/git/config"):
        evil = {f"home/{name}": '[filter "x"]\n\tclean = evil\n'}
        assert "filter.x.clean" in said(desk, lambda _user, evil=evil: write_files(tmp_path, evil))  # type: ignore[misc]


@pytest.mark.parametrize(
    "path",
    [
        "hooks/pre-commit",
        "hooks/post-checkout",
        "info/attributes",
        "info/grafts",
        "objects/info/alternates",
        "verger/repository-id",
        "config.worktree",
        "refs/verger/quarantine/RUN_1/01/1/x",
        "refs/heads/orchestrator/run/RUN_1",
        "commondir",
    ],
)
def test_a_file_that_git_obeys_or_a_ref_of_ours_is_named_when_it_is_new_and_when_it_changes(
    desk: Desk, path: str
) -> None:
    for words in ("[core]\n\tfsmonitor = a\n", "[core]\n\tfsmonitor = b\n"):
        before = watch(find(desk.user))
        repository = find(desk.user)
        write_files(desk.user / ".git", {path: words})
        assert path in "\n".join(trespasses(repository, before))


def test_a_hook_that_becomes_executable_is_named_and_a_sample_is_not(desk: Desk) -> None:
    write_files(desk.user, {".git/hooks/pre-commit": "#!/bin/sh\n", ".git/hooks/x.sample": "a"})
    assert not said(desk, lambda user: write_files(user, {".git/hooks/x.sample": "b"}))
    assert "pre-commit" in said(desk, lambda user: (user / ".git/hooks/pre-commit").chmod(0o755))


def test_a_ref_of_ours_that_is_packed_moved_or_gone_is_told_by_where_it_stands(desk: Desk) -> None:
    ref = "refs/heads/orchestrator/run/RUN_1"
    run_git(desk.user, "update-ref", ref, desk.base)
    assert not said(desk, lambda user: run_git(user, "pack-refs", "--all"))
    other = run_git(desk.user, "commit-tree", f"{desk.base}^{{tree}}", "-m", "x").strip()
    assert ref in said(desk, lambda user: run_git(user, "update-ref", ref, other))
    assert ref in said(desk, lambda user: run_git(user, "update-ref", "-d", ref))


def test_the_git_file_of_a_linked_checkout_is_watched(desk: Desk, tmp_path: Path) -> None:
    run_git(desk.user, "worktree", "add", "-q", str(tmp_path / "linked"))
    linked = find(tmp_path / "linked")
    before = watch(linked)
    (tmp_path / "linked/.git").write_text(f"gitdir: {desk.target}/.git\n")
    assert "linked/.git" in "\n".join(trespasses(linked, before))


def work_of_a_user(user: Path, upstream: Path) -> None:
    """What people do in a repository while an agent works elsewhere."""
    commit_files(user, {"mine": "1\n"}, "mine")
    run_git(user, "remote", "add", "origin", str(upstream))
    run_git(user, "fetch", "-q", "origin")
    run_git(user, "checkout", "-q", "-b", "topic", "origin/main")
    run_git(user, "config", "user.name", "Other")
    run_git(user, "config", "core.autocrlf", "input")
    run_git(user, "config", "pull.rebase", "true")
    run_git(user, "config", "submodule.x.update", "rebase")
    run_git(user, "stash", "-q", "-u")
    run_git(user, "tag", "v1")
    run_git(user, "worktree", "add", "-q", str(upstream.parent / "other"), "-b", "other")
    run_git(user, "gc", "-q")
    for key, value in (
        ("filter.lfs.clean", "git-lfs clean -- %f"),
        ("filter.lfs.smudge", "git-lfs smudge -- %f"),
        ("filter.lfs.process", "git-lfs filter-process"),
        ("filter.lfs.required", "true"),
    ):
        run_git(user, "config", key, value)
    write_files(user, {".git/info/exclude": "scratch\n", "a.txt": "edited\n"})


def test_a_user_at_work_is_left_in_peace(desk: Desk, tmp_path: Path) -> None:
    upstream = make_repository(tmp_path / "upstream", {"theirs": "1\n"})
    assert said(desk, lambda user: work_of_a_user(user, upstream)) == ""


def test_what_is_watched_can_be_written_down_and_holds_no_value_of_a_setting(desk: Desk) -> None:
    run_git(desk.user, "config", "url.https://user:secret-token@x/.insteadOf", "x:")
    run_git(desk.user, "config", "credential.helper", "!echo password=hunter2")
    written = msgspec.json.encode(watch(find(desk.user)))
    assert msgspec.json.decode(written, type=Watch) == watch(find(desk.user))
    assert b"hunter2" not in written
    assert b"secret-token" not in written


@pytest.mark.parametrize("scope", ["--local", "--global"])
def test_a_planted_filter_does_not_run_when_the_facts_are_asked(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    commit_files(desk.user, {".gitattributes": "* filter=evil\n*.lfs filter=lfs\n"}, "attributes")
    for name in ("evil", "lfs"):
        for part in ("clean", "process"):
            run_git(
                *(desk.user, "config", scope, f"filter.{name}.{part}", f"touch {tmp_path}/ran; cat"),
                GIT_CONFIG_GLOBAL=str(tmp_path / "global"),
            )
    write_files(desk.user, {"a.txt": "touched\n", "b.lfs": "x"})
    run_git(desk.user, "update-index", "--add", "--cacheinfo", f"100644,{'1' * 40},b.lfs")
    (tmp_path / "ran").unlink(missing_ok=True)
    assert "a.txt" in facts(find(desk.user)).dirty_tracked
    assert not (tmp_path / "ran").exists()
