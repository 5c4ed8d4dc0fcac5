"""What is going to be done about a run at rest, as it is shown.

Not here: deciding it; see `rules/recovery.py`.
"""

from typing import NamedTuple


class Plan(NamedTuple):
    """When, None where only a person or a change of the run leads on, and what it waits for or why."""

    at_utc_ms: int | None
    why: str
