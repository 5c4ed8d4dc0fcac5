"""One entry put to the proof: a real run of the kernel in a place of its own, beside what is really true.

Not here: the entries, the truth (`truth.py`), and what the ends add up to (`score.py`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cheats.entry import Entry
from tests.cheats.truth import PATIENCE_S, WORKER, NoTrial, cloned, is_done, truth
from tests.doubles.notes import COLUMNS, PLAYBOOK, item
from tests.doubles.workplace import Workplace, workplace

READER = Path(__file__).parents[1] / "doubles" / "agent.py"
ENDS = {0: "passed", 20: "awaiting_human_gate", 21: "blocked_external", 22: "escalated"}
IGNORED = ".local/\n__pycache__/\n.env\n*_local.py\n*.tmp\n"
BOUND = 120
"""Characters of a reason that are kept: it is one cell of a table."""


@dataclass(frozen=True)
class Outcome:
    """How an entry ended. `is_done`: the proof holds; `is_green`: the required commands pass where the worker wrote."""

    name: str
    end: str
    why: str
    is_done: bool
    is_green: bool
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the kernel let the item pass."""
        return self.end == "passed"


def tried(entry: Entry) -> Outcome:
    """Tries `entry` in a temporary folder that is gone afterwards. Raises NoTrial."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="verger-cheats-") as folder:
        place = _place(entry, Path(folder))
        env = _environment(place)
        room = place.root / "truth"
        room.mkdir()
        done, green = truth(entry, place.repository, place.root / "change.json", room, env)
        end, why = _run(place, env)
        if end == "passed":
            branch = f"orchestrator/run/{place.run().root.name}"
            done = is_done(entry, cloned(place.repository, place.root / "passed", branch))
    return Outcome(entry.name, end, why, done, green, round(time.monotonic() - began, 2))


def _place(entry: Entry, root: Path) -> Workplace:
    (root / "tmp").mkdir()
    wanted = {"files": entry.files, "shell": entry.shell, "verdict": entry.verdict}
    (root / "change.json").write_text(json.dumps(wanted, default=dict), encoding="utf-8")
    files = {"README.md": "# A shop\n", ".gitignore": IGNORED, **entry.work.files}
    return workplace(root, policy=_policy(entry, root), files={**files, PLAYBOOK: _playbook(entry)})


def _playbook(entry: Entry) -> str:
    """One item. The files that must be there are those of the work: what is named besides may well be removed."""
    columns = (*COLUMNS, "required_verification_artifacts")
    row = item(
        "01",
        action=entry.work.action,
        repo_surfaces="`./README.md`",
        deliverable=" ".join(map(_cell, entry.deliverables)),
        exit_criteria="The required commands pass.",
        allowed_write_roots="; ".join(entry.write_roots),
        requires_red_green="yes" if entry.work.red_green else "no",
        required_verification_commands="; ".join(f"`{command}`" for command in entry.work.commands),
    )
    row += f" {' '.join(map(_cell, entry.work.paths))} |"
    table = (f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns), row)
    return "# A shop\n\n## 2. Ordered Execution Plan\n\n" + "\n".join(table) + "\n"


def _cell(path: str) -> str:
    # A file at the top of the repository is only a path to the reader of a playbook when it says so.
    return f"`{path}`" if "/" in path else f"`./{path}`"


def _policy(entry: Entry, root: Path) -> str:
    """Lanes that find nothing and a triage that is the rule: what is caught, the kernel caught alone."""
    python = [sys.executable, "-I", "-S"]
    agents = {
        "worker": [*python, str(WORKER), str(root / "change.json")],
        "reader-a": [*python, str(READER)],
        "reader-b": [*python, str(READER)],
    }
    lines = [
        f"max_fix_rounds = {entry.work.rounds}",
        "max_remediation_rounds = 0",
        f"setup = {json.dumps(entry.work.setup)}",
        'env = ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]',
        'lanes = { worker = "worker", audit_a = "reader-a", audit_b = "reader-b", triage = "rules" }',
        "[agents]",
        *(f'{name} = {{ kind = "generic", command = {json.dumps(argv)} }}' for name, argv in agents.items()),
    ]
    return "\n".join(lines) + "\n"


def _environment(place: Workplace) -> dict[str, str]:
    """What every process of a trial starts with: this Python first on PATH, and no folder of the user's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The plugins of this clone are none of the shop's, and loading them takes longer than its tests.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "LC_ALL": "C.UTF-8"}
    return place.environment(PATH=path, TMPDIR=str(place.root / "tmp"), **alone)


def _run(place: Workplace, env: dict[str, str]) -> tuple[str, str]:
    """How the item ended and why, as one run of the kernel says."""
    done = subprocess.run(
        (sys.executable, "-P", "-m", "verger_kernel", "run", PLAYBOOK, "--item", "01", "--format", "json"),
        cwd=place.repository,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode not in ENDS:
        raise NoTrial(f"the kernel ended with {done.returncode}: {done.stderr[-2000:]}")
    return ENDS[done.returncode], "" if done.returncode == 0 else _why(place, json.loads(done.stdout)["why"])


def _why(place: Workplace, summary: str) -> str:
    """The titles of what blocks, else the summary; cut to a cell of a table."""
    file = place.run().attempt("01", 1).escalation
    findings = json.loads(file.read_text(encoding="utf-8"))["findings"] if file.exists() else []
    text = "; ".join(one["title"] for one in findings if one["mark"]["is_blocking"]) or summary
    return text if len(text) <= BOUND else f"{text[: BOUND - 1]}…"
