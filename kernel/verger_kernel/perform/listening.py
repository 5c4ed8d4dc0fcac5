"""What an agent prints while it works, heard line by line: that its session began, and that its last word is said.

Not here: what came of the call; that is read when it is over (`calls.py`).
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from verger_kernel.agents import reading
from verger_kernel.agents.base import Adapter, Turn
from verger_kernel.agents.lines import LINE_BYTES_MAX

_LOOK_S = 0.05
_CHUNK_BYTES = 1 << 20
GRACE_S = 5.0
"""How long an agent may stay once it said its last word: claude stays for ever while a task of its own lives."""


@dataclass
class Listener:
    """Listens to `stdout`. `began` is told the session once; `leave` is cancelled when the agent stays too long."""

    adapter: Adapter
    turn: Turn
    stdout: Path
    began: Callable[[str], Awaitable[None]]
    grace_s: float = GRACE_S
    leave: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    session: str = ""
    fault: str = ""
    failed: Exception | None = None
    _offset: int = 0
    _rest: bytes = b""
    _last_s: float | None = None

    async def keep_listening(self) -> None:
        """Listens until cancelled, or until the agent must leave."""
        if not self.adapter.hears(self.turn.agent):
            return
        while self._last_s is None or time.monotonic() < self._last_s + self.grace_s:
            await anyio.sleep(_LOOK_S)
            try:
                await self._catch_up()
            except Exception as error:
                # Told to whoever waits: out of a group it would come wrapped.
                self.failed = error
                break
        self.leave.cancel()

    async def _catch_up(self) -> None:
        for line in self._lines():
            heard = reading.heard(self.adapter, self.turn, line)
            self.fault = self.fault or heard.fault
            if heard.session and not self.session:
                self.session = heard.session
                # To the end, even where the agent is over meanwhile: half a record would end the run.
                with anyio.CancelScope(shield=True):
                    await self.began(heard.session)
            if heard.is_last and self._last_s is None:
                self._last_s = time.monotonic()

    async def catch_up(self) -> None:
        """Hears what was printed since the last look. An agent that ended at once was never looked at."""
        if self.adapter.hears(self.turn.agent):
            await self._catch_up()

    def _lines(self) -> list[bytes]:
        try:
            with self.stdout.open("rb") as file:
                file.seek(self._offset)
                read = file.read(_CHUNK_BYTES)
        except OSError:
            return []
        self._offset += len(read)
        *lines, self._rest = (self._rest + read).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest = b""
        return lines
