"""Where the user's checkout is, and its git directories: read from files, so that no git runs to find it.

Not here: what is true of it; see `repository.py`.
"""

from dataclasses import dataclass
from pathlib import Path


class NoRepository(Exception):
    """There is no repository here that Verger can work with. `what` says why, `hint` the way out."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Repository:
    """A checkout. `git_dir` is this checkout's own; `common_dir` is what all worktrees of it share."""

    root: Path
    git_dir: Path
    common_dir: Path


def find(start: Path) -> Repository:
    """The repository whose checkout holds `start`, found by reading `.git` files and folders, not by git.

    Raises NoRepository, also for a bare one.
    """
    folder = start.resolve()
    for root in (folder, *folder.parents):
        git_dir = _git_dir(root)
        if git_dir is not None:
            return Repository(root=root, git_dir=git_dir, common_dir=_common_dir(git_dir))
        if _is_git_dir(root) and root.name != ".git":
            raise NoRepository(f"{root} is a bare repository, which has no checkout", "name a checkout of it")
    raise NoRepository(f"{folder} is in no git repository", "name a folder inside a checkout with -C DIR")


def _git_dir(root: Path) -> Path | None:
    place = root / ".git"
    if place.is_file():
        words = place.read_text(errors="surrogateescape").strip()
        if not words.startswith("gitdir:"):
            raise NoRepository(
                f"{place} is a file, but names no git directory", "restore or remove that file"
            )
        place = (root / words.removeprefix("gitdir:").strip()).resolve()
        if not (place / "HEAD").is_file():
            why = f"{root} belongs to a git directory that is gone: {place}"
            raise NoRepository(why, "mend it with: git worktree repair")
    return place.resolve() if (place / "HEAD").is_file() else None


def _common_dir(git_dir: Path) -> Path:
    pointer = git_dir / "commondir"
    if not pointer.is_file():
        return git_dir
    return (git_dir / pointer.read_text(errors="surrogateescape").strip()).resolve()


def _is_git_dir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
