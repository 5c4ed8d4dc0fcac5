"""Control groups: a leaf for each job where they are delegated to us, from which no process of it gets away.

Not here: finding processes where there is none; see `tree.py`. Version 2 only, and each thing that a leaf can do is
used where the system has it: `cgroup.kill` needs no controller, a memory limit does.
"""

import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anyio

from verger_kernel.rules.limits import Limits

WANTED = frozenset({"memory", "pids"})
THREADS_PER_PROCESS = 8
"""`pids.max` counts threads, and a process of node or Java has some ten; looks count the processes themselves."""

_UNITS = (".service", ".scope", ".slice")
_REMOVED_WITHIN_S = 0.5
_YOUNG_S = 10.0


@dataclass(frozen=True)
class Delegated:
    """A folder below which we may make leaves, and the controllers that they will have."""

    folder: Path
    controllers: frozenset[str]


@dataclass(frozen=True)
class Leaf:
    """The control group of one job."""

    folder: Path

    def take(self, pid: int) -> bool:
        """Puts a process into the leaf, and with it all that it starts from now on. False if it is gone."""
        return _written(self.folder / "cgroup.procs", str(pid))

    def pids(self) -> frozenset[int]:
        """The processes in the leaf, zombies left out."""
        return frozenset(map(int, _read(self.folder / "cgroup.procs").split()))

    def exceeded(self) -> str:
        """The limit that the system itself had to enforce, `memory` or `processes`; empty if none."""
        if _events(self.folder / "memory.events").get("oom_kill", 0):
            return "memory"
        return "processes" if _events(self.folder / "pids.events").get("max", 0) else ""

    def kill(self) -> None:
        """Kills all that is in the leaf at once, and what it forks meanwhile. Nothing where the system cannot."""
        _written(self.folder / "cgroup.kill", "1")

    def remove(self) -> None:
        """Takes the emptied leaf away; one that is not empty stays. Blocks."""
        # A process that was killed takes a moment to end, and may leave the leaf after it was reaped.
        deadline = time.monotonic() + _REMOVED_WITHIN_S
        while self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.001)


@asynccontextmanager
async def leaf_kept(run_marker: str, marker: str, limits: Limits) -> AsyncIterator[Leaf | None]:
    """A leaf for the job that bears `marker`, removed at the end; None where none can be made.

    A job begins outside and is taken in by its pid. A shell that joins the leaf and then becomes the program would
    be in it from the start, but would answer for programs that cannot be started, run text files as scripts and drop
    variables; what a job forks before it is taken, the tree finds.
    """
    # In threads, like all that changes control groups: the system makes each wait for the others, 20 ms at times.
    leaf = await anyio.to_thread.run_sync(_made, run_marker, marker, limits)
    try:
        yield leaf
    finally:
        if leaf:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(leaf.remove)


def leaves_of(run_marker: str) -> list[Leaf]:
    """The leaves that a dead kernel left of its run, by name."""
    home = delegated()
    return [Leaf(folder) for folder in sorted(home.folder.glob(f"{_name(run_marker)}-*"))] if home else []


def _made(run_marker: str, marker: str, limits: Limits) -> Leaf | None:
    home = delegated()
    if home is None:
        return None
    leaf = Leaf(home.folder / f"{_name(run_marker)}-{_digest(marker)}")
    try:
        leaf.folder.mkdir(exist_ok=True)
    except OSError:
        return None
    if "memory" in home.controllers:
        _written(leaf.folder / "memory.max", str(limits.memory_bytes_max))
        _written(leaf.folder / "memory.swap.max", "0")
        _written(leaf.folder / "memory.oom.group", "1")
    if "pids" in home.controllers:
        _written(leaf.folder / "pids.max", str(limits.processes_max * THREADS_PER_PROCESS))
    return leaf


def _name(run_marker: str) -> str:
    return f"job-{_digest(run_marker)}"


def _digest(marker: str) -> str:
    return hashlib.sha256(marker.encode()).hexdigest()[:16]


@cache
def delegated() -> Delegated | None:
    """Where this process may make leaves; None where nothing is delegated to it. Asked once: asking may move us."""
    folder = own_folder(_read(Path("/proc/self/mountinfo")), _read(Path("/proc/self/cgroup")))
    return None if folder is None else delegation(folder)


def delegation(folder: Path) -> Delegated | None:
    """What is delegated to a process in the control group `folder`; its controllers are switched on if need be."""
    if not (os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK) and _is_ours(folder)):
        return None
    _clear(folder)
    offered = WANTED & set(_read(folder / "cgroup.controllers").split())
    if offered - _enabled(folder):
        _enable(folder, offered)
    return Delegated(folder, offered & _enabled(folder))


def _clear(folder: Path) -> None:
    """Takes away the leaves of kernels that were killed and never resumed."""
    for leaf in folder.glob("job-*"):
        # One that is younger may be about to get its first process; one that holds any stays by itself.
        with suppress(OSError):
            if time.time() - leaf.stat().st_ctime > _YOUNG_S:
                leaf.rmdir()


def own_folder(mountinfo: str, membership: str) -> Path | None:
    """Where our own control group lies, from two files of /proc; None where version 2 is not mounted or hides it."""
    path = next((line[3:] for line in membership.splitlines() if line.startswith("0::/")), None)
    for fields in map(str.split, mountinfo.splitlines()):
        if path and "cgroup2" in fields[6:] and path.startswith(fields[3]) and not path.startswith("/.."):
            return Path(fields[4]) / path.removeprefix(fields[3]).lstrip("/")
    return None


def _is_ours(folder: Path) -> bool:
    """Whether systemd leaves `folder` alone: its unit says that it is delegated, or it lies in no unit."""
    for place in (folder, *folder.parents):
        if place.suffix in _UNITS:
            return any(_attribute(place, f"{kind}.delegate") == b"1" for kind in ("user", "trusted"))
    return True


def _enable(folder: Path, controllers: frozenset[str]) -> None:
    """Switches `controllers` on for what is below `folder`, or leaves all as it was."""
    words = " ".join(f"+{name}" for name in sorted(controllers))
    if _written(folder / "cgroup.subtree_control", words):
        return
    # A group with processes of its own has no controllers below it; if they are ours alone, we can go down.
    own = Leaf(folder / f"kernel-{os.getpid()}")
    with suppress(OSError):
        own.folder.mkdir()
        if not (own.take(os.getpid()) and _written(folder / "cgroup.subtree_control", words)):
            Leaf(folder).take(os.getpid())
            own.remove()


def _enabled(folder: Path) -> frozenset[str]:
    return frozenset(_read(folder / "cgroup.subtree_control").split())


def _attribute(place: Path, name: str) -> bytes:
    try:
        return os.getxattr(place, name)
    except OSError:
        return b""


def _events(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _read(path).splitlines())
    return {name: int(count) for name, count in pairs}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _written(path: Path, text: str) -> bool:
    try:
        # In one write, unbuffered: each is a command to the system, which answers by accepting it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(descriptor, text.encode()) > 0
    except OSError:
        return False
    finally:
        os.close(descriptor)
