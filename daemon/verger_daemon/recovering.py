"""Recovery: of each run at rest it is found out why, decided what to do, put on record, and done.

Not here: what is decided (`rules/recovery.py`) and how a run stands (`situations.py`). A decision about a gate is never
made here; one that a person made is found in the run's own journal.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from verger_daemon.beginning import Order, StartRefused
from verger_daemon.invocations import finished
from verger_daemon.observer import run_folder
from verger_daemon.plans import Plan
from verger_daemon.publishing import Publisher
from verger_daemon.roster import OnRecord
from verger_daemon.rules import watch_events as v
from verger_daemon.rules.causes import WAITING, cause_of
from verger_daemon.rules.recovery import Bounds, Decision, Do, Later, Leave, decide
from verger_daemon.settings import Settings
from verger_daemon.situations import Found, inbox, look
from verger_daemon.supervisor import Supervisor
from verger_daemon.touches import Touches
from verger_daemon.watching import Watched
from verger_kernel.clock import now
from verger_kernel.following.lines import Step
from verger_probes.rules.liveness import Claim, Rest

_log = logging.getLogger("vergerd")

_SETTLES_MS = 1_500
_NO_ROOM_MS = 5_000
"""How soon a run that may go on asks again whether there is room for it."""


class Recovery:
    """Recovers runs of `supervisor`, which is named later, and tells `clients` what the supervisor tells it."""

    supervisor: Supervisor

    def __init__(self, clients: Publisher, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings
        self._touches = Touches()
        self._watched: set[Path] = set()
        self._plans: dict[str, Plan] = {}
        self._breaches: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_closed = False

    def plan(self, run_id: str) -> Plan | None:
        """What is going to be done about a run at rest; None while nothing is known of it."""
        return self._plans.get(run_id)

    @property
    def next_ms(self) -> int | None:
        """When the next of all runs is due."""
        return min(
            (plan.at_utc_ms for plan in self._plans.values() if plan.at_utc_ms is not None), default=None
        )

    def observe(self) -> None:
        """Looks again at every run that was at rest when the daemon began, and says what comes next."""
        for kept in self.supervisor.kept():
            # Of a kernel that ended meanwhile its watch tells soon.
            if kept.run_root and kept.phase == "ended":
                self._begin(kept.run_id, partial(self._consider, kept.run_id))

    async def observed(self) -> None:
        """Waits until every run was looked at that `observe` found."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def look_at_clock(self) -> None:
        """Does what became due, by the clock as it is now: one that stood still or was set changes nothing else."""
        utc_ms = now().utc_ms
        for run_id, plan in list(self._plans.items()):
            if plan.at_utc_ms is not None and plan.at_utc_ms <= utc_ms:
                self._begin(run_id, partial(self._consider, run_id))

    def stop(self, run_id: str) -> bool:
        """Has nothing done about a run at rest by itself; whether there was anything to be done."""
        plan = self._plans.get(run_id)
        if plan is None or plan.at_utc_ms is None:
            return False
        self.supervisor.have_stopped(run_id)
        self._begin(run_id, partial(self._consider, run_id))
        return True

    def broke(self, invocation: str, limit: str) -> None:
        """Says for which limit a kernel is about to be ended."""
        self._breaches[invocation] = limit

    def is_broken(self, invocation: str) -> bool:
        """Whether a kernel is being ended for a limit."""
        return invocation in self._breaches

    def close(self) -> None:
        """Does nothing any more; what ends from now on is told, and the next daemon finds out what to do about it."""
        self._is_closed = True
        self._touches.close()
        for task in self._tasks.values():
            task.cancel()

    # What the supervisor tells, on its way to the clients.

    def claimed(self, run: Watched, claim: Claim, reason: str) -> None:
        self._clients.claimed(run, claim, reason)

    def settled(self, run: Watched) -> None:
        self._clients.settled(run)

    def stepped(self, run: Watched, steps: list[Step]) -> None:
        self._clients.stepped(run, steps)

    def troubled(self, run: Watched, why: str) -> None:
        self._clients.troubled(run, why)

    def lost(self, run: Watched, why: str) -> None:
        self._clients.lost(run, why)

    def rested(self, run: Watched, exit_code: int | None, rest: Rest) -> None:
        if run.watch.run_root and not self._is_closed:
            self._begin(run.run_id, partial(self._rested, run, exit_code, rest))
        else:
            self._clients.rested(run, exit_code, rest, "")

    async def _rested(self, run: Watched, exit_code: int | None, rest: Rest) -> None:
        decision, found = await self._decided(run.run_id)
        # Whoever hears that it rests may ask at once what comes next.
        self._plans[run.run_id] = Plan(getattr(decision, "at_utc_ms", None), decision.why)
        self._clients.rested(run, exit_code, rest, decision.why if isinstance(decision, Do) else "")
        await self._carry_out(run.run_id, decision, found)

    async def _consider(self, run_id: str) -> None:
        run = self.supervisor.runs.get(run_id)
        if not (run and run.watch.seen.at_work):
            await self._carry_out(run_id, *await self._decided(run_id))

    async def _decided(self, run_id: str) -> tuple[Decision, Found | None]:
        kept = self._kept(run_id)
        folder, breach = run_folder(Path(kept.run_root)), self._breaches.get(kept.invocation, "")
        found = await asyncio.to_thread(look, folder, kept, breach=breach)
        if found is None:
            return Leave(why="its state cannot be read"), None
        utc_ms = now().utc_ms
        if found.is_settling:
            return Later(at_utc_ms=utc_ms + _SETTLES_MS, why="evidence is coming"), found
        return decide(found.situation, found.past, self._bounds(utc_ms), utc_ms=utc_ms), found

    async def _carry_out(self, run_id: str, decision: Decision, found: Found | None) -> None:
        match decision:
            case Leave(why=why):
                self._plans[run_id] = Plan(None, why)
            case Later(at_utc_ms=at_ms, why=why):
                self._plans[run_id] = Plan(at_ms, why)
            case Do():
                assert found
                await self._do(run_id, decision, found)
        if found and cause_of(found.situation) in WAITING:
            self._watch(run_id, found.situation.item)

    async def _do(self, run_id: str, act: Do, found: Found) -> None:
        run, kept = self.supervisor.watched(run_id), self._kept(run_id)
        assert run
        if act.kind != "doctor_fix_safe" and self.supervisor.hindrance(Path(kept.run_root)):
            self._plans[run_id] = Plan(
                now().utc_ms + _NO_ROOM_MS, f"{act.why}; it waits for another run to end"
            )
            return
        self._plans[run_id] = Plan(None, act.why)
        # On record before it is done: what a killed daemon had begun counts.
        run.feed(v.Acted(kind=act.kind, reason=act.why, fingerprint=act.fingerprint))
        if not run.watch.seen.held:
            return
        environment = self.supervisor.environment(kept)
        if act.kind == "doctor_fix_safe":
            words = ("-C", kept.directory, "doctor", "--fix-safe", "--run-id", run_id)
            with suppress(OSError):
                await finished(words, directory=Path(kept.run_root), environment=environment)
            await self._consider(run_id)
            return
        order = Order(Path(kept.directory), "resume", (run_id, *found.words), environment)
        try:
            await self.supervisor.start(order, Path(kept.run_root))
        except StartRefused as refused:
            self._plans[run_id] = Plan(None, f"{act.why}; {refused.why}; hint: {refused.hint}")
            _log.warning("run %s cannot go on by itself: %s", run_id, refused.why)

    def _kept(self, run_id: str) -> OnRecord:
        kept = self.supervisor.known(run_id)
        assert kept
        return kept

    def _bounds(self, utc_ms: int) -> Bounds:
        settings = self._settings
        return Bounds(
            recovers=settings.recover,
            recoveries_max=settings.recoveries_max,
            wakes=settings.wake,
            wakes_max=settings.wakes_max,
            window=settings.window(),
            spread_s=settings.wake_spread_s,
            offset_s=time.localtime(utc_ms / 1000).tm_gmtoff,
            resumes_after_reboot=settings.resume_after_reboot,
        )

    def _watch(self, run_id: str, item: str) -> None:
        """Has a run that waits looked at whenever something of it changes: a decision, or evidence for its item."""
        run_root = Path(self._kept(run_id).run_root)
        box = inbox(run_root)
        box.mkdir(mode=0o700, exist_ok=True)
        new = False
        for folder in (run_root, box, box / item):
            if not folder.is_dir():
                # Made anew, it is another one.
                self._watched.discard(folder)
            elif folder not in self._watched:
                self._watched.add(folder)
                self._touches.watch(folder, partial(self._touched, run_id))
                new = True
        if new:
            # What changed before anybody watched was told to nobody.
            self._touched(run_id)

    def _touched(self, run_id: str) -> None:
        run = self.supervisor.runs.get(run_id)
        if not (run and run.watch.seen.at_work):
            self._begin(run_id, partial(self._consider, run_id))

    def _begin(self, run_id: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Has `work` done about a run, after what is being done about it now."""
        former = self._tasks.get(run_id)

        async def after() -> None:
            if former:
                await asyncio.wait([former])
            try:
                await work()
            except Exception:
                _log.exception("what is to be done about run %s failed", run_id)

        self._tasks[run_id] = asyncio.get_running_loop().create_task(after())
