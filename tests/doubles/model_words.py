"""What a stand-in for a model is asked, and what a script can tell it to reply.

Not here: how either travels; see `model_dialects.py` and `model_server.py`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request for an answer. `results` counts what tools gave back since a person last spoke."""

    dialect: str
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """The whole conversation as JSON."""
        return json.dumps(self.body.get("input" if self.dialect == "openai" else "messages"))

    @property
    def tools(self) -> list[str]:
        """The names of the tools that are offered."""
        return [tool.get("name", "") for tool in self.body.get("tools") or ()]

    @property
    def results(self) -> int:
        """How many tool results the conversation holds."""
        if self.dialect == "openai":
            return sum("call_output" in one.get("type", "") for one in self.body["input"])
        blocks = [block for one in self.body["messages"] for block in one["content"] if one["role"] == "user"]
        return sum(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


@dataclass(frozen=True)
class Say:
    """Says `text` and ends its turn; with `pause_s`, a letter at a time."""

    text: str
    pause_s: float = 0
    stop: str = "end_turn"


@dataclass(frozen=True)
class Use:
    """Calls a tool; `custom` gives it plain text, as codex's apply_patch takes it."""

    tool: str
    given: Any
    custom: bool = False


@dataclass(frozen=True)
class Answer:
    """Gives `value` as the final answer: by the tool that claude offers for it, else as text."""

    value: Any


@dataclass(frozen=True)
class Fail:
    """An HTTP error, before any stream."""

    status: int
    error: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FailInStream:
    """An error inside of a stream that began well."""

    code: str
    message: str


@dataclass(frozen=True)
class Hang:
    """Never ends: before the `headers` or within the `stream`."""

    where: str = "headers"


@dataclass(frozen=True)
class Drop:
    """Closes the connection in the midst of the stream."""


Reply = Say | Use | Answer | Fail | FailInStream | Hang | Drop
Script = Callable[[Asked], Reply]


def in_order(*replies: Reply) -> Script:
    """The script that gives each reply once, in order, and the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
