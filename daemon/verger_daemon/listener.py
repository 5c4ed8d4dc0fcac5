"""Whoever must hear of what happens to a watched run, and what waits until they have heard.

Not here: what is told (`publishing.py`) and what is written (`papers.py`).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from verger_kernel.following.lines import Step
from verger_probes.rules.liveness import Claim, Rest

if TYPE_CHECKING:
    from verger_daemon.watching import Watched


class Listener(Protocol):
    """Whoever must hear of what happens to a watched run."""

    def claimed(self, run: "Watched", claim: Claim, reason: str) -> None:
        """Another claim holds, or the same one for another reason."""

    def settled(self, run: "Watched") -> None:
        """The run has its folder."""

    def stepped(self, run: "Watched", steps: list[Step]) -> None:
        """The journal was read on."""

    def rested(self, run: "Watched", exit_code: int | None, rest: Rest) -> None:
        """The kernel is over, and what it left was read."""

    def troubled(self, run: "Watched", why: str) -> None:
        """Something could not be done for the run, which is watched all the same."""

    def lost(self, run: "Watched", why: str) -> None:
        """Somebody else supervises the run, or nobody can."""


class Unhurried:
    """Work on files that waits until subscribers were sent what happened: to them it matters at once."""

    def __init__(self) -> None:
        self._works: deque[Callable[[], None]] = deque()

    def add(self, work: Callable[[], None]) -> None:
        """Has `work` done, in order: events are sent in the next turn of the loop, this is done in the one after."""
        if not self._works:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self.catch_up)
        self._works.append(work)

    def catch_up(self) -> None:
        """Does all that waits, now: before another file of the run is written, or somebody else may write there."""
        while self._works:
            self._works.popleft()()
