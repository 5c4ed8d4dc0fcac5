"""References: read in files, moved by git with the old value as a condition, durable once moved.

Not here: which reference is the truth and when it moves; see `perform/`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verger_kernel.git.checkout import Repository
from verger_kernel.git.command import Git, GitError
from verger_kernel.rules.ids import ObjectId
from verger_probes.records import sync_folder

_OWN_REFS = (
    "refs/heads/orchestrator/run/{run_id}.lock",
    "refs/heads/orchestrator/run-refresh/{run_id}/*.lock",
    "refs/verger/attempt/{run_id}/**/*.lock",
    "refs/verger/quarantine/{run_id}/**/*.lock",
)
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class MoveRefused(Exception):
    """Git did not move a reference: it stands elsewhere, is locked, or its name collides with another."""

    def __init__(self, ref: str, why: str) -> None:
        super().__init__(f"cannot move {ref}: {why}")
        self.hint = f"see what holds it with: git for-each-ref {ref} ; remove a stale {ref}.lock, then resume"


class RefMoved(Exception):
    """A reference stands neither where it was nor where it should go: somebody else moved it."""

    def __init__(self, ref: str, found: ObjectId | None, expected: ObjectId | None) -> None:
        super().__init__(f"{ref} stands at {found or 'nothing'}, expected was {expected or 'nothing'}")
        self.ref = ref
        self.found = found
        self.expected = expected
        self.hint = f"see who moved it with: git reflog {ref} ; set it back, then resume"


class RefUnreadable(Exception):
    """A reference that is no plain object id: a symbolic or a damaged one. `hint` is the way out."""

    def __init__(self, ref: str, words: str) -> None:
        super().__init__(f"cannot read {ref}: it holds {words[:80]!r}, which is no object id")
        self.hint = (
            "Verger writes plain references only: set it right with git update-ref --no-deref, then resume"
        )


def read(git: Git, ref: str) -> ObjectId | None:
    """Where `ref` stands, None if it does not exist. No git process. Raises RefUnreadable."""
    try:
        words = (git.git_dir / ref).read_text(errors="backslashreplace").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return _packed(git.git_dir, ref)
    if not _OBJECT_ID.fullmatch(words):
        raise RefUnreadable(ref, words)
    return ObjectId(words)


def move(git: Git, ref: str, new: ObjectId, old: ObjectId | None, *, drop: str = "") -> None:
    """Moves `ref` from `old` to `new` in one step, durably; `old` None means that it must not exist yet.

    In the same step `drop` goes, which stands at `new`. A symbolic reference is never followed. Raises MoveRefused.
    One git process.
    """
    place = git.git_dir / ref
    standing = next(folder for folder in place.parents if folder.is_dir())
    _update(git, ref, f"update {ref}\0{new}\0{old or '0' * len(new)}\0" + _dropping(drop, new))
    # Git syncs the file but not the folders that name it.
    for folder in place.parents:
        sync_folder(folder)
        if folder == standing:
            break


def _dropping(drop: str, at: ObjectId) -> str:
    return f"delete {drop}\0{at}\0" if drop else ""


def _update(git: Git, ref: str, command: str) -> None:
    try:
        git.run("update-ref", "--no-deref", "-z", "--stdin", stdin=command.encode())
    except GitError as error:
        raise MoveRefused(ref, error.stderr) from None


def move_or_confirm(git: Git, ref: str, new: ObjectId, old: ObjectId | None, *, drop: str = "") -> None:
    """Makes `ref` stand at `new`: nothing is done if it does, it is moved if it stands at `old`.

    Then nothing is kept by `drop` that `ref` does not keep: it goes if it stands at `new`, too. Raises RefMoved if
    `ref` stands elsewhere, MoveRefused if it is locked, RefUnreadable if it is damaged.
    """
    found = read(git, ref)
    if drop and read(git, drop) != new:
        drop = ""
    if found == new:
        if drop:
            _update(git, drop, _dropping(drop, new))
    elif found == old:
        move(git, ref, new, old, drop=drop)
    else:
        raise RefMoved(ref, found, old)


def keep(git: Git, ref: str, new: ObjectId, old: ObjectId | None) -> None:
    """Makes `ref`, which keeps `new` from being pruned, stand there, as `move_or_confirm` does, but not durably.

    After a power cut it may be gone, or stand where it stood.
    """
    found = read(git, ref)
    if found not in (new, old):
        raise RefMoved(ref, found, old)
    if found != new:
        _update(git, ref, f"update {ref}\0{new}\0{old or '0' * len(new)}\0")


def checked_out_at(repository: Repository, ref: str) -> Path | None:
    """A checkout of the repository in which `ref` is the current branch, also amid a rebase; else None."""
    for git_dir, root in _checkouts(repository):
        if _first_line(git_dir / "HEAD") == f"ref: {ref}":
            return root
        if ref in (_first_line(git_dir / name / "head-name") for name in ("rebase-merge", "rebase-apply")):
            return root
    return None


def remove_stale_locks(repository: Repository, run_id: str) -> tuple[Path, ...]:
    """Removes the locks that a killed git left beside the references of a run, and returns them.

    The caller holds the run's locks, so no git of it can be at work; those of other runs are left alone.
    """
    removed: list[Path] = []
    for pattern in _OWN_REFS:
        removed += repository.common_dir.glob(pattern.format(run_id=run_id))
    for lock in removed:
        lock.unlink()
    return tuple(sorted(removed))


def _packed(git_dir: Path, ref: str) -> ObjectId | None:
    try:
        lines = (git_dir / "packed-refs").read_text(errors="backslashreplace").splitlines()
    except FileNotFoundError:
        return None
    found = (line.partition(" ") for line in lines)
    return next((ObjectId(value) for value, _, name in found if name == ref), None)


def _checkouts(repository: Repository) -> Iterator[tuple[Path, Path]]:
    common_dir = repository.common_dir
    main = common_dir.parent if common_dir.name == ".git" else common_dir
    yield common_dir, repository.root if repository.git_dir == common_dir else main
    for git_dir in sorted((common_dir / "worktrees").glob("*")):
        yield git_dir, Path(_first_line(git_dir / "gitdir")).parent


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").partition("\n")[0].strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
