"""What every adapter module offers, and the few functions that all of them share.

Not here: starting anything; see `process/runner.py`. How an answer is judged; see `outcome.py`.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from verger_kernel.agents.needs import Needs
from verger_kernel.agents.told import Told
from verger_kernel.rules.ids import shown
from verger_kernel.rules.packs import TaskSpecification
from verger_kernel.rules.policy import AgentDefinition


@dataclass(frozen=True)
class Turn:
    """One start of an agent. `folder` is the call's own, where the agent's home is laid; `path` is the PATH it gets.

    `session` is the agent's own name for the conversation, empty while it has none. `continues` says that the session
    began in an earlier start, and that the agent goes on in it. `is_enclosed` says that a sandbox of ours is around it.
    """

    agent: AgentDefinition
    task: TaskSpecification
    repository_root: Path
    folder: Path
    path: str
    is_enclosed: bool
    session: str = ""
    continues: bool = False


class Heard(NamedTuple):
    """What a line of standard output says beside its content: the session's name, and that nothing follows it.

    `fault` is what the adapter stumbled over in it, put there by whoever asked.
    """

    session: str = ""
    is_last: bool = False
    fault: str = ""


NOTHING = Heard()


class Adapter(Protocol):
    """One kind of agent. A module is one: it needs these names, no class."""

    KIND: str

    def missing(self, agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
        """Why this agent cannot be started and what to do, None if it can. `path` is the PATH it gets."""

    def version(self, agent: AgentDefinition, repository_root: Path, path: str) -> str:
        """The version of the program, empty where none is known."""

    def new_session(self) -> str:
        """A name for a session that is about to begin; empty where the agent chooses it, or has none."""

    def can_continue(self, turn: Turn) -> bool:
        """Whether the session of `turn` can go on from what its folder holds."""

    def lay(self, turn: Turn) -> None:
        """Puts into the folder of `turn` what the agent will read. Raises OSError."""

    def argv(self, turn: Turn) -> tuple[str, ...]:
        """The command line, no shell; it is run in the worktree."""

    def stdin(self, turn: Turn) -> bytes:
        """What it is fed; its standard input ends there."""

    def environment(self, turn: Turn) -> dict[str, str]:
        """What it gets on top of the allowlist."""

    def hears(self, agent: AgentDefinition) -> bool:
        """Whether anything that it prints is listened to while it works."""

    def heard(self, turn: Turn, line: bytes) -> Heard:
        """What one whole line of its standard output says. Never raises."""

    def read(self, turn: Turn, stdout: Path, exit_code: int | None) -> Told | None:
        """What came of the call by its events; None where only the report file tells. `exit_code` None: not known."""

    def needs(self, agent: AgentDefinition) -> Needs:
        """What it must see or reach outside of its sandbox, beside what every agent does."""

    def login(self, agent: AgentDefinition, environment: Mapping[str, str]) -> str:
        """Why the agent would not be let in with this environment, and what to do; empty if it would, or nobody knows.

        Takes no turn and asks no model: a file or a variable is looked at, or a command that only tells.
        """


def no_version(agent: AgentDefinition, repository_root: Path, path: str) -> str:
    """The version of a program that nobody asks for one."""
    return ""


def no_session() -> str:
    """The name of a session that the agent names itself, or does not have."""
    return ""


def lay_nothing(turn: Turn) -> None:
    """Lays nothing."""


def is_listened_to(agent: AgentDefinition) -> bool:
    """Its lines are heard."""
    return True


def no_login(_agent: AgentDefinition, _environment: Mapping[str, str]) -> str:
    """The `login` of an agent that has none, or keeps it where only it can tell."""
    return ""


def key_is_given(agent: AgentDefinition, environment: Mapping[str, str]) -> str:
    """The `login` of an agent that is let in by a key: whether there is one."""
    if not agent.key or environment.get(agent.key):
        return ""
    return (
        f"the variable {agent.key} is empty or not set; set it, or say under `secrets` where its value lies"
    )


def report_tells(turn: Turn, stdout: Path, exit_code: int | None) -> None:
    """Nothing is read out of what the agent prints."""


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
