"""The daemon put together: its lock and epoch, what it remembers, its socket; and the one loop that all of it lives on.

Not here: what any part does. Start reading at `serve`.
"""

import asyncio
import hmac
import logging
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from verger_daemon.connections import Answer, Handler
from verger_daemon.control import next_epoch
from verger_daemon.events import Hub
from verger_daemon.handlers import Handlers
from verger_daemon.ledger import Ledger
from verger_daemon.listening import SocketRefused
from verger_daemon.peers import Peer
from verger_daemon.protocol import messages as m
from verger_daemon.publishing import Publisher
from verger_daemon.rules.watch import Pace
from verger_daemon.server import Server
from verger_daemon.settings import Resolved
from verger_daemon.supervisor import Supervisor
from verger_kernel.clock import now
from verger_kernel.rules.now import iso
from verger_probes.locks import FileLock, LockReplaced, acquire
from verger_probes.prctl import become_subreaper, hide_memory
from verger_probes.rules.liveness import Claim
from verger_probes.version import VERSION

_CHECK_S = 1.0
"""How often the socket and the lock are looked at; a run that somebody asks about is looked at then."""

_log = logging.getLogger("vergerd")


class Places:
    """Where this daemon keeps what it must: `home` is its own folder, `socket` where it listens."""

    def __init__(self, home: Path, socket: Path) -> None:
        self.home = home
        self.socket = socket
        self.kernels = socket.parent / "kernels"

    @property
    def state(self) -> Path:
        """The folder of all runs."""
        return self.home.parent


class _Standing(NamedTuple):
    lock_held: bool
    journal_writable: bool


class Daemon:
    """One daemon, which holds `lock`. `leave` ends it; kernels go on."""

    def __init__(self, places: Places, lock: FileLock, resolved: Resolved, *, on_demand: bool) -> None:
        settings = resolved.settings
        self._places = places
        self._lock = lock
        self._resolved = resolved
        self._settings = settings
        self._on_demand = on_demand
        self._over = asyncio.Event()
        self._began_utc_ms = now().utc_ms
        self._lag_us = 0
        self._trouble = ""
        self._standing: _Standing | None = None
        self._key = _key(places.home)
        self.epoch = next_epoch(places.home)
        self._hub = Hub(self.epoch, lambda: now().utc_ms)
        self._ledger = Ledger(places.home)
        self._supervisor = Supervisor(
            self._ledger,
            Publisher(self._hub),
            epoch=self.epoch,
            pace=Pace(probe_interval_ms=settings.probe_interval_ms, ack_deadline_ms=settings.ack_deadline_ms),
            home=places.home,
            sockets=places.kernels,
            parallel=settings.max_parallel_runs,
        )
        runs = Handlers(
            self._supervisor, self._hub, state=places.state, stop_grace_s=settings.stop_grace_s
        ).table()
        self._server = Server(
            places.socket,
            {**runs, **self._table()},
            supervised=self._supervisor.kernels,
            failed=lambda method, error: _log.error("%s failed", method, exc_info=error),
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Finds the runs again, listens, says `ready`, and stays until it is asked to leave or is idle."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        loop.add_signal_handler(signal.SIGCHLD, self._supervisor.reap)
        self._supervisor.adopt()
        for why in self._ledger.unreadable:
            _log.warning("left alone: %s", why)
        await self._server.start()
        ready()
        try:
            while not self._over.is_set():
                await self._look_around()
        finally:
            await self._server.close()
            self._supervisor.close()

    def leave(self) -> None:
        """Ends the daemon soon; whoever stays with a run is told before, and need not look what became of it."""
        if not self._over.is_set():
            for run in ("", *self._supervisor.runs):
                self._hub.publish("daemon.leaving", run)
        self._over.set()

    async def _look_around(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + _CHECK_S
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._over.wait()
            return
        self._lag_us = max(0, int((loop.time() - due_s) * 1e6))
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
        if not (self._on_demand and limit_s) or next(self._supervisor.at_work(), None):
            return False
        if not all(connection.is_idle for connection in self._server.connections):
            # Somebody waits for what happens next.
            return False
        return at_s - self._server.asked_s > limit_s

    def _table(self) -> Mapping[str, Handler]:
        return {
            "daemon.ping": self._ping,
            "daemon.status": self._status,
            "daemon.settings": self._told_settings,
            "daemon.shutdown": self._shutdown,
        }

    def _ping(self, params: m.PingParams, _: Peer) -> Answer:
        standing = self._stands()
        return m.PingResult(
            nonce=params.nonce,
            mac=_mac(self._key, params.nonce, os.getpid(), self.epoch),
            pid=os.getpid(),
            epoch=self.epoch,
            version=VERSION,
            lock_held=standing.lock_held,
            journal_writable=standing.journal_writable,
            loop_lag_us=self._lag_us,
        )

    def _status(self, _: m.Nothing, __: Peer) -> Answer:
        runs = len(self._supervisor.kept())
        live = sum(
            self._supervisor.said(run).claim is Claim.LIVE_ATTACHED for run in self._supervisor.at_work()
        )
        leaves = self._settings.idle_exit_s if self._on_demand else 0
        words = {
            "vergerd": f"{VERSION}, pid {os.getpid()}, epoch {self.epoch}",
            "since": iso(self._began_utc_ms),
            "listens at": str(self._places.socket),
            "remembers in": str(self._places.home),
            "runs": f"{runs}, of which {live} can be proved alive right now",
            "leaves": f"after {leaves} s without work" if leaves else "when it is told to",
        }
        return m.DaemonStatusResult(
            version=VERSION,
            pid=os.getpid(),
            epoch=self.epoch,
            started_utc=iso(self._began_utc_ms),
            socket=str(self._places.socket),
            state=str(self._places.home),
            runs=runs,
            live=live,
            idle_exit_s=leaves,
            text="\n".join(f"{name:<13} {value}" for name, value in words.items()),
        )

    def _told_settings(self, _: m.Nothing, __: Peer) -> Answer:
        found = tuple(m.Setting(**one) for one in self._resolved.told())
        return m.SettingsResult(
            file=str(self._resolved.file), settings=found, text="\n".join(self._resolved.lines())
        )

    def _shutdown(self, _: m.Nothing, __: Peer) -> Answer:
        asyncio.get_running_loop().call_soon(self.leave)
        at_work = sum(1 for _ in self._supervisor.at_work())
        goes_on = f"; {at_work} kernel(s) go on, and the next daemon finds them again" if at_work else ""
        return m.TextResult(text=f"vergerd {os.getpid()} leaves{goes_on}")

    def _stands(self) -> "_Standing":
        """What the daemon stands upon, looked at once for all that is asked in one turn of its loop."""
        if self._standing is None:
            self._standing = _Standing(self._holds_lock(), os.access(self._places.home, os.W_OK))
            asyncio.get_running_loop().call_soon(self._look_again)
        return self._standing

    def _look_again(self) -> None:
        self._standing = None

    def _holds_lock(self) -> bool:
        try:
            self._lock.check()
        except OSError:
            return False
        return True


def serve(places: Places, resolved: Resolved, *, on_demand: bool, ready: Callable[[], None]) -> None:
    """Runs a daemon until it leaves. Raises verger_probes.locks.Held when there is one already, and SocketRefused."""
    for folder in (places.home, places.kernels):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = acquire(places.home / "daemon.lock")
    try:
        # Before there is a key in this process that somebody could read out of it.
        hide_memory()
        become_subreaper()
        asyncio.run(_served(places, lock, resolved, on_demand=on_demand, ready=ready))
    finally:
        lock.release()


async def _served(
    places: Places, lock: FileLock, resolved: Resolved, *, on_demand: bool, ready: Callable[[], None]
) -> None:
    await Daemon(places, lock, resolved, on_demand=on_demand).run(ready)


def _key(home: Path) -> bytes:
    """The key under which the daemon proves that it is this user's; made once."""
    path = home / "ping.key"
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _mac(key: bytes, nonce: str, pid: int, epoch: int) -> str:
    return hmac.digest(key, f"verger-daemon/1\0{nonce}\0{pid}\0{epoch}".encode(), "sha256").hex()
