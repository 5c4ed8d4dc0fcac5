"""What an agent's events say came of a call, before anybody believes it.

Not here: how each agent says it (`codex_events.py`, `claude_events.py`), and what it is worth (`outcome.py`).
"""

from typing import Any, Literal

import msgspec

from verger_kernel.rules.usage import Usage

Kind = Literal[
    "answered",
    "schema_bad",
    "refused",
    "usage_limit",
    "quota",
    "auth",
    "context_full",
    "transient",
    "failed",
    "doubtful",
    "cut",
]
"""`failed` ended by an error that has no name here, `cut` without any last event: then only the exit tells. In a
`doubtful` stream any word may be another's, so it proves nothing, and says only the least that was used."""

SPOKE_ON = "it spoke on after its last word, so nothing that it said proves anything"
_SECONDS_MAX = 253_402_300_799
"""The last second of the year 9999."""


def moment(seconds: float | None) -> int | None:
    """`seconds` since 1970 in milliseconds, None for what no calendar has."""
    return round(seconds * 1000) if seconds is not None and 0 < seconds <= _SECONDS_MAX else None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the last event says. `answer` is what the model answered, by no means checked yet.

    `resets_utc_ms` is when a usage limit is over, None if nobody says; `usage` None if the agent does not tell.
    """

    kind: Kind
    why: str = ""
    answer: Any = None
    resets_utc_ms: int | None = None
    usage: Usage | None = None
