"""Folders that are watched for a change without looking: the kernel of the machine says when there was one.

Not here: what changed; whoever is called looks for himself.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from asyncinotify import Inotify, Mask, Watch

_MASK = Mask.CREATE | Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.ONLYDIR
_GATHERED_S = 0.05
"""Changes come in packs: one call answers all of a pack."""


class Touches:
    """Calls what was named for a folder soon after anything in it changed. Works on the running loop."""

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._calls: dict[Watch, Callable[[], None]] = {}
        self._due: set[Watch] = set()
        self._task: asyncio.Task[None] | None = None

    def watch(self, folder: Path, call: Callable[[], None]) -> None:
        """Has `call` called from now on. A folder that is not there, or one too many, is not watched."""
        with suppress(OSError):
            self._calls[self._inotify.add_watch(folder, _MASK)] = call
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen())

    def close(self) -> None:
        """Watches nothing any more."""
        if self._task:
            self._task.cancel()
        self._inotify.close()

    async def _listen(self) -> None:
        async for event in self._inotify:
            # More happened than the machine keeps in mind: anything may have changed.
            touched = list(self._calls) if event.watch is None else [event.watch]
            for watch in touched:
                if watch in self._calls and watch not in self._due:
                    self._due.add(watch)
                    asyncio.get_running_loop().call_later(_GATHERED_S, self._call, watch)

    def _call(self, watch: Watch) -> None:
        self._due.discard(watch)
        self._calls[watch]()
