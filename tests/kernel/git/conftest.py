"""A repository, the Git bound to it, and one way to see that nothing of it changed."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
from tests.doubles.repository import head_of, make_repository, write_files

from verger_kernel.git.command import Git
from verger_kernel.git.repository import facts, find, git_for
from verger_kernel.git.worktrees import create
from verger_kernel.rules.ids import ObjectId


class Desk:
    """One repository with one attempt's worktree beside it."""

    def __init__(self, folder: Path, files: dict[str, str | bytes]) -> None:
        self.user = make_repository(folder / "user", files)
        self.root = folder / "state"
        self.target = self.root / "worktrees" / "item-01-attempt-1"
        self.index = self.root / "index"
        self.refresh()

    def refresh(self) -> None:
        """Takes in what the repository now is: its head and its configuration."""
        found = find(self.user)
        self.git: Git = git_for(found, facts(found))
        self.base = ObjectId(head_of(self.user))

    def create(self) -> None:
        """The worktree, at the base."""
        create(self.git, self.target, self.base, self.index, root=self.root)

    def write(self, **files: str) -> None:
        """Writes files at the top of the worktree, as an agent would."""
        write_files(self.target, files)


@pytest.fixture(autouse=True)
def no_user_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of whoever runs the tests does not apply."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path, {"a.txt": "a\n", "docs/b.txt": "b\n", "run.sh": "exit 0\n", ".gitignore": "*.o\n"})
    made.create()
    return made


def snapshot(root: Path, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Every path below `root` with its mode and content's digest; what begins with `without` is left out."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            place = Path(os.fsdecode(os.path.join(folder, name)))  # noqa: PTH118 - bytes, for odd names
            path = str(place.relative_to(root))
            if not path.startswith(without or ("\0",)):
                found[path] = _seen(place)
    return found


def _seen(place: Path) -> str:
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"{mode:o} {place.readlink()}"
    # What is no regular file is told by its mode alone: to open a pipe is to wait for ever.
    return f"{mode:o} {hashlib.sha256(place.read_bytes()).hexdigest()}" if stat.S_ISREG(mode) else f"{mode:o}"
