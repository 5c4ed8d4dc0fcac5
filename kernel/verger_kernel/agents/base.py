"""What every adapter module offers, and the few functions that all of them share.

Not here: starting anything; see `process/runner.py`. How an answer is judged; see `outcome.py`.
"""

import os
import shutil
from pathlib import Path
from typing import Protocol

import msgspec

from verger_kernel.rules.ids import shown
from verger_kernel.rules.packs import TaskSpecification
from verger_kernel.rules.policy import AgentDefinition


class Adapter(Protocol):
    """One kind of agent. A module is one: it needs these names, no class."""

    KIND: str

    def argv(self, agent: AgentDefinition, repository_root: Path) -> tuple[str, ...]:
        """The command line, no shell; it is run in the worktree."""

    def missing(self, agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
        """Why this agent cannot be started and what to do, None if it can. `path` is the PATH it gets."""

    def stdin(self, task: TaskSpecification) -> bytes:
        """What it is fed; its standard input ends there."""

    def environment(self, agent: AgentDefinition, task: TaskSpecification) -> dict[str, str]:
        """What it gets on top of the allowlist."""


def task_json(task: TaskSpecification) -> bytes:
    """The task specification as an agent reads it: JSON for people too, one newline at the end."""
    return msgspec.json.format(msgspec.json.encode(task), indent=2) + b"\n"


def task_environment(task: TaskSpecification) -> dict[str, str]:
    """The three things a shell script wants before it can read JSON."""
    return {
        "VERGER_ITEM_ID": task.item_id,
        "VERGER_REPORT_PATH": task.report_path,
        "VERGER_TASK_STAGE": task.stage,
    }


def program(name: str, repository_root: Path) -> str:
    """What to execute: a name with a slash lies in the repository (or is absolute), a bare name on PATH."""
    return str(repository_root / name) if "/" in name else name


def program_missing(name: str, repository_root: Path, path: str) -> str | None:
    """Why `name` cannot be executed and what to do; None if it can."""
    if "/" in name:
        return _file_missing(repository_root / name)
    for entry in path.split(os.pathsep):
        # The agent starts in the worktree, where such an entry means a folder that an agent may have filled.
        if not entry.startswith("/"):
            return (
                f"PATH has the relative entry {shown(entry)} before any folder that holds {shown(name)}; "
                "take it out, or write the absolute path of the program"
            )
        if shutil.which(name, path=entry):
            return None
    return f"program {shown(name)} is not on PATH; install it, or write its absolute path"


def _file_missing(file: Path) -> str | None:
    if not file.is_file():
        return (
            f"program {file} does not exist; write a path from the root of the repository, or an absolute one"
        )
    if not os.access(file, os.X_OK):
        return f"program {file} is not executable; run `chmod +x` on it"
    return None
