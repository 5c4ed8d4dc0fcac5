"""Git runs in an environment made from nothing, within a time limit."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.doubles.repository import make_repository, run_git

from verger_kernel.git.command import Git, GitError, Identity
from verger_kernel.git.program import search_path
from verger_kernel.git.settings import SETTINGS, neutral_filters

_LEAKS = {
    "GIT_DIR": "/elsewhere",
    "GIT_INDEX_FILE": "/elsewhere/index",
    "GIT_WORK_TREE": "/elsewhere",
    "GIT_OBJECT_DIRECTORY": "/elsewhere/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/elsewhere/objects",
    "GIT_CONFIG_PARAMETERS": "'user.name=Leak'",
    "GIT_EXEC_PATH": "/elsewhere",
    "GIT_EXTERNAL_DIFF": "false",
    "GIT_TRACE": "1",
    "GIT_NAMESPACE": "leak",
    "GIT_AUTHOR_NAME": "Leak",
    "GIT_COMMITTER_EMAIL": "leak@example.org",
    "GIT_SSH_COMMAND": "false",
    "LD_AUDIT_LEAK": "1",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "r", {"a": "1\n"})


def fake_git(folder: Path, script: str) -> str:
    """A PATH on which `git` is `script`."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_it_answers_with_the_bytes_that_git_wrote(repository: Path) -> None:
    git = Git(repository / ".git")
    blob = git.run("hash-object", "-w", "--stdin", stdin=b"\0\xff\n\n").decode().strip()
    assert git.run("cat-file", "blob", blob) == b"\0\xff\n\n"


def test_nothing_of_the_ambient_environment_reaches_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _LEAKS.items():
        monkeypatch.setenv(name, value)
    assert Git(repository / ".git").run("show", "HEAD:a") == b"1\n"
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "env"))
    seen = dict(line.split("=", 1) for line in Git(repository / ".git").run("x").decode().splitlines())
    leaked = {name for name in _LEAKS if seen.get(name) == _LEAKS[name]}
    assert not leaked
    expected = {"PATH", "HOME", "LC_ALL", "LANGUAGE", "PWD", "OLDPWD", "SHLVL", "_"}
    assert {name for name in seen if not name.startswith("GIT_")} <= expected
    assert seen["GIT_DIR"] == str(repository / ".git")


def test_the_users_own_configuration_applies_only_where_it_is_asked_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "global").write_text("[verger]\n\ttest = yes\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    asked = ("config", "--get", "verger.test")
    assert Git(repository / ".git", user_config=True).run(*asked) == b"yes\n"
    assert Git(repository / ".git").run(*asked, ok=(1,)) == b""


def test_settings_of_the_caller_win_and_identity_and_dates_are_used(repository: Path) -> None:
    git = Git(repository / ".git", (("gc.auto", "7"),), Identity("Ada", "ada@example.org"))
    assert git.run("config", "gc.auto") == b"7\n"
    assert git.run("var", "GIT_COMMITTER_IDENT", dates_utc_ms=5_000) == b"Ada <ada@example.org> 5 +0000\n"


def test_no_setting_of_the_repository_wins_over_ours(repository: Path) -> None:
    for key, _ in SETTINGS:
        run_git(repository, "config", key, "0")
    git = Git(repository / ".git")
    assert {key: git.run("config", "--get", key).decode().rstrip("\n") for key, _ in SETTINGS} == dict(
        SETTINGS
    )


def test_no_remote_is_ever_asked_whatever_the_repository_allows(repository: Path, tmp_path: Path) -> None:
    run_git(repository, "config", "protocol.ext.allow", "always")
    run_git(repository, "config", "remote.evil.url", f"ext::touch {tmp_path}/ran")
    with pytest.raises(GitError, match="transport 'ext' not allowed"):
        Git(repository / ".git").run("fetch", "evil")
    assert not (tmp_path / "ran").exists()


def test_relative_entries_of_path_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ":.:bin:/usr/bin")
    assert search_path() == "/usr/bin"


def test_a_failure_names_the_command_the_code_and_what_git_said(repository: Path) -> None:
    with pytest.raises(GitError, match=r"git cat-file .* failed with exit code 128: fatal") as caught:
        Git(repository / ".git").run("cat-file", "blob", "0" * 40)
    assert caught.value.exit_code == 128
    assert caught.value.what.startswith("git cat-file")
    assert caught.value.hint


def test_an_allowed_exit_code_is_no_failure(repository: Path) -> None:
    assert Git(repository / ".git").run("config", "--get", "no.such", ok=(0, 1)) == b""


def test_a_missing_git_is_said_with_what_to_install(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitError, match="no git was found on PATH") as caught:
        Git(repository / ".git").run("version")
    assert "install git" in caught.value.hint


def is_gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_git_that_hangs_is_ended_with_its_children_and_named(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", f"sleep 60 & echo $$ $! > {pids}; wait"))
    begun = time.monotonic()
    with pytest.raises(GitError, match=r"git status failed with exit code -9: ended after 0.3 s") as caught:
        Git(repository / ".git").run("status", timeout_s=0.3)
    assert time.monotonic() - begun < 10
    assert caught.value.exit_code == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while not all(is_gone(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < deadline


def test_git_leads_a_group_in_our_session_so_that_no_sweep_takes_it_for_an_orphan(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Git(repository / ".git").run("version")
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "cat /proc/self/stat; true"))
    _state, _parent, group, session = (
        Git(repository / ".git").run("x").decode().rpartition(")")[2].split()[:4]
    )
    assert int(session) == os.getsid(0)
    assert int(group) != os.getpgrp()


def test_a_descriptor_that_is_inherited_is_open_in_git_and_no_other_is(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GitPython asks the first git it meets for its version: that one must be real.
    Git(repository / ".git").run("version")
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "readlink /proc/$$/fd/*; true"))
    kept, other = tmp_path / "kept", tmp_path / "other"
    with kept.open("w") as lock, other.open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        opened = Git(repository / ".git", inherit=(lock.fileno(),)).run("x").decode().splitlines()
    assert str(kept) in opened
    assert str(other) not in opened


def test_a_filter_runs_only_where_it_is_allowed(repository: Path) -> None:
    run_git(repository, "config", "filter.up.clean", "tr a-z A-Z")
    run_git(repository, "config", "filter.up.required", "true")
    (repository / ".gitattributes").write_text("* filter=up\n")
    clean = ("hash-object", "-w", "--path=b", "--stdin")
    for allowed, expected in (((), b"low\n"), (("up",), b"LOW\n")):
        git = Git(repository / ".git", neutral_filters(["up"], allowed))
        blob = git.run(*clean, work_tree=repository, stdin=b"low\n").decode().strip()
        assert git.run("cat-file", "blob", blob) == expected


def test_a_replaced_object_is_read_as_it_was_hashed(repository: Path) -> None:
    other = run_git(repository, "hash-object", "-w", "--stdin", stdin=b"forged\n").strip()
    run_git(repository, "replace", run_git(repository, "rev-parse", "HEAD:a").strip(), other)
    assert run_git(repository, "show", "HEAD:a") == "forged\n"
    assert Git(repository / ".git").run("show", "HEAD:a") == b"1\n"
