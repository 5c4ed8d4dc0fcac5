"""The adapter for any command: it reads the task specification on stdin and writes its report.

Not here: what stands in either; see `rules/packs.py` and docs/agents.md.

A report on disk means "I am done": the command writes it last, beside `report_path`, and renames it there.
One that has sessions is told by its `resume` how to go on in one. It names a session in a line of JSON on stdout.
"""

from pathlib import Path
from typing import Any

import msgspec

from verger_kernel.agents.base import (
    NOTHING,
    Heard,
    Turn,
    lay_nothing,
    no_login,
    no_session,
    no_version,
    program,
    program_missing,
    report_tells,
    task_environment,
    task_json,
)
from verger_kernel.agents.needs import Needs
from verger_kernel.rules.policy import AgentDefinition
from verger_probes.decoding import decoded

KIND = "generic"
login = no_login

_NAMES = ("thread_id", "threadId", "session_id", "sessionId")
_WITHIN = ("thread", "session")

version = no_version
new_session = no_session
lay = lay_nothing
read = report_tells


def argv(turn: Turn) -> tuple[str, ...]:
    """The command of the policy; only its program is looked up, arguments are passed as they stand.

    Of an agent that can resume, `{session}`, `{run_id}`, `{item_id}` and `{stage}` in them are filled in.
    """
    agent = turn.agent
    name, *arguments = agent.resume if turn.continues else agent.command
    if agent.resume:
        arguments = [_filled(word, turn) for word in arguments]
    return (program(name, turn.repository_root), *arguments)


def _filled(word: str, turn: Turn) -> str:
    task = turn.task
    names = {"session": turn.session, "run_id": task.run_id, "item_id": task.item_id, "stage": task.stage}
    for name, value in names.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why the program cannot be executed and what to do; None if it can."""
    for command in (agent.command, agent.resume):
        if command and (why := program_missing(command[0], repository_root, path)):
            return why
    return None


def can_continue(turn: Turn) -> bool:
    """Whether the policy says how, and the agent named its session."""
    return bool(turn.agent.resume and turn.session)


def stdin(turn: Turn) -> bytes:
    """The task specification as JSON."""
    return task_json(turn.task)


def environment(turn: Turn) -> dict[str, str]:
    """The three VERGER_ variables of the task."""
    return task_environment(turn.task)


def hears(agent: AgentDefinition) -> bool:
    """Whether it can resume, for which its session must be known."""
    return bool(agent.resume)


def heard(turn: Turn, line: bytes) -> Heard:
    """The session that a line of JSON names, of an agent that can resume."""
    if not turn.agent.resume or not line.startswith(b"{"):
        return NOTHING
    try:
        return Heard(_named(decoded(line, dict[str, Any])))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return NOTHING


def _named(event: dict[str, Any]) -> str:
    within = [part for part in map(event.get, _WITHIN) if isinstance(part, dict)]
    found = [event.get(name) for name in _NAMES] + [part.get("id") for part in within]
    return next((name for name in found if isinstance(name, str) and name), "")


def needs(agent: AgentDefinition) -> Needs:
    """The absolute paths in its command: whoever wrote the policy named them."""
    return Needs(folders=tuple(Path(word) for word in agent.command if word.startswith("/")))
