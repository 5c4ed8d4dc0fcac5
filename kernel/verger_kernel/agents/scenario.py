"""The scenario file of a scripted agent, `verger.scenario.v1`: which call is played how.

Not here: the steps (`steps.py`) and what is answered (`answer.py`).
"""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from verger_kernel.agents.steps import Step
from verger_kernel.rules.packs import Lane, Stage, TaskSpecification
from verger_probes.decoding import converted

_CONDITIONS = ("item", "stage", "lane", "round", "attempt", "agent")
_TABLE = re.compile(r"^[ \t]*\[\[[ \t]*call[ \t]*\]\]", re.MULTILINE)
_CALL_IN_ERROR = re.compile(r"\$\.call\[(\d+)\]")


class ScenarioRefused(Exception):
    """A file that is no scenario: which file, where in it, why, and where the format is described."""


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one call is played. A condition left out is met by every task.

    `report` replaces fields of the honest report, with anything: a report can be made to lie.
    """

    item: str | None = None
    stage: Stage | None = None
    lane: Lane | None = None
    round: int | None = None
    attempt: int | None = None
    agent: str | None = None
    steps: tuple[Step, ...] = ()
    report: dict[str, Any] = {}

    def is_for(self, task: TaskSpecification) -> bool:
        """Whether every condition that stands here is met by `task`."""
        asked = {"item": task.item_id} | {name: getattr(task, name) for name in _CONDITIONS[1:]}
        return all(getattr(self, name) in (None, asked[name]) for name in _CONDITIONS)


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole scenario. The first call that is for the task is played; calls have no memory of each other."""

    schema_version: Literal["verger.scenario.v1"]
    call: tuple[Call, ...] = ()

    def call_for(self, task: TaskSpecification) -> Call:
        """The call to play; without a match an empty one: no step, an honest report."""
        return next((call for call in self.call if call.is_for(task)), Call())


def load_scenario(file: Path) -> Scenario:
    """The scenario that `file` holds. Raises ScenarioRefused and nothing else."""
    try:
        return read_scenario(file.read_bytes())
    except (OSError, ScenarioRefused) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ScenarioRefused(f"scenario {file}: {why}; docs/agents.md describes the format") from None


def read_scenario(data: bytes) -> Scenario:
    """The scenario that `data` holds. Raises ScenarioRefused, which names the place, and nothing else."""
    try:
        return converted(msgspec.toml.decode(data), Scenario)
    # A number of thousands of digits is a plain ValueError of Python's own reader.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ScenarioRefused(f"{_place(data, str(error))}{error}") from None


def _place(data: bytes, error: str) -> str:
    """Names table and line of a flaw; the reader knows the line of bad TOML only."""
    found = _CALL_IN_ERROR.search(error)
    if not found:
        return ""
    index = int(found[1])
    text = data.decode()
    starts = [match.start() for match in _TABLE.finditer(text)]
    # A text of several lines may hold such a line too: then no line is better than a wrong one.
    if len(starts) != len(msgspec.toml.decode(data)["call"]):
        return f"call {index + 1}: "
    line = text.count("\n", 0, starts[index]) + 1
    return f"[[call]] {index + 1}, line {line}: "
