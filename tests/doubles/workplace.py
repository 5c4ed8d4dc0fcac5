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

from tests.doubles.repository import make_repository, run_git

import verger_kernel
import verger_probes
from verger_kernel.disk.layout import RunFolder
from verger_kernel.home import find_home, run_ids
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import Event

PLAYBOOK = "playbook.md"
KILLED_KERNEL = Path(__file__).with_name("killed_kernel.py")
PATIENCE_S = 20.0

COLUMNS = (
    *("step_id", "phase", "action", "why_now", "owner_type", "prerequisites", "repo_surfaces", "deliverable"),
    *("exit_criteria", "allowed_write_roots", "requires_red_green", "manual_gate", "manual_gate_reason"),
    *("external_check", "external_dependencies", "required_verification_commands"),
)
POLICY = """\
[lanes]
worker = "worker"
audit_a = "reader-a"
audit_b = "reader-b"

[agents]
worker = { kind = "scripted", scenario = "scenario.toml" }
reader-a = { kind = "scripted", scenario = "scenario.toml" }
reader-b = { kind = "scripted", scenario = "scenario.toml" }
"""


def item(step_id: str, **cells: str) -> str:
    """The row of an item that writes `docs/ID.md` and asks for nothing special unless `cells` say so."""
    plain = dict.fromkeys(COLUMNS, "") | {
        "step_id": step_id,
        "phase": "Notes",
        "action": f"Write note {step_id}.",
        "why_now": "It is next.",
        "owner_type": "writer",
        "prerequisites": "none",
        "repo_surfaces": "`docs/`",
        "deliverable": f"`docs/{step_id}.md`",
        "exit_criteria": "The note is there.",
        "allowed_write_roots": "docs",
        "requires_red_green": "no",
        "required_verification_commands": f"`test -s docs/{step_id}.md`",
    }
    assert set(cells) <= set(COLUMNS)
    return "| " + " | ".join((plain | cells).values()) + " |"


def gated(step_id: str, **cells: str) -> str:
    """The row of an item on which a person must decide."""
    return item(step_id, manual_gate="signoff", manual_gate_reason="A person must read it.", **cells)


def evidenced(step_id: str, **cells: str) -> str:
    """The row of an item that copies `status.txt` of the evidence it must be given."""
    compared = f'`cmp docs/{step_id}.md "$VERGER_EXTERNAL_EVIDENCE_DIR/status.txt"`'
    return item(
        step_id,
        external_check="human_supplied_evidence_required",
        external_dependencies="vendor status",
        **{"required_verification_commands": compared} | cells,
    )


ROWS = (item("01"), gated("02"), evidenced("03"), item("04", prerequisites="01"))
"""One of each kind."""


def playbook(rows: Iterable[str]) -> str:
    """A playbook of `rows`."""
    table = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS), *rows]
    return "# Notes\n\n## 2. Ordered Execution Plan\n\n" + "\n".join(table) + "\n"


def scenario(*calls: str) -> str:
    """A scenario of `calls`, each the lines below its `[[call]]`."""
    return 'schema_version = "verger.scenario.v1"\n' + "".join(f"\n[[call]]\n{call}\n" for call in calls)


def writing(step_id: str, text: str = "a note\n", more: str = "") -> str:
    """The call in which the worker writes its item's note, whatever the stage."""
    step = f'{{ do = "write", path = "docs/{step_id}.md", text = {json.dumps(text)} }}'
    return f'item = "{step_id}"\nsteps = [{step}{more}]'


WRITTEN = scenario(*(f'stage = "execute"\n{writing(name)}' for name in ("01", "02", "03", "04")))
"""Every item is done at once, and both lanes see nothing."""


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
            "PYTHONPATH": os.pathsep.join(str(Path(package).parent) for package in packages),
            **more,
        }

    def verger(self, *argv: str | bytes, cwd: Path | None = None, **environment: str) -> Result:
        """One command of the real kernel, to its end."""
        return self._ended(("-m", "verger_kernel", *argv), cwd, environment)

    def killed_at(self, number: int, when: str, *argv: str) -> Result:
        """The same, dead by its own SIGKILL `before` or `after` its `number`-th journal record."""
        return self._ended((str(KILLED_KERNEL), str(number), when, "--", *argv), None, {})

    def _ended(self, words: tuple[str | bytes, ...], cwd: Path | None, more: Mapping[str, str]) -> Result:
        done = subprocess.run(
            (sys.executable, "-P", *words),
            cwd=cwd or self.repository,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        # Decoded strictly: what people read is UTF-8.
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def begun(self, *argv: str, until: Callable[[], bool]) -> "Iterator[subprocess.Popen[bytes]]":
        """A command that goes on in the background, from the moment `until` is true; killed at the end."""
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "verger_kernel", *argv),
            cwd=self.repository,
            env=self.environment(),
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

        Of the two locks only that they are there: their text is who held them last.
        """
        return {str(path.relative_to(self.root)): _nature(path) for path in sorted(self.root.rglob("*"))}


def _nature(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return "folder"
    if path.name in ("run.lock", "tree.lock"):
        return "lock"
    return f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"


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
