"""What a whole kernel may use, with all that descends from it: looked at now and then, and ended when it is too much.

Not here: what one agent or command may use, which its kernel watches itself; what follows (`rules/recovery.py`).
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

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

_LOOK_S = 2.0
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


class Limiting:
    """Looks at every kernel at work, until cancelled; nothing is looked at where no limit is set."""

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
        self._used: dict[str, _Used] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def keep_looking(self) -> None:
        """Looks again and again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            at_work = [run for run in self._supervisor.at_work() if run.watch.invocation]
            if at_work:
                try:
                    await self._look(at_work)
                except OSError:
                    _log.exception("what kernels use could not be looked at")

    async def _look(self, at_work: list[Watched]) -> None:
        rows = await asyncio.to_thread(table.rows)
        for run in at_work:
            found = await self._broken(run, rows)
            if found and found.limit in ("memory", "silence"):
                # Nobody is ended on the word of a look that is over, or missed a child.
                found = await self._broken(run, await asyncio.to_thread(table.rows))
            if (
                found
                and run.watch.invocation
                and not self._recovery.is_broken(run.watch.invocation.invocation)
            ):
                self._end(run, run.watch.invocation.invocation, found)

    async def _broken(self, run: Watched, rows: dict[int, Row]) -> Breach | None:
        one = run.watch.invocation
        if one is None or one.identity.pid not in rows:
            return None
        at_s = boottime_ns() / 1e9
        known = self._used.get(run.run_id)
        if known is None or known.invocation != one.invocation:
            known = _Used(one.invocation, limits.started(at_s), limits.started(at_s), at_s)
        mine = [rows[pid] for pid in closure(rows, {one.identity.pid}, sessions=set())]
        logs = _sizes(run)
        used, memory = await asyncio.to_thread(self._measured, known, mine, at_s)
        moved = (run.observer.files() if run.observer else "", logs)
        if moved != used.moved:
            used = replace(used, moved=moved, moved_s=at_s)
        self._used[run.run_id] = used
        usage = Usage(
            runtime_s=at_s - self._began_s(run, at_s),
            since_output_s=at_s - used.moved_s,
            since_cpu_s=at_s - used.cpu_meter.active_s,
            since_write_s=at_s - used.write_meter.active_s,
            first_output_s=0,
            output_bytes=logs,
            cpu_s=used.cpu_ticks / table.TICKS_PER_S,
            written_bytes=used.written_bytes,
            memory_bytes=memory,
            processes=len(mine),
        )
        return limits.breach(self._allowed, usage)

    def _measured(self, used: _Used, mine: list[Row], at_s: float) -> tuple[_Used, int]:
        """What was used up to `at_s`, and the memory that the processes `mine` hold together. Reads /proc."""
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
        return used, memory

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


def _sizes(run: Watched) -> int:
    """How many bytes the kernel wrote on its streams."""
    streams: tuple[Path, ...] = run.streams() or ()
    sizes = 0
    for path in streams:
        with suppress(OSError):
            sizes += path.stat().st_size
    return sizes
