"""The line at the foot of a terminal that says what a run waits for, and the lines that stay above it.

Not here: the words; see `waiting.py` and `progress.py`. Where standard error is no terminal nothing is ever redrawn.
"""

import os
import re
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TextIO

import anyio

from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.waiting import Wait, cut, waiting
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.state import RunState

REDRAWN_S = 1.0
_ERASE = "\r\x1b[K"
_COLOURS = (
    (re.compile(r"\S+  passed"), "32"),
    (re.compile(r"\S+  (awaits a person|blocked: .*)"), "33"),
    (re.compile(r"\S+  escalated: .*"), "31"),
)
"""The lines that say how an item ended. Whatever an agent says stands behind item and round."""
_COLUMNS = 80
"""Of a terminal that does not know its own width."""

_WITH_OUTPUT = f.RunWorker | f.Audit | f.Triage


class LiveLine:
    """One line, redrawn, on `stream`. Events come from the thread that commits them, redrawing from the loop."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str], *, wanted: bool = True) -> None:
        self._stream = stream
        terminal = stream.isatty() and environ.get("TERM", "dumb") != "dumb"
        self._is_live = terminal and wanted
        self._has_colour = terminal and not environ.get("NO_COLOR")
        self._lock = Lock()
        self._drawn = False
        self._folder: RunFolder | None = None
        self._waits: dict[EffectId, tuple[f.Effect, float]] = {}
        self._agents: dict[EffectId, str] = {}

    def tell(self, text: str) -> None:
        """Writes lines that stay, at once. Nobody may be listening any more: the run goes on, status tells the rest."""
        with self._lock:
            said = "\n".join(map(self._coloured, text.split("\n")))
            self._write(f"{self._erasure()}{said}\n")
            self._drawn = False
            self._draw()

    def watch(self, folder: RunFolder, event: e.Event, after: RunState) -> None:
        """Takes note of what the run waits for now."""
        if not self._is_live:
            return
        with self._lock:
            began = time.monotonic()
            known = self._waits
            self._folder = folder
            outstanding = after.outstanding if after.invocation else ()
            self._waits = {one.id: known.get(one.id, (one, began)) for one in outstanding}
            if isinstance(event, e.AgentStarted):
                self._agents[event.effect] = event.agent
            self._draw()

    async def keep_drawing(self) -> None:
        """Redraws about each second until it is cancelled."""
        while self._is_live:
            # Who commits an event at this moment draws as well.
            if self._lock.acquire(blocking=False):
                try:
                    self._draw()
                finally:
                    self._lock.release()
            await anyio.sleep(REDRAWN_S)

    def end(self) -> None:
        """Leaves the terminal as it was found."""
        with self._lock:
            self._waits = {}
            self._draw()

    def _draw(self) -> None:
        if not self._is_live or not self._can_write():
            return
        text = cut(waiting(self._found()), self._columns() - 1)
        if text or self._drawn:
            self._write(self._erasure() + text)
            self._drawn = bool(text)

    def _found(self) -> list[Wait]:
        moment, clock = time.monotonic(), time.time()
        return [
            Wait(effect, self._agents.get(name, ""), moment - began, _silence(self._outputs(effect), clock))
            for name, (effect, began) in self._waits.items()
        ]

    def _outputs(self, effect: f.Effect) -> tuple[Path, ...]:
        if self._folder and isinstance(effect, _WITH_OUTPUT):
            call = self._folder.attempt(effect.item, effect.attempt).call(effect.id)
            return call.stdout, call.stderr
        if self._folder and isinstance(effect, f.RunCommands):
            return (self._folder.trial / "output.log",)
        return ()

    def _erasure(self) -> str:
        return _ERASE if self._drawn else ""

    def _coloured(self, line: str) -> str:
        if self._has_colour:
            for pattern, colour in _COLOURS:
                if pattern.fullmatch(line):
                    return f"\x1b[{colour}m{line}\x1b[0m"
        return line

    def _columns(self) -> int:
        with suppress(OSError):
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        return _COLUMNS

    def _can_write(self) -> bool:
        # A terminal that its user stopped (Ctrl-S) takes nothing, and the loop must not wait for it.
        try:
            return bool(select.select([], [self._stream], [], 0)[1])
        except (OSError, ValueError):
            return False

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def _silence(outputs: tuple[Path, ...], clock: float) -> float | None:
    heard = []
    for path in outputs:
        with suppress(OSError):
            found = path.stat()
            heard += [clock - found.st_mtime] if found.st_size else []
    return min(heard, default=None)
