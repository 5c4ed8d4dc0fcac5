"""Every run that the daemon watches: started, found again after a restart, stopped, and let go of.

Not here: what a watch decides (`rules/`) and does (`watching.py`); what clients are told (`publishing.py`).
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_daemon.alarms import Alarms
from verger_daemon.beginning import Begun, Order, StartRefused, Target, begin, new_run_id
from verger_daemon.company import are_made, hindrance
from verger_daemon.exchange import Exchange
from verger_daemon.invocations import Child, adopt, take_away
from verger_daemon.listener import Listener
from verger_daemon.papers import last_number
from verger_daemon.roster import OnRecord, Roster
from verger_daemon.rules import watch_events as v
from verger_daemon.rules.watch import Pace, Phase, opened
from verger_daemon.sweeping import swept
from verger_daemon.watching import Watched
from verger_kernel.clock import now
from verger_kernel.following.lines import Step
from verger_kernel.rules.ids import RunId
from verger_probes.exits import Exit
from verger_probes.identity import boot_id, start_ticks
from verger_probes.rules.liveness import Claim, Rest

_LOOK_S = 0.005
_HINT = "wait until it is done, stay with it: verger supervise resume, or: verger supervise stop"


class Supervisor:
    """The runs by id. `epoch` is this daemon's, `state` the folder of all runs, `home` the daemon's own."""

    def __init__(
        self,
        roster: Roster,
        told: Listener,
        *,
        epoch: int,
        pace: Pace,
        home: Path,
        sockets: Path,
        parallel: int,
    ) -> None:
        self._roster = roster
        self._clients = told
        self._epoch = epoch
        self._pace = pace
        self._home = home
        self._sockets = sockets
        self._parallel = parallel
        self._is_closed = False
        self._alarms, self._exchange = Alarms(), Exchange()
        self.beginning = asyncio.Lock()
        """Held while a kernel is being begun."""
        self._sweeps: dict[str, asyncio.Task[None]] = {}
        self._environments: dict[str, Mapping[str, str]] = {}
        self._children: dict[int, tuple[Watched, Child, str]] = {}
        self._kept: dict[str, OnRecord] = {}
        self.runs: dict[str, Watched] = {}

    def at_work(self) -> Iterator[Watched]:
        """The runs whose kernel was started or found, and not seen to end."""
        return (run for run in self.runs.values() if run.watch.seen.at_work)

    def kernels(self) -> frozenset[int]:
        """The pids of all kernels at work: what descends from one of them is supervised."""
        return frozenset(run.watch.invocation.identity.pid for run in self.at_work() if run.watch.invocation)

    def kept(self) -> list[OnRecord]:
        """What is on record of every run, the newest first."""
        return sorted(self._kept.values(), key=lambda kept: kept.began_utc_ms, reverse=True)

    def known(self, run_id: str) -> OnRecord | None:
        """What is on record of one run."""
        return self._kept.get(run_id)

    def watched(self, run_id: str) -> Watched | None:
        """The watch over a run on record, opened where nobody looked at it since the daemon began; None for no run."""
        if run_id not in self.runs and (kept := self._kept.get(run_id)):
            self.runs[run_id] = self._opened(kept.run_id, kept.run_root)
        run = self.runs.get(run_id)
        if run:
            run.look()
        return run

    def hindrance(self, run_root: Path | None) -> str:
        """Why no kernel may begin now for a new run, or for that at `run_root`; empty when one may."""
        return hindrance(list(self.at_work()), run_root, parallel=self._parallel)

    async def start(self, order: Order, run_root: Path | None = None) -> Watched:
        """A new run, or that at `run_root` again, with a kernel at work on it that listens. Raises StartRefused."""
        run_id = RunId(run_root.name) if run_root else new_run_id()
        async with self.beginning:
            if self._parallel > 1:
                await are_made(lambda: list(self.at_work()))
            at_work = [run.run_id for run in self.at_work()]
            what = f"run {run_id} is at work" if run_id in at_work else self.hindrance(run_root)
            if what:
                raise StartRefused(what, _HINT, code=Exit.REFUSED)
            await self._at_rest(run_id)
            places = self._epoch, self._sockets, self._home
            target = Target(run_id, str(run_root or ""), *places, others=len(at_work))
            run = self._attached(await begin(order, target, self._roster))
            self._environments[run_id] = order.environment
            return run

    def environment(self, kept: OnRecord) -> Mapping[str, str]:
        """What a kernel of this run is begun with again: as the last one was, or as far as that is on record."""
        return self._environments.get(kept.run_id) or {**os.environ, **kept.environment}

    def have_stopped(self, run_id: str) -> None:
        """Puts on record that somebody wants the run to rest."""
        if (kept := self._kept.get(run_id)) and not kept.is_stopped:
            self._keep(msgspec.structs.replace(kept, is_stopped=True))

    def adopt(self) -> None:
        """Finds every kernel again that a daemon before this one started; those that are gone have ended."""
        for kept in self._roster.read():
            self._kept[kept.run_id] = kept
            if kept.phase == "at_work":
                self._find_again(kept)
        self._roster.sweep({kept.invocation for kept in self._kept.values() if kept.phase == "at_work"})

    def reap(self) -> None:
        """Takes away what ended among our children: kernels are told of, orphans that fell to us are only reaped."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_pid in self._children:
                self._child_ended(found.si_pid)
            else:
                take_away(found.si_pid)

    def check(self) -> None:
        """Notices runs whose lock was taken away; makes the folder for sockets again if somebody removed it."""
        with suppress(OSError):
            self._sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        for run in list(self.at_work()):
            run.check()

    def close(self) -> None:
        """Lets go of every run; kernels go on."""
        self._is_closed = True
        for sweeping in self._sweeps.values():
            sweeping.cancel()
        for run in self.runs.values():
            run.close()
        self._exchange.close()

    # What the watches tell, on its way to the clients.
    def claimed(self, run: Watched, claim: Claim, reason: str) -> None:
        self._clients.claimed(run, claim, reason)

    def settled(self, run: Watched) -> None:
        kept = self._kept.get(run.run_id)
        if kept and not kept.run_root:
            self._keep(msgspec.structs.replace(kept, run_root=run.watch.run_root))
        self._clients.settled(run)

    def stepped(self, run: Watched, steps: list[Step]) -> None:
        self._clients.stepped(run, steps)

    def rested(self, run: Watched, exit_code: int | None, rest: Rest) -> None:
        if self._is_closed:
            # Of what ends now the next daemon takes care: it finds it on record as at work.
            return
        kept = self._kept[run.run_id]
        self._keep(msgspec.structs.replace(kept, phase="ended", exit_code=exit_code, key=""))
        work = self._swept(run, exit_code, rest)
        self._sweeps[run.run_id] = asyncio.get_running_loop().create_task(work)

    def troubled(self, run: Watched, why: str) -> None:
        self._clients.troubled(run, why)

    def lost(self, run: Watched, why: str) -> None:
        self._clients.lost(run, why)

    async def _swept(self, run: Watched, exit_code: int | None, rest: Rest) -> None:
        """What the kernel left running is ended before anybody hears that it is over, or begins another."""
        if trouble := await swept(run):
            self._clients.troubled(run, trouble)
        self._clients.rested(run, exit_code, rest)
        if not run.watch.run_root:
            self._forget(run)

    async def swept(self) -> None:
        """Waits until nothing is left of any kernel that ended."""
        while any(run.watch.phase is Phase.ENDED for run in self.runs.values()):
            await asyncio.sleep(_LOOK_S)
        if self._sweeps:
            await asyncio.wait(self._sweeps.values())

    async def _at_rest(self, run_id: RunId) -> None:
        """Waits until what the last kernel of a run left was read: only then another can be told from it."""
        run = self.runs.get(run_id)
        if run and run.watch.phase is Phase.LOST:
            # Taken from us once; who starts it anew takes it anew, or learns who has it.
            run.close()
            del self.runs[run_id]
        while run and run.watch.phase is Phase.ENDED:
            await asyncio.sleep(_LOOK_S)
        if sweeping := self._sweeps.pop(run_id, None):
            await asyncio.wait([sweeping])

    def _attached(self, begun: Begun) -> Watched:
        kept, child = begun.kept, begun.child
        self._kept[kept.run_id] = kept
        run = self.runs.get(kept.run_id) or self._opened(kept.run_id, kept.run_root)
        self.runs[kept.run_id] = run
        run.work(bytes.fromhex(kept.key), child.pidfd, begun.streams)
        self._children[child.pid] = (run, child, kept.invocation)
        asyncio.get_running_loop().add_reader(child.pidfd, self._child_ended, child.pid)
        run.feed(
            v.Started(invocation=kept.invocation, identity=kept.identity, probe_socket=kept.probe_socket)
        )
        return run

    def _find_again(self, kept: OnRecord) -> None:
        run_root = kept.run_root or self._root_of(kept.run_id)
        run = self._opened(kept.run_id, run_root)
        self.runs[kept.run_id] = run
        known = kept.identity
        ticks = start_ticks(known.pid) if known.boot_id == boot_id() else 0
        pidfd = adopt(known, start_ticks=ticks)
        run.work(bytes.fromhex(kept.key), pidfd, self._roster.streams(kept.invocation))
        run.feed(
            v.Adopted(
                invocation=kept.invocation,
                identity=known,
                epoch=kept.epoch,
                probe_socket=kept.probe_socket,
                is_there=pidfd is not None,
            )
        )
        if pidfd is None:
            run.feed(v.Ended(invocation=kept.invocation, code=None))
        else:
            asyncio.get_running_loop().add_reader(pidfd, self._over, run, pidfd, kept.invocation, None)

    def _child_ended(self, pid: int) -> None:
        run, child, invocation = self._children[pid]
        code = child.ended()
        if code is None:
            return
        del self._children[pid]
        child.greeting.close()
        self._over(run, child.pidfd, invocation, code)

    def _over(self, run: Watched, pidfd: int, invocation: str, code: int | None) -> None:
        """A kernel is over. What one ended with that is no child of ours, only its journal can say."""
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        run.pidfd = None
        if not run.watch.run_root and (root := self._root_of(RunId(run.run_id))):
            # Over before it was asked even once.
            run.found(root)
        run.feed(v.Ended(invocation=invocation, code=code))

    def _root_of(self, run_id: RunId) -> str:
        """The folder of a run, wherever below the state folder its repository keeps it; empty when there is none."""
        return next((str(path) for path in self._home.parent.glob(f"*/runs/{run_id}")), "")

    def _opened(self, run_id: RunId, run_root: str) -> Watched:
        last = {name: last_number(run_root, f"{name}s") for name in ("heartbeat", "intervention")}
        watch = opened(run_id, self._epoch, now(), pace=self._pace, run_root=run_root, **last)
        return Watched(watch, self, self._alarms, self._exchange)

    def _keep(self, kept: OnRecord) -> None:
        self._kept[kept.run_id] = kept
        self._roster.keep(kept)

    def _forget(self, run: Watched) -> None:
        """A run that never came to be leaves nothing behind."""
        run.close()
        kept = self._kept.pop(run.run_id)
        self.runs.pop(run.run_id)
        self._roster.forget(kept.run_id)
        for path in self._roster.streams(kept.invocation):
            path.unlink(missing_ok=True)
