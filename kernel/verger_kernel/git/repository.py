"""The user's repository: where it is, what is true of its checkout, and the Git that works on it.

Not here: its references (`refs.py`). Nothing here changes it, but for the name that `repository_id` gives it.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from verger_kernel.git.checkout import NoRepository, Repository, find
from verger_kernel.git.command import Git, Identity
from verger_kernel.git.repository_id import repository_id
from verger_kernel.git.settings import LFS, neutral_filters
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import path_text

__all__ = [
    "NoRepository",
    "Repository",
    "RepositoryFacts",
    "facts",
    "find",
    "git_for",
    "ignored",
    "repository_id",
    "untracked_consult_paths",
]

# What makes bytes in a checkout differ from bytes in a tree: these come from the user's own configuration, so
# that an attempt's files look as the user's do.
_CONVERSIONS = (
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.symlinks",
)
_FIELDS_BEFORE_PATH = {b"1": 8, b"u": 10}


@dataclass(frozen=True)
class RepositoryFacts:
    """What is true of a checkout right now, read with the user's own configuration.

    `head` is None before the first commit, `head_branch` None when detached; `conversions` are the settings
    that say how files are written to a checkout; `dirty_tracked` is in git's order, shown by `path_text`.
    """

    git_version: tuple[int, ...]
    head: ObjectId | None
    head_branch: str | None
    identity: Identity | None
    dirty_tracked: tuple[str, ...]
    object_format: str
    filter_names: tuple[str, ...]
    conversions: tuple[tuple[str, str], ...]
    bare: bool


def facts(repository: Repository) -> RepositoryFacts:
    """What preflight and the run need to know, from three git processes. Raises GitError and NoRepository.

    No filter runs but that of `git lfs install`: an agent can have planted any other. A file under one that
    was touched, though not changed, is then dirty until the user's own `git status` has looked at it.
    """
    git = Git(repository.git_dir, user_config=True)
    config = _config(git.run("config", "--list", "-z", work_tree=repository.root))
    _check_work_tree(repository, config)
    filters = _filter_names(config)
    lfs = {entry for entry in config.items() if entry[0].startswith("filter.lfs.")}
    git = replace(git, settings=neutral_filters(filters, ("lfs",) if lfs <= LFS else ()))
    if config.get("extensions.refstorage", "files") != "files":
        what = f"{repository.root} keeps its references in the format {config['extensions.refstorage']}"
        raise NoRepository(what, "convert them with: git refs migrate --ref-format=files")
    status = git.run(
        *("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=no", "--no-renames"),
        work_tree=repository.root,
    ).split(b"\0")
    head = _header(status, b"# branch.oid ")
    branch = _header(status, b"# branch.head ")
    return RepositoryFacts(
        git_version=_version(git.run("version")),
        head=None if head == "(initial)" else ObjectId(head),
        head_branch=None if branch == "(detached)" else branch,
        identity=_identity(config),
        dirty_tracked=tuple(path_text(_path(entry)) for entry in status if entry[:1] in _FIELDS_BEFORE_PATH),
        object_format=config.get("extensions.objectformat", "sha1"),
        filter_names=filters,
        conversions=tuple((key, config[key]) for key in _CONVERSIONS if key in config),
        bare=config.get("core.bare", "false") == "true",
    )


def git_for(
    repository: Repository,
    facts: RepositoryFacts,
    *,
    filters_allowed: Iterable[str] = (),
    inherit: tuple[int, ...] = (),
) -> Git:
    """The Git of the kernel: bound to the common git directory, filters neutral unless allowed."""
    settings = facts.conversions + neutral_filters(facts.filter_names, filters_allowed)
    return Git(repository.common_dir, settings, facts.identity, inherit, object_format=facts.object_format)


def untracked_consult_paths(repository: Repository, paths: Iterable[str]) -> dict[str, str]:
    """Those of `paths` that no attempt will see, each with why: `ignored`, `untracked` or `missing`.

    Paths are relative to the root; one that leads out of it is missing. Two git processes at most.
    """
    git = Git(repository.git_dir, user_config=True)
    listing = os.fsdecode(git.run("ls-files", "-z", work_tree=repository.root))
    tracked = set(listing.split("\0")) - {""}
    seen = tracked.union(*map(_ancestors, tracked))
    names = {path: path.rstrip("/") for path in paths}
    reasons = {path: _presence(repository.root, name) for path, name in names.items() if name not in seen}
    asked = [
        names[path]
        for path, reason in reasons.items()
        if reason == "untracked" and _is_reached(repository.root, names[path], tracked)
    ]
    found = ignored(git, repository.root, asked)
    return reasons | {path: "ignored" for path in reasons if names[path] in found}


def _presence(root: Path, path: str) -> str:
    inside = path and not path.startswith("/") and ".." not in path.split("/")
    return "untracked" if inside and (root / path).exists() else "missing"


def _is_reached(root: Path, path: str, tracked: set[str]) -> bool:
    """False for what lies in a submodule or behind a link, about which git refuses to answer."""
    return not any(folder in tracked or (root / folder).is_symlink() for folder in _ancestors(path))


def ignored(git: Git, work_tree: Path, paths: Iterable[str], *, index: Path | None = None) -> set[str]:
    """Those of `paths`, none of them in a submodule or behind a link, that git ignores in `work_tree`.

    `index` says what is tracked there; without one it is that of the git folder. One git process, none without a path.
    """
    # With `./` before it, a name that begins with a colon is no pattern.
    names = os.fsencode("".join(f"./{path}\0" for path in paths))
    if not names:
        return set()
    # Exit code 1 says that none is ignored.
    answer = git.run(
        "check-ignore", "-z", "--stdin", work_tree=work_tree, index=index, stdin=names, ok=(0, 1)
    )
    return {path.removeprefix("./") for path in os.fsdecode(answer).split("\0")[:-1]}


def _ancestors(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:length]) for length in range(1, len(parts))}


def _config(listing: bytes) -> dict[str, str]:
    # A key without a value is git's way of saying true; the last of several values wins.
    entries = (entry.partition("\n") for entry in os.fsdecode(listing).split("\0") if entry)
    return {key: value if newline else "true" for key, newline, value in entries}


def _identity(config: dict[str, str]) -> Identity | None:
    name, email = config.get("user.name", "").strip(), config.get("user.email", "").strip()
    return Identity(name, email) if name and email else None


def _check_work_tree(repository: Repository, config: dict[str, str]) -> None:
    named = config.get("core.worktree")
    # In a linked worktree git looks for that key in a file of its own.
    if named and repository.git_dir == repository.common_dir:
        place = (repository.git_dir / named).resolve()
        if place != repository.root.resolve():
            what = f"{repository.git_dir} belongs to the checkout at {place}, not to {repository.root}"
            raise NoRepository(what, "name that checkout with -C DIR, or: git config --unset core.worktree")


def _filter_names(config: dict[str, str]) -> tuple[str, ...]:
    keys = (key.removeprefix("filter.") for key in config if key.startswith("filter."))
    return tuple(sorted({key.rpartition(".")[0] for key in keys} - {""}))


def _header(status: list[bytes], name: bytes) -> str:
    found = (entry.removeprefix(name) for entry in status if entry.startswith(name))
    return os.fsdecode(next(found))


def _path(entry: bytes) -> bytes:
    return entry.split(b" ", _FIELDS_BEFORE_PATH[entry[:1]])[-1]


def _version(words: bytes) -> tuple[int, ...]:
    found = re.search(rb"([0-9]+(?:\.[0-9]+)*)", words)
    return tuple(int(number) for number in found[1].split(b".")) if found else ()
