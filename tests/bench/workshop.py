"""A workshop: a repository made for one run, a playbook of equal items, instant agents, and what runs in it.

Not here: what is measured in it (`*_figures.py`), nor how processes and syncs are counted (`counting.py`).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AGENT = Path(__file__).parent / "agent.sh"
FLOORS = ("daemon", "client", "kernel", "probes")
_COLUMNS = (
    *("step_id", "phase", "action", "why_now", "owner_type", "prerequisites", "repo_surfaces", "deliverable"),
    *("exit_criteria", "allowed_write_roots", "requires_red_green", "required_verification_commands"),
    *("manual_gate", "manual_gate_reason"),
)


@dataclass(frozen=True)
class Shape:
    """What a workshop holds: items of the playbook, files that a worker writes, tracked files of a size.

    With `gated` a person must decide on each item. `command` is the one command that an item requires, empty for a
    look whether its page is there.
    """

    items: int = 1
    files: int = 1
    tracked: int = 40
    bytes_each: int = 2_000
    gated: bool = False
    command: str = ""


@dataclass(frozen=True)
class Line:
    """A line that a command wrote, with the seconds it had run by then."""

    at_s: float
    text: str


@dataclass(frozen=True)
class Finished:
    """A command that ended well, with what it wrote to stderr.

    `cpu_s` is its own and its ended children's time, `rss_mb` the memory of the largest of them.
    """

    wall_s: float
    cpu_s: float
    rss_mb: float
    lines: tuple[Line, ...]


class CommandFailed(Exception):
    """A command of the bench that did not end with 0: no figure comes of it."""


@dataclass(frozen=True)
class Workshop:
    """A fresh repository, a state folder and a home below `root`, where nothing of the user's applies."""

    root: Path
    files: int

    @property
    def repository(self) -> Path:
        """The checkout that a run is started in."""
        return self.root / "repository"

    @property
    def state(self) -> Path:
        """What Verger keeps of it: runs, reports, worktrees."""
        return self.root / "state"

    @property
    def calls(self) -> list[Path]:
        """What each call of an agent was told, in a folder of that call."""
        return list(self.state.rglob("task_specification.json"))

    def kernel(self, *words: str) -> tuple[str, ...]:
        """The command line of the kernel for `words`, in the repository."""
        return (sys.executable, "-P", "-m", "verger_kernel", "-C", str(self.repository), *words)

    def run(self, *words: str) -> tuple[str, ...]:
        """The command line that begins a run: the first item, or what `words` make of it."""
        return self.kernel("run", "playbook.md", "--next", *words)

    def chain(self, *words: str) -> tuple[str, ...]:
        """The command line that carries every item, or as many as `words` say."""
        return self.run("--auto-advance", *words)

    def environment(self, *path: Path) -> dict[str, str]:
        """The environment of every command: this clone's packages, and `path` before the folders of PATH."""
        return {
            "PATH": os.pathsep.join((*map(str, path), os.environ.get("PATH", os.defpath))),
            "HOME": str(self.root),
            "LC_ALL": "C",
            "XDG_STATE_HOME": str(self.state),
            "PYTHONPATH": os.pathsep.join(str(ROOT / floor) for floor in FLOORS),
        }

    def timed(self, argv: Sequence[str], *path: Path, ends: int = 0, **environ: str) -> Finished:
        """Runs a command to its end, with `environ` on top. Raises CommandFailed if that is not `ends`."""
        began = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=self.root,
            env=self.environment(*path) | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr
        with process.stderr as stream:
            lines = tuple(Line(time.perf_counter() - began, os.fsdecode(line).rstrip()) for line in stream)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != ends:
            words = "\n".join(line.text for line in lines[-5:])
            raise CommandFailed(f"{' '.join(argv)} ended with {process.returncode}:\n{words}")
        return Finished(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines)


@contextmanager
def workshop(shape: Shape = Shape()) -> Iterator[Workshop]:
    """A workshop on the disk of this clone, gone afterwards: the system's temporary folder may be no disk."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        made = Workshop(Path(folder), shape.files)
        _commit(made, shape)
        yield made


def _commit(made: Workshop, shape: Shape) -> None:
    """Imported and checked out: to add 100,000 files one by one takes minutes."""
    made.repository.mkdir()
    for words in ("init -q -b main", "config user.name Bench", "config user.email bench@localhost"):
        _git(made, *words.split())
    _import(made, shape)
    _git(made, "reset", "-q", "--hard")


def _import(made: Workshop, shape: Shape) -> None:
    # Never held whole: a process that is measured inherits the peak memory of the one that started it.
    words = ("git", "fast-import", "--quiet")
    with subprocess.Popen(
        words, cwd=made.repository, env=made.environment(), stdin=subprocess.PIPE
    ) as importing:
        assert importing.stdin
        importing.stdin.writelines(_stream(made, shape))
    if importing.returncode:
        raise CommandFailed(f"{' '.join(words)} ended with {importing.returncode}")


def _stream(made: Workshop, shape: Shape) -> Iterator[bytes]:
    """One commit in the words of `git fast-import`."""
    yield b"commit refs/heads/main\ncommitter Bench <bench@localhost> 1700000000 +0000\ndata 5\nbegin\n"
    for name, content in _files(made, shape):
        data = content.encode()
        yield b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data)


def _files(made: Workshop, shape: Shape) -> Iterator[tuple[str, str]]:
    yield from {
        "playbook.md": _playbook(shape),
        "verger.toml": _policy(made),
        "pages/index.md": "# Pages\n",
    }.items()
    line = "line {} of a file that is there to be checked out\n"
    text = "".join(map(line.format, range(shape.bytes_each // len(line) + 1)))
    folders = max(8, shape.tracked // 50)
    for n in range(shape.tracked):
        yield f"src/part-{n % folders}/file-{n}.txt", f"{n}\n{text}"[: shape.bytes_each]


def _git(made: Workshop, *words: str) -> None:
    subprocess.run(("git", *words), cwd=made.repository, env=made.environment(), check=True)


def _playbook(shape: Shape) -> str:
    width = max(2, len(str(shape.items)))
    rows = [_item(f"{number:0{width}}", shape) for number in range(1, shape.items + 1)]
    table = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *map(_row, rows)]
    return "\n\n".join(
        (
            "# Bench playbook",
            "## 1. Plan Context",
            "Equal items, each as small as an item can be.",
            "## 2. Ordered Execution Plan",
            "\n".join(table) + "\n",
        )
    )


def _item(name: str, shape: Shape) -> list[str]:
    gate = ("signoff", "The bench wants it so.") if shape.gated else ("", "")
    page = f"pages/{name}-1.md"
    return [
        *(
            name,
            "Pages",
            f"Write page {name}.",
            "The bench counts it.",
            "writer",
            "none",
            "`pages/`",
            f"`{page}`",
        ),
        *("The page is there.", "pages", "no", f"`{shape.command or f'test -s {page}'}`", *gate),
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _policy(made: Workshop) -> str:
    command = f'["{AGENT}", "{made.files}"]'
    agents = "".join(
        f'[agents.{n}]\nkind = "generic"\ncommand = {command}\n' for n in ("coder", "reader", "critic")
    )
    return f'[lanes]\nworker = "coder"\naudit_a = "reader"\naudit_b = "critic"\n{agents}'
