"""A user's place of work: a small real repository, a HOME and a state home of its own, `verger` typed in it.

Not here: the repository's making (`repository.py`) and its death at a journal record (`killed_kernel.py`).
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.notes import PLAYBOOK, POLICY, ROWS, WRITTEN, playbook
from tests.doubles.repository import make_repository, run_git
from tests.doubles.warm_python import run_warm

import verger_kernel
import verger_probes
from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.store import load
from verger_kernel.home import find_home, run_ids
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import Event

KILLED_KERNEL = Path(__file__).with_name("killed_kernel.py")
PATIENCE_S = 20.0

_READ_LATE = ("VERGER_", "XDG_", "TERM")
"""How variables begin that no Python reads at its start."""

DRIVING = (("run",), ("resume",), ("refresh-run",), ("mark-manual-gate",))
ENDS = (0, 20, 21, 22)


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What stands on standard output, read as JSON."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Workplace:
    """Everything of one user below `root`; nothing outside of it is read or written."""

    root: Path

    @property
    def repository(self) -> Path:
        """The user's checkout, where every command is typed."""
        return self.root / "repository"

    @property
    def home(self) -> Path:
        """HOME."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """XDG_STATE_HOME; nobody made it yet."""
        return self.root / "state"

    def environment(self, **more: str) -> dict[str, str]:
        """What a command is started with: of the machine PATH alone, and where Python finds the kernel."""
        packages = (verger_kernel.__path__[0], verger_probes.__path__[0])
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
            "GIT_CONFIG_NOSYSTEM": "1",
            # It would hide the homes and absolute paths by which agents and commands of tests tell what they saw.
            "VERGER_SANDBOX": "none",
            "PYTHONPATH": os.pathsep.join(str(Path(package).parent) for package in packages),
            **more,
        }

    def verger(self, *argv: str | bytes, cwd: Path | None = None, **environment: str) -> Result:
        """One command of the real kernel, to its end. After each that drove a run, its journal folds to its state."""
        result = self._ended(("-m", "verger_kernel", *argv), cwd, environment)
        if argv[:1] in DRIVING and result.code in ENDS and cwd is None and self.has_run():
            load(self.run())
        return result

    def killed_at(self, number: int, when: str, *argv: str) -> Result:
        """The same, dead by its own SIGKILL `before` or `after` its `number`-th journal record."""
        return self._ended((str(KILLED_KERNEL), str(number), when, "--", *argv), None, {})

    def _ended(self, words: tuple[str | bytes, ...], cwd: Path | None, more: Mapping[str, str]) -> Result:
        place, environment = cwd or self.repository, self.environment(**more)
        if any(not name.startswith(_READ_LATE) for name in more):
            # Such a variable can change what Python does before anything is imported.
            done = subprocess.run(
                (sys.executable, "-P", *words),
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
        else:
            done = run_warm(words, cwd=place, env=environment, timeout_s=60)
        # Decoded strictly: what people read is UTF-8.
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def begun(
        self, *argv: str, until: Callable[[], bool], **environment: str
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """A command that goes on in the background, from the moment `until` is true; killed at the end."""
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "verger_kernel", *argv),
            cwd=self.repository,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(until)
            yield process
        finally:
            process.kill()
            process.wait()

    def git(self, *args: str, ok: tuple[int, ...] = (0,)) -> str:
        """What git says in the checkout, without its last newline."""
        return run_git(self.repository, *args, ok=ok).rstrip("\n")

    def run(self) -> RunFolder:
        """The newest run."""
        folder = find_home(self.repository, self.environment()).require()
        return folder.run(run_ids(folder)[-1])

    def has_run(self) -> bool:
        """Whether any run was made."""
        folder = find_home(self.repository, self.environment()).folder
        return bool(folder and run_ids(folder))

    def events(self, kind: type[Event]) -> list[Any]:
        """The events of one kind in the newest run's journal."""
        records = read(self.run().journal.read_bytes()).records
        return [record.event for record in records if isinstance(record.event, kind)]

    def run_branch(self) -> str:
        """Where the newest run's branch stands."""
        return self.git("rev-parse", f"orchestrator/run/{self.run().root.name}")

    def evidence(self, name: str = "evidence", text: str = "a note\n") -> Path:
        """A folder of evidence that holds `status.txt`."""
        folder = self.root / name
        folder.mkdir()
        (folder / "status.txt").write_text(text, encoding="utf-8")
        return folder

    def everything(self) -> dict[str, str]:
        """What every path below `root` is: of a file the mode and digest. Equal only if nothing was touched.

        Of the two locks only that they are there: their text is who held them last. What views remember is left out.
        """
        seen = {str(path.relative_to(self.root)): _nature(path) for path in sorted(self.root.rglob("*"))}
        return {path: nature for path, nature in seen.items() if not path.startswith("home/.cache")}


def _nature(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return "folder"
    if path.name in ("run.lock", "tree.lock"):
        return "lock"
    return f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"


@contextmanager
def untouched(place: Workplace) -> Iterator[None]:
    """Asserts that nothing at all is made, changed or removed meanwhile."""
    before = place.everything()
    yield
    assert place.everything() == before


def refused(place: Workplace, argv: tuple[str, ...], code: int, *words: str) -> Result:
    """What a command said that was refused; asserts how, and that it touched nothing."""
    with untouched(place):
        result = place.verger(*argv)
    assert_refused(result, code, *words)
    return result


def wait_until(condition: Callable[[], bool]) -> None:
    """Returns as soon as `condition` is true; fails when it is not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def workplace(
    root: Path,
    *,
    rows: Iterable[str] = ROWS,
    script: str = WRITTEN,
    policy: str = POLICY,
    files: Mapping[str, str] = {},
) -> Workplace:
    """A new place of work below `root`, clean and committed."""
    made = Workplace(root)
    made.home.mkdir(parents=True)
    content = {
        PLAYBOOK: playbook(rows),
        "scenario.toml": script,
        "verger.toml": policy,
        ".gitignore": ".local/\n",
        "docs/index.md": "# Notes\n",
    }
    make_repository(made.repository, content | dict(files))
    return made


def assert_refused(result: Result, code: int, *words: str) -> None:
    """Asserts one `error:` line with a hint, all `words`, nothing on standard output, and the exit code."""
    line, *details = result.stderr.splitlines() or [""]
    assert result.code == code, result
    assert result.stdout == "", result
    assert line.startswith("error: "), result
    assert "; hint: " in line, result
    assert all(detail.startswith("  ") for detail in details), result
    assert "Traceback" not in result.stderr, result
    for word in words:
        assert word in result.stderr, result
