"""The daemon put together: its lock and epoch, what it remembers, its socket; and the one loop that all of it lives on.

Not here: what any part does. Start reading at `serve`.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from verger_daemon.beginning import kernel_socket
from verger_daemon.connections import Answer, Handler
from verger_daemon.control import next_epoch
from verger_daemon.events import Hub
from verger_daemon.handlers import Handlers
from verger_daemon.itself import counted, said, told
from verger_daemon.limiting import Limiting
from verger_daemon.listening import Listening, SocketRefused, refuse_long
from verger_daemon.notify import Notices
from verger_daemon.peers import Peer
from verger_daemon.protocol import daemon_messages as d
from verger_daemon.protocol import messages as m
from verger_daemon.publishing import Publisher
from verger_daemon.recovering import Recovery
from verger_daemon.roster import Roster
from verger_daemon.rules import telling
from verger_daemon.rules.watch import Pace
from verger_daemon.server import Server
from verger_daemon.settings import Resolved
from verger_daemon.standing import Standing
from verger_daemon.stopping import stop_kernels
from verger_daemon.supervisor import Supervisor
from verger_daemon.watchdog import Watchdog
from verger_kernel.clock import now
from verger_probes.locks import FileLock, LockReplaced, acquire
from verger_probes.prctl import become_subreaper, hide_memory
from verger_probes.rules.liveness import Claim
from verger_probes.version import VERSION

_CHECK_S, _REST_CHECK_S = 1.0, 2.0
"""How often the socket and the lock are looked at, and how often while no kernel is at work."""

STOP_SIGNAL = signal.SIGUSR1
"""Stops the kernels as well; the other signals that end the daemon leave them at work. The units name it."""

_POLL_S = 0.01
_LEAVES_S = 15.0
"""What the daemon itself may take to leave, when it asks systemd for the time that kernels may take."""

_SWEEPS_S = 10.0
"""How long it waits, of that, until what kernels that ended left running is ended."""

_log = logging.getLogger("vergerd")


class Places:
    """Where this daemon keeps what it must: `home` is its own folder, `socket` where it listens, if not at `lent`."""

    def __init__(self, home: Path, socket: Path, lent: Listening | None = None) -> None:
        self.home = home
        self.socket = socket
        self.lent = lent
        self.kernels = socket.parent / "kernels"

    @property
    def state(self) -> Path:
        """The folder of all runs."""
        return self.home.parent


class Daemon:
    """One daemon, which holds `lock` and tells systemd by `notices`. `leave` ends it; kernels go on."""

    def __init__(
        self, places: Places, lock: FileLock, resolved: Resolved, notices: Notices, *, on_demand: bool
    ) -> None:
        settings = resolved.settings
        self._places = places
        self._lock = lock
        self._resolved = resolved
        self._settings = settings
        self._notices = notices
        self._on_demand = on_demand
        self._over = asyncio.Event()
        self._began_utc_ms = now().utc_ms
        self._trouble = ""
        self._asides: set[asyncio.Future[object]] = set()
        self.epoch = next_epoch(places.home)
        self._standing = Standing(places.home, lock, self.epoch)
        self._hub = Hub(self.epoch, lambda: now().utc_ms)
        self._roster = Roster(places.home)
        self._recovery = Recovery(Publisher(self._hub), settings)
        self._supervisor = Supervisor(
            self._roster,
            self._recovery,
            epoch=self.epoch,
            pace=Pace(probe_interval_ms=settings.probe_interval_ms, ack_deadline_ms=settings.ack_deadline_ms),
            home=places.home,
            sockets=places.kernels,
            parallel=settings.max_parallel_runs,
        )
        self._recovery.supervisor = self._supervisor
        self._limiting = Limiting(self._supervisor, self._recovery, settings)
        runs = Handlers(
            self._supervisor,
            self._recovery,
            self._hub,
            state=places.state,
            stop_grace_s=settings.stop_grace_s,
        ).table()
        self._server = Server(
            places.socket,
            {**runs, **self._table()},
            supervised=self._supervisor.kernels,
            failed=lambda method, error: _log.error("%s failed", method, exc_info=error),
            lent=places.lent,
            itself=os.getpid(),
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Finds the runs again, listens, says `ready`, and stays until it is asked to leave or is idle."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        loop.add_signal_handler(STOP_SIGNAL, self._stop_soon)
        loop.add_signal_handler(signal.SIGCHLD, self._supervisor.reap)
        self._supervisor.adopt()
        for why in self._roster.unreadable:
            _log.warning("left alone: %s", why)
        await self._server.start()
        _log.info("vergerd %s, epoch %d, listens at %s", VERSION, self.epoch, self._places.socket)
        ready()
        self._recovery.observe()
        if self._notices.watchdog_s:
            watchdog = Watchdog(self._notices, self._standing, self._places.socket)
            self._asides.add(loop.create_task(watchdog.feed()))
        try:
            await self._see_again()
            await self._recovery.observed()
            self._notices.ready()
            while not self._over.is_set():
                self._tell_status()
                await self._look_around()
        finally:
            for aside in self._asides:
                aside.cancel()
            self._limiting.close()
            self._notices.leaving()
            self._recovery.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEPS_S):
                    await self._supervisor.swept()
            await self._server.close()
            self._supervisor.close()

    def leave(self) -> None:
        """Ends the daemon soon; whoever stays with a run is told before, and need not look what became of it."""
        if not self._over.is_set():
            for run in ("", *self._supervisor.runs):
                self._hub.publish("daemon.leaving", run)
        self._over.set()

    async def _see_again(self) -> None:
        """Waits until every kernel that was found answered, or had the time that an answer is good for."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._settings.probe_interval_ms / 1000
        while any(run.watch.seen.asked_ns is None for run in self._supervisor.at_work()):
            if self._over.is_set() or loop.time() >= until_s:
                return
            await asyncio.sleep(_POLL_S)

    def _tell_status(self) -> None:
        if self._notices.is_heard:
            runs, live = self._count()
            self._notices.status(self._trouble or f"runs: {counted(runs, live)}")

    def _count(self) -> tuple[int, int]:
        """How many runs are on record, and how many of them can be proved alive."""
        said = (telling.said(run.watch, now()) for run in self._supervisor.at_work())
        return len(self._supervisor.kept()), sum(one.claim is Claim.LIVE_ATTACHED for one in said)

    async def _look_around(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + (_CHECK_S if next(self._supervisor.at_work(), None) else _REST_CHECK_S)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._over.wait()
            return
        self._standing.loop_lag_us = max(0, int((loop.time() - due_s) * 1e6))
        self._recovery.look_at_clock()
        self._limiting.look()
        try:
            if await self._server.check():
                _log.warning("listening again at %s", self._places.socket)
            self._lock.check()
            self._supervisor.check()
            self._trouble = ""
        except LockReplaced as error:
            # Another daemon may hold what is at the path now: two must never supervise one run.
            _log.error("%s: leaving", error)
            self.leave()
        except SocketRefused as refused:
            self._tell_trouble(f"{refused.what}; hint: {refused.hint}")
        except OSError as error:
            # It may be well again in a moment; kernels are watched meanwhile, over the connections that stand.
            self._tell_trouble(f"Cannot listen at {self._places.socket}: {error}; hint: mend that")
        if self._is_idle(loop.time()):
            _log.info("idle for %d s: leaving", self._settings.idle_exit_s)
            self.leave()

    def _tell_trouble(self, what: str) -> None:
        if what != self._trouble:
            self._trouble = what
            _log.error("%s", what)

    def _is_idle(self, at_s: float) -> bool:
        limit_s = self._settings.idle_exit_s
        is_busy = next(self._supervisor.at_work(), None) or self._recovery.next_ms is not None
        if not (self._on_demand and limit_s) or is_busy:
            return False
        if not all(connection.is_idle for connection in self._server.connections):
            # Somebody waits for what happens next.
            return False
        return at_s - self._server.asked_s > limit_s

    def _table(self) -> Mapping[str, Handler]:
        return {
            "daemon.ping": lambda params, _: self._standing.answer(params),
            "daemon.status": self._status,
            "daemon.settings": lambda _, __: told(self._resolved),
            "daemon.shutdown": self._shutdown,
        }

    def _status(self, _: m.Nothing, __: Peer) -> Answer:
        return said(
            epoch=self.epoch,
            began_utc_ms=self._began_utc_ms,
            socket=self._places.socket,
            home=self._places.home,
            counts=self._count(),
            leaves_s=self._settings.idle_exit_s if self._on_demand else 0,
        )

    def _shutdown(self, params: d.ShutdownParams, peer: Peer) -> Answer | Awaitable[Answer]:
        if params.kernels:
            return self._stop_all(f"asked by pid {peer.pid}")
        asyncio.get_running_loop().call_soon(self.leave)
        at_work = sum(1 for _ in self._supervisor.at_work())
        goes_on = f"; {at_work} kernel(s) go on, and the next daemon finds them again" if at_work else ""
        return m.TextResult(text=f"vergerd {os.getpid()} leaves{goes_on}")

    def _stop_soon(self) -> None:
        self._asides.add(asyncio.ensure_future(self._stop_all("systemd stops the unit")))

    async def _stop_all(self, reason: str) -> Answer:
        """Ends the daemon with all kernels. Those that do not end in time go on to end, and the answer counts them."""
        grace_s = self._settings.stop_grace_s
        self._notices.leaving(within_s=grace_s + _LEAVES_S)
        left = await stop_kernels(self._supervisor, self._supervisor.at_work, reason=reason, grace_s=grace_s)
        if left:
            _log.error("%d kernel(s) are still ending their agents after %d s", left, grace_s)
        asyncio.get_running_loop().call_soon(self.leave)
        still = f"; {left} kernel(s) are still ending their agents" if left else "; no kernel is at work"
        return m.TextResult(text=f"vergerd {os.getpid()} leaves{still}")


def serve(
    places: Places, resolved: Resolved, notices: Notices, *, on_demand: bool, ready: Callable[[], None]
) -> None:
    """Runs a daemon until it leaves. Raises verger_probes.locks.Held when there is one already, and SocketRefused."""
    # Its own socket has a shorter path, and a daemon whose kernels cannot listen is of no use.
    refuse_long(kernel_socket(places.kernels, "0" * 32))
    for folder in (places.home, places.kernels):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def served() -> None:
        await Daemon(places, lock, resolved, notices, on_demand=on_demand).run(ready)

    lock = acquire(places.home / "daemon.lock")
    try:
        # Before there is a key in this process that somebody could read out of it.
        hide_memory()
        become_subreaper()
        asyncio.run(served())
    finally:
        lock.release()
