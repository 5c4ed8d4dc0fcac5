"""Usage lines: how an agent without an event stream of its own says what it used, on standard output.

Not here: what it costs; see `rules/prices.py`.
"""

from pathlib import Path
from typing import Literal

import msgspec

from verger_kernel.agents.lines import lines
from verger_kernel.rules.money import micro
from verger_kernel.rules.usage import Usage, added, plausible
from verger_probes.decoding import decoded

_MARK = b"verger.usage.v1"


class UsageLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of JSON, for one request or for the whole call: what lines say is added up.

    `cost_usd` is text such as "0.25", empty where the agent does not know it.
    """

    schema_version: Literal["verger.usage.v1"]
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: str = ""


def told(stdout: Path) -> Usage | None:
    """What the lines of `stdout` say in all; None where there is none, or one of them says nothing that counts."""
    used: Usage | None = None
    try:
        with stdout.open("rb") as file:
            for line in lines(file):
                if _MARK in line and line.lstrip().startswith(b"{"):
                    used = _counted(added(used, _usage(decoded(line, UsageLine))))
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return used


def _counted(usage: Usage) -> Usage:
    """Raises ValueError for counts that no call can have."""
    if plausible(usage) is None:
        raise ValueError("no call can have used that")
    return usage


def _usage(line: UsageLine) -> Usage:
    used = Usage(
        model=line.model,
        input_tokens=line.input_tokens,
        cached_tokens=line.cached_tokens,
        cache_write_tokens=line.cache_write_tokens,
        output_tokens=line.output_tokens,
        cost_microusd=micro(line.cost_usd) if line.cost_usd else None,
    )
    # Each line by itself: two that are added up must not make up for one another.
    return _counted(used)
