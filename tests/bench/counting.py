"""Counts from outside: the processes that a program starts, the syncs that it and its children ask for.

Not here: what is counted with it; see `item_figures.py`. The program itself is not asked and not changed.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SYNCS = ("fsync", "fdatasync", "sync_file_range", "syncfs", "msync", "sync")
_SOURCE = Path(__file__).parent / "sync_counter.c"
_CALL = re.compile(rf"^(?:\d+ +)?(?:{'|'.join(SYNCS)})\(", re.MULTILINE)
# With no id before it, the line is of a process that was alone until then.
_PROCESS = re.compile(
    r"^(?:(\d+) +)?(?:(execve\(.*= 0|<\.\.\. execve resumed>.*= 0)$|\+\+\+ .*)", re.MULTILINE
)
_SHIM = """\
#!/bin/sh
printf . >>'{record}'
GIT_EXEC_PATH='{folder}' exec '{git}' "$@"
"""


@dataclass(frozen=True)
class GitCounter:
    """A folder to put first on PATH: its `git` leaves one byte in `record` and becomes the real one."""

    folder: Path
    record: Path

    def count(self) -> int:
        """How many were started since the last time it was asked."""
        number = self.record.stat().st_size if self.record.exists() else 0
        self.record.unlink(missing_ok=True)
        return number


def git_counter(place: Path) -> GitCounter:
    """A counter below `place`. Git looks its own git children up in the same folder, so they count, too."""
    counter = GitCounter(place / "counted-git", place / "git-processes")
    counter.folder.mkdir()
    git = shutil.which("git")
    assert git
    for program in Path(_said(git, "--exec-path")).iterdir():
        if program.name != "git":
            (counter.folder / program.name).symlink_to(program)
    shim = counter.folder / "git"
    shim.write_text(_SHIM.format(record=counter.record, folder=counter.folder, git=git), encoding="utf-8")
    shim.chmod(0o755)
    return counter


@dataclass(frozen=True)
class Tracer:
    """Words to put before a command line. `how` names the tool; `read` makes a number of what it recorded."""

    how: str
    prefix: tuple[str, ...]
    record: Path
    read: Callable[[str], int]

    def count(self) -> int:
        """How many of what it counts the last command gave rise to."""
        return self.read(self.record.read_text(encoding="utf-8", errors="replace"))


class NotCounted(Exception):
    """Why syncs or processes cannot be counted on this machine."""


def sync_counter(place: Path) -> Tracer:
    """The first counter that works here, with its files below `place`. Raises NotCounted."""
    reasons = []
    for make in (with_strace, with_tracer):
        try:
            return make(place)
        except NotCounted as reason:
            reasons.append(str(reason))
    raise NotCounted("; ".join(reasons))


def with_strace(place: Path) -> Tracer:
    """A counter that reads what strace saw. Raises NotCounted."""
    return _straced(place, SYNCS, lambda text: len(_CALL.findall(text)))


def process_counter(place: Path) -> Tracer:
    """A counter of the processes that became a program, the first one too; one that becomes several counts once.

    Raises NotCounted.
    """
    return _straced(place, ("execve",), _processes)


def _processes(text: str) -> int:
    # An id is given away again: it counts once until its process has ended.
    number, alive = 0, set[str]()
    for process, began in _PROCESS.findall(text):
        if not began:
            alive.discard(process)
        elif process not in alive:
            alive.add(process)
            number += 1
    return number


def _straced(place: Path, calls: Sequence[str], read: Callable[[str], int]) -> Tracer:
    if not shutil.which("strace"):
        raise NotCounted("no strace")
    record = place / "strace.log"
    prefix = (
        "strace",
        "-f",
        "-q",
        "--seccomp-bpf",
        "-e",
        f"trace={','.join(calls)}",
        "-e",
        "signal=none",
        "-o",
        str(record),
    )
    return _tried(Tracer("strace -f", prefix, record, read))


def with_tracer(place: Path) -> Tracer:
    """A counter compiled from `sync_counter.c`. Raises NotCounted."""
    if not shutil.which("gcc"):
        raise NotCounted("no gcc to compile sync_counter.c with")
    program, record = place / "sync_counter", place / "syncs"
    made = subprocess.run(("gcc", "-O1", "-o", program, _SOURCE), capture_output=True, text=True, check=False)
    if made.returncode:
        raise NotCounted(f"sync_counter.c does not compile here: {_last_line(made.stderr)}")
    return _tried(Tracer("sync_counter.c", (str(program), str(record)), record, int))


def _tried(counter: Tracer) -> Tracer:
    # Containers often forbid the system call that both tools rest on.
    done = subprocess.run((*counter.prefix, "true"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotCounted(f"{counter.how} may not trace here: {_last_line(done.stderr)}")
    return counter


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
