"""The adapter for any command: it reads the task specification on stdin and writes its report.

Not here: what stands in either; see `rules/packs.py` and docs/agents.md.

A report on disk means "I am done": the command writes it last, beside `report_path`, and renames it there.
"""

from pathlib import Path

from verger_kernel.agents.base import program, program_missing, task_environment, task_json
from verger_kernel.rules.packs import TaskSpecification
from verger_kernel.rules.policy import AgentDefinition

KIND = "generic"


def argv(agent: AgentDefinition, repository_root: Path) -> tuple[str, ...]:
    """The command of the policy; only its program is looked up, arguments are passed as they stand."""
    name, *arguments = agent.command
    return (program(name, repository_root), *arguments)


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why the program cannot be executed and what to do; None if it can."""
    return program_missing(agent.command[0], repository_root, path)


def stdin(task: TaskSpecification) -> bytes:
    """The task specification as JSON."""
    return task_json(task)


def environment(agent: AgentDefinition, task: TaskSpecification) -> dict[str, str]:
    """The three VERGER_ variables of the task."""
    return task_environment(task)
