"""Builder of small real git repositories, which need no configuration of the machine's.

Not here: worktrees and commits as the kernel makes them; those are what is tested.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

NAME = "Una User"
EMAIL = "una@example.org"

_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_DATE": "@1700000000 +0000",
    "GIT_COMMITTER_DATE": "@1700000000 +0000",
    # Repositories of a few files need no upkeep, and each commit would start a process to find that out.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "maintenance.auto",
    "GIT_CONFIG_VALUE_0": "false",
}


def make_repository(
    path: Path,
    files: Mapping[str, str | bytes],
    *,
    branch: str = "main",
    object_format: str = "sha1",
) -> Path:
    """A repository at `path` with one commit of `files` on `branch` and an identity of its own."""
    path.mkdir(parents=True, exist_ok=True)
    run_git(path, "init", "-q", "-b", branch, f"--object-format={object_format}", "--template=")
    with (path / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f"[user]\n\tname = {NAME}\n\temail = {EMAIL}\n")
    _commit(path, files, "base")
    return path


def commit_files(path: Path, files: Mapping[str, str | bytes], message: str) -> str:
    """The id of a new commit in which `files`, by path, have the given contents."""
    _commit(path, files, message)
    return head_of(path)


def _commit(path: Path, files: Mapping[str, str | bytes], message: str) -> None:
    write_files(path, files)
    run_git(path, "add", "--all")
    run_git(path, "commit", "-q", "--allow-empty", "-m", message)


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes every file below `root`, with the folders it needs."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def head_of(path: Path) -> str:
    """The commit that HEAD names in the checkout at `path`."""
    return run_git(path, "rev-parse", "HEAD").strip()


def run_git(
    path: Path, *args: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,), **environment: str
) -> str:
    """What git says in the folder `path`, as its user would run it there. Undecodable bytes are kept."""
    done = subprocess.run(
        ("git", *args),
        cwd=path,
        env=_ENVIRONMENT | environment,
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode not in ok:
        raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
    return os.fsdecode(done.stdout)
