"""The adapter for the shipped agent that plays a scenario file: no model, no network, the same each time.

Not here: the format (`scenario.py`, `steps.py`) and the playing (`playing.py`), in a process of its own.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import verger_kernel
import verger_probes
from verger_kernel.agents.base import (
    NOTHING,
    Heard,
    Turn,
    lay_nothing,
    no_login,
    no_session,
    no_version,
    report_tells,
    task_environment,
    task_json,
)
from verger_kernel.agents.needs import Needs
from verger_kernel.agents.scenario import ScenarioRefused, load_scenario
from verger_kernel.rules.policy import AgentDefinition

KIND = "scripted"
login = no_login

version = no_version
new_session = no_session
lay = lay_nothing
read = report_tells


def argv(turn: Turn) -> tuple[str, ...]:
    """This Python, the player, and the scenario in the user's checkout, where no agent can change it."""
    return (
        sys.executable,
        "-P",
        "-m",
        "verger_kernel.agents.player",
        str(turn.repository_root / turn.agent.scenario),
    )


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why the scenario cannot be played and what to do; None if it can."""
    try:
        load_scenario(repository_root / agent.scenario)
    except ScenarioRefused as refusal:
        return str(refusal)
    return None


def can_continue(turn: Turn) -> bool:
    """Never: a scenario has no memory."""
    return False


def stdin(turn: Turn) -> bytes:
    """The task specification as JSON."""
    return task_json(turn.task)


def environment(turn: Turn) -> dict[str, str]:
    """The three VERGER_ variables of the task, and where Python finds a player that is not installed."""
    packages = (verger_kernel.__path__[0], verger_probes.__path__[0])
    folders = dict.fromkeys(str(Path(package).parent) for package in packages)
    return task_environment(turn.task) | {"PYTHONPATH": os.pathsep.join(folders)}


def hears(agent: AgentDefinition) -> bool:
    """Never: what it prints is for people."""
    return False


def heard(turn: Turn, line: bytes) -> Heard:
    """Nothing."""
    return NOTHING


def needs(agent: AgentDefinition) -> Needs:
    """This Python with its packages, wherever they are, and the player's own."""
    packages = (verger_kernel.__path__[0], verger_probes.__path__[0])
    paths = [one for one in sys.path if one.startswith("/")]
    return Needs(folders=tuple(map(Path, (sys.prefix, sys.base_prefix, *packages, *paths, *_linked(paths)))))


def _linked(paths: Iterable[str]) -> Iterator[str]:
    """What links of the folders `paths` lead to: an installer may link packages instead of copying them."""
    for path in paths:
        with suppress(OSError), os.scandir(path) as entries:
            yield from (entry.path for entry in entries if entry.is_symlink())
