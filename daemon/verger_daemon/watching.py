"""The hands of one watch: what `rules/supervision.advance` asks for is done here, and what came of it is told to it.

Not here: when a run is started, adopted or stopped (`supervisor.py`). Everything happens on the daemon's loop but for
reading the files of the run.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any

from msgspec.structs import replace

from verger_daemon.alarms import Alarm, Alarms
from verger_daemon.exchange import Exchange
from verger_daemon.invocations import send
from verger_daemon.listener import Listener, Unhurried
from verger_daemon.observer import Observer
from verger_daemon.papers import Papers, open_papers
from verger_daemon.prober import Prober
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as v
from verger_daemon.rules.supervision import advance
from verger_daemon.rules.watch import Watch
from verger_kernel.clock import now
from verger_probes.identity import boottime_ns
from verger_probes.locks import Held, LockReplaced
from verger_probes.rules.probe import Ack, ProbeRefused

_NS_PER_S = 1_000_000_000
_READ_NS_MAX, _LOOK_S = 2 * _NS_PER_S, 0.002
_ACK_FILES = ("active_stage.json", "probe_request.json", "probe_ack.json", "bridge_registration.json")


class Watched:
    """One run under watch. `pidfd` names its kernel while there is one."""

    def __init__(self, watch: Watch, told: Listener, alarms: Alarms, exchange: Exchange) -> None:
        self.watch = watch
        self.pidfd: int | None = None
        self.papers: Papers | None = None
        self.observer: Observer | None = None
        self._key = b""
        self._streams: tuple[Path, Path] | None = None
        """Where the kernel writes until the run is there that its streams belong to."""
        self._last = ""
        self._kept_streams: tuple[Path, Path] | None = None
        self.files = ""
        """What named the run's files when they were looked at last."""
        self._told = told
        self._events: deque[v.Event] = deque()
        self._feeding = False
        self._unwritten: list[f.Effect] = []
        self._unhurried = Unhurried()
        self._prober: Prober | None = None
        self._exchange = exchange
        self._alarm = Alarm(alarms, partial(self.feed, v.Tick()))
        self._wake_ns: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        if watch.run_root:
            self._settle(watch.run_root)

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.watch.run_id

    def work(self, key: bytes, pidfd: int | None, streams: tuple[Path, Path]) -> None:
        """Names the kernel that is at work now: its key, its process, and where its streams are until they move."""
        self._key, self.pidfd, self._streams = key, pidfd, streams

    def found(self, run_root: str) -> None:
        """Names the folder of a run whose kernel did not live to say it."""
        self.watch = replace(self.watch, run_root=run_root)
        self._settle(run_root)

    def feed(self, event: v.Event) -> None:
        """Tells the watch what happened and does what follows, in order, however deep one thing leads to another."""
        self._events.append(event)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._events:
                self._advance(self._events.popleft())
        finally:
            self._feeding = False
        self._alarm.set(self._wake_ns)

    def look(self) -> None:
        """Has the run's files compared again if they are others than those that were looked at last."""
        if self.observer and (files := self.observer.files()) != self.files:
            self.files = files
            self.feed(v.Touched(files=files))

    @property
    def is_reading(self) -> bool:
        """Whether the files of a run at rest are being read: what is said of it is not known yet."""
        return self.watch.known.reading is not None and not self.watch.seen.at_work

    async def was_read(self) -> None:
        """Waits until the files of a run at rest were read; not for ever."""
        until_ns = boottime_ns() + _READ_NS_MAX
        while self.is_reading and boottime_ns() < until_ns:
            await asyncio.sleep(_LOOK_S)

    def check(self) -> None:
        """Notices when the lock on the run is no longer ours, though nothing is to be written."""
        if self.papers and self.watch.seen.held:
            try:
                self.papers.check()
            except LockReplaced as error:
                self._lost(str(error))

    def streams(self) -> tuple[Path, Path] | None:
        """Where stdout and stderr of the last kernel lie; None when there was none since the daemon began."""
        if self._streams:
            return self._streams
        return self._kept_streams

    def last_invocation(self) -> str:
        """The kernel at work, else the one before it whose streams are here; empty when there was none."""
        if self._last or not self.papers:
            return self._last
        streams = (self.papers.root / "invocations").glob("*.stdout.log")
        newest = max(streams, key=lambda path: path.stat().st_mtime_ns, default=None)
        return newest.name.partition(".")[0] if newest else ""

    def newest(self, folder: str) -> str:
        """The newest record in a folder of the supervision, relative to the run's; empty when there is none."""
        return self.papers.newest.get(folder, "") if self.papers else ""

    def close(self) -> None:
        """Lets go of the run; its kernel, if there is one, goes on."""
        self._alarm.set(None)
        self._unhurried.catch_up()
        for task in self._tasks:
            task.cancel()
        if self._prober:
            self._prober.close()
        if self.papers:
            self.papers.release()

    def _advance(self, event: v.Event) -> None:
        self.watch, effects = advance(self.watch, event, now())
        if self.watch.run_root and self.observer is None:
            self._settle(self.watch.run_root)
        self._take_streams()
        for effect in effects:
            self._perform(effect)

    def _settle(self, run_root: str) -> None:
        """The run is there: from now on its files can be read and written."""
        root = Path(run_root)
        self.observer = Observer(root)
        try:
            self.papers = open_papers(root, self.watch.epoch)
        except (Held, OSError) as error:
            self._lost(str(error))
            return
        unwritten, self._unwritten = self._unwritten, []
        for effect in unwritten:
            self._write(effect)
        self._take_streams()
        self._told.settled(self)

    def _lost(self, why: str) -> None:
        self._told.lost(self, why)
        self.feed(v.LockLost())

    def _take_streams(self) -> None:
        """Moves the streams of the kernel at work to where they stay; it goes on writing to them."""
        if self.papers and self._streams and self.watch.invocation:
            self._last = self.watch.invocation.invocation
            self._kept_streams = self.papers.take_streams(self._last, *self._streams)
            self._streams = None

    def _perform(self, effect: f.Effect) -> None:
        match effect:
            case f.Ask():
                self._ask(effect)
            case f.Wake(at_ns=at_ns):
                # The last one of several counts.
                self._wake_ns = at_ns
            case f.ReadRun():
                # In a thread, which would fight with the loop for the interpreter while it has something to tell.
                self._unhurried.add(lambda: self._begin(self._read(effect)))
            case f.Connect(probe_socket=path):
                self._connect(Path(path))
            case f.Announce(claim=claim, reason=reason):
                self._told.claimed(self, claim, reason)
            case f.AnnounceEnd(exit_code=code, rest=rest):
                self._told.rested(self, code, rest)
            case f.Stop():
                if self.pidfd is not None:
                    send(self.pidfd, SIGTERM)
            case f.DropKey():
                self._drop_key()
            case f.WriteHeartbeat():
                self._unhurried.add(partial(self._write, effect))
            case _:
                # In the order in which they were asked for.
                self._unhurried.catch_up()
                self._write(effect)

    def _ask(self, effect: f.Ask) -> None:
        if self._prober is None or not self._prober.is_open:
            self.feed(v.Unreachable(reason="there is no connection"))
            return
        # Read before the nonce is drawn: no answer to it can be older.
        sent_ns = boottime_ns()
        nonce = self._prober.ask(effect.run_id, effect.invocation, effect.epoch)
        self.feed(v.Asked(nonce=nonce, sent_ns=sent_ns))

    def _connect(self, path: Path) -> None:
        if self._prober:
            self._prober.close()
        try:
            self._prober = Prober(path, self._key, self._exchange, self._heard, self._gone)
        except OSError as error:
            self.feed(v.Unreachable(reason=str(error)))
        else:
            self.feed(v.Reachable())

    def _heard(self, what: Ack | ProbeRefused | int) -> None:
        match what:
            case Ack() as ack:
                if self.observer is None and Path(ack.run_root).name == self.run_id:
                    # It is to be compared with the run's files, so these must be known before.
                    self.found(ack.run_root)
                files = self.observer.files() if self.observer else ""
                self.feed(v.Answered(ack=ack, files=files))
            case ProbeRefused() as refused:
                self.feed(v.AnswerRefused(reason=str(refused)))
            case int() as seq:
                self.feed(v.Hinted(seq=seq))

    def _gone(self, why: str) -> None:
        self.feed(v.Unreachable(reason=why))

    async def _read(self, effect: f.ReadRun) -> None:
        if self.observer is None:
            self.feed(v.RunRead(number=effect.number, flaw="run_state_missing"))
            return
        observer = self.observer
        found = await asyncio.to_thread(observer.read, effect.number, effect.seqs, effect.invocation)
        if steps := observer.steps():
            self._told.stepped(self, steps)
        self.feed(found)

    def _write(self, effect: f.Effect) -> None:
        if self.papers is None:
            # There is no run yet whose folder could take it.
            self._unwritten.append(effect)
            return
        try:
            self.papers.put(effect)
        except LockReplaced as error:
            self._lost(str(error))
        except OSError as error:
            self._told.troubled(self, f"cannot write below {self.papers.root}: {error}")

    def _drop_key(self) -> None:
        self._key = b""
        if self._prober:
            self._prober.close()
            self._prober = None
        self._unhurried.add(self._drop_files)

    def _drop_files(self) -> None:
        if self.papers:
            try:
                self.papers.drop(*_ACK_FILES)
            except OSError as error:
                self._told.troubled(self, f"cannot remove what is no longer true: {error}")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
