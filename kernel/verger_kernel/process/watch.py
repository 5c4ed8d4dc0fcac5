"""The watch over one job while it runs: when one looks, and the limit that is broken first.

Not here: what a look costs and sees, see `looks.py`; what is too much, see `rules/limits.py`.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

from verger_kernel.process.looks import Looks, Seen
from verger_kernel.process.streams import Streams
from verger_kernel.process.tree import Tree
from verger_kernel.rules import limits
from verger_kernel.rules.limits import Breach, Limits, Usage

# A pipe to the page cache takes 2 GB/s: looking every 5 ms keeps what overshoots near 10 MB.
_SIZES_FAST_S = 0.005
_SIZES_S = 0.05
_FAST_BYTES = 1 << 20

_LOOK_S = 1.0
# Half of the memory or of the processes is used: the other half can be gone before a second is over.
_LOOK_NEAR_S = 0.2
_NEAR = 0.5

_SEEN_TWICE = ("memory", "first_output", "silence")
"""Nobody is ended for being quiet on the word of a look that is over, or missed a child. And while processes end, those
that one look comes to later seem to hold what they shared with the others."""


class Traffic(Protocol):
    """What carries bytes for a job that has no network of its own."""

    carried_bytes: int


class Watch:
    """What one job was seen to use. Begins to count when it is made."""

    def __init__(
        self,
        allowed: Limits,
        places: tuple[Path, ...],
        tree: Tree,
        streams: Streams,
        traffic: Traffic | None = None,
    ) -> None:
        self._allowed = allowed
        self._places = places
        self._tree = tree
        self._streams = streams
        self._traffic = traffic
        self._looks = Looks(tree, allowed.memory_bytes_max)
        self._began = self._output_at = now = anyio.current_time()
        self._first_output_s: float | None = None
        self._cpu = self._write = limits.started(now)
        self._seen = Seen(0, 0, 0, 0)
        self._free: int | None = None
        self._look_due = now + _LOOK_NEAR_S
        self.pause_s = _SIZES_FAST_S

    async def breach(self) -> Breach | None:
        """The limit that is broken now; None if all are kept."""
        now = anyio.current_time()
        self._measure_streams(now)
        if now >= self._look_due:
            await self._look(now)
        found = limits.breach(self._allowed, self.usage(now))
        if found and found.limit in _SEEN_TWICE:
            await self._look(now, whole=True)
            found = limits.breach(self._allowed, self.usage(now))
        return found

    def usage(self, now: float) -> Usage:
        """What was seen up to `now`."""
        return Usage(
            runtime_s=now - self._began,
            since_output_s=now - self._output_at,
            since_cpu_s=now - self._cpu.active_s,
            since_write_s=now - self._write.active_s,
            first_output_s=self._first_output_s,
            output_bytes=self._streams.bytes_max,
            cpu_s=self._seen.cpu_s,
            written_bytes=self._seen.written_bytes,
            memory_bytes=self._seen.memory_bytes,
            processes=self._seen.processes,
            disk_free_bytes=self._free,
        )

    def breach_at_the_end(self, exceeded: str) -> Breach | None:
        """The limit that the job broke though no look saw it: `exceeded`, which the system enforced, or output."""
        last = Usage(
            output_bytes=self._streams.bytes_max,
            # How much more it wanted, nobody knows: it got no more than it may.
            memory_bytes=self._allowed.memory_bytes_max + 1 if exceeded == "memory" else 0,
            processes=self._allowed.processes_max + 1 if exceeded == "processes" else 0,
        )
        found = limits.breach(self._allowed, last)
        seen = limits.evidence(self.usage(anyio.current_time()))
        return found and msgspec.structs.replace(found, evidence=seen)

    def _measure_streams(self, now: float) -> None:
        grown = self._streams.growth()
        if grown:
            self._output_at = now
            if self._first_output_s is None:
                self._first_output_s = now - self._began
        self.pause_s = _SIZES_FAST_S if grown > _FAST_BYTES else _SIZES_S

    async def _look(self, now: float, *, whole: bool = False) -> None:
        self._seen, self._free = await anyio.to_thread.run_sync(self._look_round, whole)
        stretch_s = self._allowed.stretch_s
        self._cpu = limits.used_cpu(self._cpu, now, self._seen.cpu_s, stretch_s)
        carried = self._traffic.carried_bytes if self._traffic else 0
        self._write = limits.wrote(self._write, now, self._seen.written_bytes + carried, stretch_s)
        self._look_due = now + (_LOOK_NEAR_S if self._is_near() else min(_LOOK_S, stretch_s))

    def _look_round(self, whole: bool) -> tuple[Seen, int | None]:
        return self._looks.look(whole=whole), free_bytes(self._places)

    def _is_near(self) -> bool:
        return (
            self._seen.memory_bytes > self._allowed.memory_bytes_max * _NEAR
            or self._seen.processes > self._allowed.processes_max * _NEAR
        )


def free_bytes(places: Iterable[Path]) -> int | None:
    """What is free for us on the fullest disk of `places`; None where none can be asked."""
    found = []
    for place in places:
        with suppress(OSError):
            disk = os.statvfs(place)
            found.append(disk.f_bavail * disk.f_frsize)
    return min(found, default=None)
