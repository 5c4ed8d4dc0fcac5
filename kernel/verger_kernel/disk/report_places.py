"""Where one agent call must put its report: a folder whose name no other agent is told.

Not here: reading what is put there; see `agents/outcome.py`.

Agents share a user, so an agent that knew the place could answer in another's stead. The name is random and stands in
the task alone, the folder around it does not list it while the call lasts, and what is kept is a digest of it. An agent
that searches for it, in /proc for one, still finds it: only a sandbox closes that.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReportPlace:
    """The one folder of a call that its agent is told: report, task and copy of the packet lie in it."""

    root: Path

    @property
    def report(self) -> Path:
        """The agent's answer."""
        return self.root / "report.json"

    @property
    def task(self) -> Path:
        """The task specification while the call lasts: it names this folder."""
        return self.root / "task_specification.json"

    @property
    def packet(self) -> Path:
        """The call's own copy of the packet."""
        return self.root / "packet"


def make(around: Path, seal: Path) -> ReportPlace:
    """A new place below `around`; `seal` keeps the digest of its name, so a place of an earlier start counts no more.

    None of it waits for the disk: a call that a power loss cut is made again.
    """
    if around.is_symlink() or around.is_file():
        around.unlink()
    around.mkdir(mode=0o700, parents=True, exist_ok=True)
    show(around)
    name = secrets.token_hex(16)
    place = ReportPlace(around / name)
    place.root.mkdir(mode=0o700)
    seal.write_text(_digest(name), encoding="ascii")
    around.chmod(0o300)
    return place


def find(around: Path, seal: Path) -> ReportPlace | None:
    """The place that `make` made, None if it is gone. What else lies in `around` was planted and is passed over."""
    if not around.is_dir() or not seal.is_file():
        return None
    show(around)
    known = seal.read_text(encoding="ascii", errors="replace")
    for entry in around.iterdir():
        if _digest(entry.name) == known and entry.is_dir() and not entry.is_symlink():
            return ReportPlace(entry)
    return None


def show(around: Path) -> None:
    """Lets people list `around`, once the call is over."""
    around.chmod(0o700)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
