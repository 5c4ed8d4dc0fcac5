"""Runs of the demo's repository by the real kernel, and what they came to; times and tries are left out.

Not here: how the kernel is killed; see `killed_kernel.py`.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from tests.doubles.warm_python import run_warm

from verger_kernel.demo.show import build
from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.store import load
from verger_kernel.git.command import Git
from verger_kernel.git.commits import tree_of
from verger_kernel.home import find_home, run_ids
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import AgentStarted
from verger_kernel.snapshot import state_name
from verger_probes.locks import is_held

KILLED_KERNEL = Path(__file__).with_name("killed_kernel.py")
POWERLESS_KERNEL = Path(__file__).with_name("powerless_kernel.py")


@dataclass(frozen=True)
class Ending:
    """What a run came to: `story` is equal for equal ends, whatever happened on the way."""

    story: tuple[object, ...]
    records: int
    agent_calls: int
    left_behind: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A repository with a state home of its own."""

    root: Path

    @property
    def repository(self) -> Path:
        """The user's checkout."""
        return self.root / "repository"

    def environment(self) -> dict[str, str]:
        """What the kernel is started with: nothing of the machine but PATH and where Python finds us."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "XDG_STATE_HOME": str(self.root / "state"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def verger(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """One command of the real kernel, to its end."""
        return self._started("-m", "verger_kernel", "-C", str(self.repository), *argv)

    def killed_at(self, number: int, when: str, *argv: str) -> "subprocess.CompletedProcess[str]":
        """The same, but dead at its `number`-th journal record."""
        command = (str(KILLED_KERNEL), str(number), when, "--", "-C", str(self.repository), *argv)
        return self._started(*command)

    def powerless(
        self, notes: Path, number: int, boot: str, *argv: str
    ) -> "subprocess.CompletedProcess[str]":
        """The same in boot `boot`, with what it synced in `notes`; dead after its `number`-th record, 0 for never."""
        command = (str(POWERLESS_KERNEL), str(notes), str(number), boot, "--", "-C", str(self.repository))
        return self._started(*command, *argv)

    def _started(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        done = run_warm(argv, cwd=self.root, env=self.environment(), timeout_s=120)
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def resume_or_run(self, story: "Story") -> "subprocess.CompletedProcess[str]":
        """Goes on as a person would: resumes the run, or begins it again if it never came to be."""
        if self.runs():
            return self.verger("resume", "latest")
        return self.verger(*story.argv)

    def runs(self) -> tuple[RunFolder, ...]:
        """Every run that there is."""
        home = find_home(self.repository, self.environment())
        folder = home.folder
        return tuple(folder.run(name) for name in run_ids(folder)) if folder else ()


@dataclass(frozen=True)
class Story:
    """Some items of the demo's playbook, in order."""

    items: str

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that begins it."""
        return ("run", "playbook.md", "--items", self.items)

    def build(self, root: Path) -> Place:
        """A fresh repository to play it in."""
        place = Place(root)
        (root / "home").mkdir()
        build(place.repository)
        return place


@cache
def undisturbed(story: Story) -> Ending:
    """What the story comes to when nothing happens to it."""
    with TemporaryDirectory() as root:
        place = story.build(Path(root))
        ended = place.verger(*story.argv)
        assert ended.returncode == 0, ended.stderr
        return ending_of(place)


def ending_of(place: Place) -> Ending:
    """Reads the only run of `place`; `load` proves that its journal folds to its state."""
    (folder,) = place.runs()
    state = load(folder).state
    git = Git(place.repository / ".git")
    passed = tuple((entry.item, entry.attempt, entry.round, entry.tree) for entry in state.passed)
    branch = git.run("rev-parse", f"refs/heads/{state.run_branch}").decode().strip()
    assert branch == state.tip
    records = read(folder.journal.read_bytes()).records
    return Ending(
        story=(passed, tree_of(git, state.tip), state_name(state.stage), state.outstanding),
        records=len(records),
        agent_calls=sum(isinstance(record.event, AgentStarted) for record in records),
        left_behind=_left_behind(place, folder),
    )


def _left_behind(place: Place, folder: RunFolder) -> tuple[str, ...]:
    found = [f"worktree {path.name}" for path in _entries(folder.worktrees)]
    found += [f"verification tree {path.name}" for path in _entries(folder.verify)]
    found += [f"lock {lock.name}" for lock in (folder.run_lock, folder.tree_lock) if is_held(lock)]
    found += [f"file {path.name}" for path in folder.root.rglob(".record-*")]
    found += [f"staging {path.name}" for path in folder.root.parent.glob(".new-*")]
    found += [f"changed {line}" for line in _status(place.repository)]
    for process in psutil.process_iter(["pid"]):
        try:
            if process.environ().get("VERGER_RUN") == folder.root.name:
                found.append(f"process {process.pid}")
        except psutil.Error:
            continue
    return tuple(found)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _status(repository: Path) -> list[str]:
    git = Git(repository / ".git", user_config=True)
    return git.run("status", "--porcelain", work_tree=repository).decode().splitlines()
