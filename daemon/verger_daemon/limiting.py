"""What a whole kernel may use, with all that descends from it: looked at now and then, and ended when it is too much.

Not here: what one agent or command may use, which its kernel watches itself; what follows (`rules/recovery.py`).
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from verger_daemon.recovering import Recovery
from verger_daemon.rules import watch_events as v
from verger_daemon.settings import Settings
from verger_daemon.stopping import end_kernels
from verger_daemon.supervisor import Supervisor
from verger_daemon.watching import Watched
from verger_kernel.process import table
from verger_kernel.process.looks import growth
from verger_kernel.process.table import Row
from verger_kernel.process.tree import closure
from verger_kernel.rules import limits
from verger_kernel.rules.limits import Breach, Limits, Meter, Usage
from verger_probes.identity import boottime_ns

_LOOK_S = 1.5
"""How often at most streams and the clock are looked at; and processes, where a limit may be broken as soon as that."""
_LOOKS_OF_STRETCH = 4
"""How often processes are looked at while a meter tells their work from idling, where only silence is limited."""
_NEAR = 0.8
"""From so much of the memory limit on, pages that processes share are counted once, which takes longer to find out."""
_NEVER = 1 << 62
_log = logging.getLogger("vergerd")


class _Used(msgspec.Struct, frozen=True):
    """What one kernel was seen to use so far; times are seconds of boottime, totals count who is gone too."""

    invocation: str
    cpu_meter: Meter
    write_meter: Meter
    moved_s: float
    moved: tuple[str, int] = ("", 0)
    cpu: Mapping[tuple[int, int], int] = {}
    written: Mapping[tuple[int, int], int] = {}
    cpu_ticks: int = 0
    written_bytes: int = 0


class _Seen(NamedTuple):
    """What one kernel was seen to use so far, and to hold now."""

    used: _Used
    memory_bytes: int
    processes: int


class Limiting:
    """Looks at every kernel at work, whenever it is asked to; nothing is looked at where no limit is set."""

    def __init__(self, supervisor: Supervisor, recovery: Recovery, settings: Settings) -> None:
        self._supervisor = supervisor
        self._recovery = recovery
        self._grace_s = settings.stop_grace_s
        self._allowed = Limits(
            runtime_s_max=settings.run_runtime_s_max or _NEVER,
            silence_s_max=settings.run_silence_s_max or _NEVER,
            output_bytes_max=settings.run_output_mb_max << 20 or _NEVER,
            memory_bytes_max=settings.run_memory_mb_max << 20 or _NEVER,
            processes_max=settings.run_processes_max or _NEVER,
        )
        self._pace_s = _pace_s(self._allowed)
        self._whole_look_s = 0.0
        self._used: dict[str, _Used] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._due_s = 0.0

    def look(self) -> None:
        """Begins to look at the kernels at work, if it is time to."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._due_s or (self._looking and not self._looking.done()):
            return
        at_work = [run for run in self._supervisor.at_work() if run.watch.invocation]
        if at_work:
            self._due_s = loop.time() + _LOOK_S
            self._looking = loop.create_task(self._looked(at_work))

    def close(self) -> None:
        """Looks no more."""
        if self._looking:
            self._looking.cancel()

    async def _looked(self, at_work: list[Watched]) -> None:
        try:
            await self._look(at_work)
        except OSError:
            _log.exception("what kernels use could not be looked at")

    async def _look(self, at_work: list[Watched]) -> None:
        at_s = boottime_ns() / 1e9
        if at_s < self._whole_look_s:
            at_work = [run for run in at_work if self._is_over(run, at_s)]
        else:
            self._whole_look_s = at_s + self._pace_s
        broken = await self._broken(at_work)
        # Nobody is ended on the word of a look that is over, or missed a child.
        doubted = [run for run, found in broken if found.limit in ("memory", "silence")]
        sure = [(run, found) for run, found in broken if run not in doubted]
        for run, found in (*sure, *await self._broken(doubted)):
            one = run.watch.invocation
            if one and not self._recovery.is_broken(one.invocation):
                self._end(run, one.invocation, found)

    def _is_over(self, run: Watched, at_s: float) -> bool:
        """Whether `run` breaks a limit that is told without a look at its processes."""
        allowed = self._allowed
        return (
            _sizes(run) > allowed.output_bytes_max or at_s - self._began_s(run, at_s) > allowed.runtime_s_max
        )

    async def _broken(self, runs: list[Watched]) -> list[tuple[Watched, Breach]]:
        """Those of `runs` that break a limit, and which; their processes are looked at by one thread for all."""
        at_s = boottime_ns() / 1e9
        asked = [(run, one) for run in runs if (one := run.watch.invocation)]
        if not asked:
            return []
        known = [(one.identity.pid, self._known(run, one.invocation, at_s)) for run, one in asked]
        broken = []
        for (run, _), seen in zip(asked, await asyncio.to_thread(self._measured, known, at_s), strict=True):
            found = limits.breach(self._allowed, self._usage(run, seen, at_s)) if seen else None
            if found:
                broken.append((run, found))
        return broken

    def _known(self, run: Watched, invocation: str, at_s: float) -> _Used:
        known = self._used.get(run.run_id)
        if known is None or known.invocation != invocation:
            return _Used(invocation, limits.started(at_s), limits.started(at_s), at_s)
        return known

    def _usage(self, run: Watched, seen: _Seen, at_s: float) -> Usage:
        """What `run` has used up to `at_s`, which is remembered."""
        used, logs = seen.used, _sizes(run)
        moved = (run.observer.files() if run.observer else "", logs)
        if moved != used.moved:
            used = replace(used, moved=moved, moved_s=at_s)
        self._used[run.run_id] = used
        return Usage(
            runtime_s=at_s - self._began_s(run, at_s),
            since_output_s=at_s - used.moved_s,
            since_cpu_s=at_s - used.cpu_meter.active_s,
            since_write_s=at_s - used.write_meter.active_s,
            first_output_s=0,
            output_bytes=logs,
            cpu_s=used.cpu_ticks / table.TICKS_PER_S,
            written_bytes=used.written_bytes,
            memory_bytes=seen.memory_bytes,
            processes=seen.processes,
        )

    def _measured(self, known: list[tuple[int, _Used]], at_s: float) -> list[_Seen | None]:
        """Of each kernel, by its pid, what it used up to `at_s`; None for one that is gone. Reads /proc."""
        rows = table.rows()
        return [
            self._seen(used, [rows[one] for one in closure(rows, {pid}, sessions=set())], at_s)
            if pid in rows
            else None
            for pid, used in known
        ]

    def _seen(self, used: _Used, mine: list[Row], at_s: float) -> _Seen:
        cpu = {row.identity: row.cpu_ticks for row in mine}
        written = {row.identity: table.written_bytes(row.pid) for row in mine}
        ticks = used.cpu_ticks + growth(used.cpu, cpu)
        total = used.written_bytes + growth(used.written, written)
        stretch_s = self._allowed.stretch_s
        memory = sum(row.rss_bytes for row in mine)
        if memory > self._allowed.memory_bytes_max * _NEAR:
            memory = sum(table.own_share_bytes(row.pid) or 0 for row in mine)
        used = replace(
            used,
            cpu=cpu,
            written=written,
            cpu_ticks=ticks,
            written_bytes=total,
            cpu_meter=limits.used_cpu(used.cpu_meter, at_s, ticks / table.TICKS_PER_S, stretch_s),
            write_meter=limits.wrote(used.write_meter, at_s, total, stretch_s),
        )
        return _Seen(used, memory, len(mine))

    def _began_s(self, run: Watched, at_s: float) -> float:
        kept = self._supervisor.known(run.run_id)
        return kept.began_boottime_ns / 1e9 if kept else at_s

    def _end(self, run: Watched, invocation: str, found: Breach) -> None:
        """Has the kernel of `run` ended, with all that descends from it; what was seen goes on record before."""
        self._recovery.broke(invocation, found.limit)
        seen = limits.in_words(found.evidence) if found.evidence else ""
        reason = f"it broke the limit {found.limit}: {found.used}, where {found.allowed} is allowed"
        run.feed(v.Acted(kind="end_kernel", reason=reason, evidence=(seen,)))
        task = asyncio.get_running_loop().create_task(self._ended(run, reason))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _ended(self, run: Watched, reason: str) -> None:
        await end_kernels(
            self._supervisor,
            lambda: (run,) if run.watch.seen.at_work else (),
            reason=reason,
            grace_s=self._grace_s,
        )


def _pace_s(allowed: Limits) -> float:
    """How long one look at the processes of a kernel is enough."""
    is_urgent = min(allowed.memory_bytes_max, allowed.processes_max) < _NEVER
    return 0 if is_urgent else allowed.stretch_s / _LOOKS_OF_STRETCH


def _sizes(run: Watched) -> int:
    """How many bytes the kernel wrote on its streams."""
    streams: tuple[Path, ...] = run.streams() or ()
    sizes = 0
    for path in streams:
        with suppress(OSError):
            sizes += os.stat(path).st_size  # noqa: PTH116 - looked up every other second for each kernel
    return sizes
