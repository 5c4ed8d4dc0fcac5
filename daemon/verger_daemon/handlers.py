"""What each method about runs does: one short function a method.

Not here: the shapes of params and results (`protocol/messages.py`), and the methods about the daemon itself (`app.py`).
No method records a decision, and none can.
"""

import asyncio
import os
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from verger_daemon.beginning import Order, StartRefused
from verger_daemon.connections import Answer, Handler
from verger_daemon.events import Hub
from verger_daemon.gates import gate_of, gates_listed, last_line
from verger_daemon.logs import unknown, written
from verger_daemon.observer import run_folder
from verger_daemon.peers import Peer
from verger_daemon.protocol import errors
from verger_daemon.protocol import messages as m
from verger_daemon.protocol.errors import RpcError
from verger_daemon.recovering import Recovery
from verger_daemon.roster import OnRecord
from verger_daemon.rules import telling
from verger_daemon.rules import watch_events as v
from verger_daemon.rules.watch import Invocation
from verger_daemon.stopping import stop_kernels
from verger_daemon.supervisor import Supervisor
from verger_daemon.views import StatusView, listed, unwatched
from verger_daemon.watching import Watched
from verger_kernel.clock import now
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.home import find_home, find_run
from verger_kernel.snapshot import take
from verger_probes.exits import Exit
from verger_probes.identity import boottime_ns
from verger_probes.places import state_home
from verger_probes.rules.liveness import Claim, Said

_PROVE_NS = 1_000_000_000
_POLL_S = 0.01


class Handlers:
    """The methods about runs, upon the runs of `supervisor`; events go by `hub`."""

    def __init__(
        self, supervisor: Supervisor, recovery: Recovery, hub: Hub, *, state: Path, stop_grace_s: float
    ) -> None:
        self._supervisor = supervisor
        self._recovery = recovery
        self._hub = hub
        self._state = state
        self._stop_grace_s = stop_grace_s
        self._views: dict[str, tuple[Watched, StatusView]] = {}

    def table(self) -> Mapping[str, Handler]:
        """The methods by name."""
        return {
            "run.start": self._start,
            "run.resume": self._resume,
            "run.status": self._status,
            "run.list": self._list,
            "run.stop": self._stop,
            "run.logs": self._logs,
            "run.watch": self._watch,
            "events.subscribe": self._subscribe,
            "gate.list": self._gates,
            "gate.show": self._gate,
        }

    async def _start(self, params: m.StartParams, _: Peer) -> Answer:
        return await self._begun(Order(Path(params.directory), "run", params.words, self._ours(params)), None)

    async def _resume(self, params: m.ResumeParams, _: Peer) -> Answer:
        # Begun by the daemon itself in this very moment, it is at work as if it had been for long.
        async with self._supervisor.beginning:
            run = self._watched(params)
        if run and run.watch.invocation:
            return self._attached(run, run.watch.invocation, params.words)
        folder = self._folder(params)
        words = (folder.root.name, *params.words)
        return await self._begun(
            Order(Path(params.directory), "resume", words, self._ours(params)), folder.root
        )

    async def _begun(self, order: Order, run_root: Path | None) -> m.StartResult:
        seq, record = self._hub.seq, last_line(run_folder(run_root)) if run_root else 0
        try:
            run = await self._supervisor.start(order, run_root)
        except StartRefused as refused:
            said = f"; it said: {refused.said.strip()}" if refused.said.strip() else ""
            raise RpcError(
                errors.REFUSED, f"{refused.why}{said}", refused.hint, exit_code=int(refused.code)
            ) from refused
        at_work = run.watch.invocation
        assert at_work
        return m.StartResult(
            run_id=run.run_id,
            invocation=at_work.invocation,
            attached=False,
            record=record,
            seq=seq,
            text=f"run {run.run_id}: kernel {at_work.identity.pid} is at work, and watched",
        )

    def _attached(self, run: Watched, at_work: Invocation, words: tuple[str, ...]) -> m.StartResult:
        """What is said of a run that is at work already: its kernel cannot be told anything any more."""
        if words:
            what = f"run {run.run_id} is at work already, and its kernel cannot be told {words[0]} any more"
            hint = f"leave it out, or first: verger supervise stop {run.run_id}"
            raise RpcError(errors.REFUSED, what, hint, exit_code=int(Exit.REFUSED))
        return m.StartResult(
            run_id=run.run_id,
            invocation=at_work.invocation,
            attached=True,
            record=last_line(run.observer.folder) if run.observer else 0,
            seq=self._hub.seq,
            text=f"run {run.run_id} is at work already: attached to kernel {at_work.identity.pid}",
        )

    def _status(self, params: m.StatusParams, _: Peer) -> Answer | Awaitable[Answer]:
        run = self._watched(params)
        if run is None:
            folder = self._folder(params)
            return unwatched(folder.root.name, take(folder))
        if params.prove:
            return self._proved(run)
        return self._read(run) if run.is_reading else self._encoded(run)

    async def _read(self, run: Watched) -> Answer:
        """The status of a run at rest, once its files were read that are others than those that were read last."""
        await run.was_read()
        return self._encoded(run)

    async def _proved(self, run: Watched) -> Answer:
        """The status once an answer came to a question that was put after this was asked, or none came in time."""
        before = run.watch.seen.asked_ns
        began_ns = boottime_ns()
        while run.watch.seen.at_work and boottime_ns() - began_ns < _PROVE_NS:
            asked_ns = run.watch.seen.asked_ns
            if asked_ns != before and asked_ns is not None and asked_ns > began_ns:
                break
            run.feed(v.Hinted(seq=0))
            await asyncio.sleep(_POLL_S)
        run.look()
        return self._encoded(run)

    def _encoded(self, run: Watched) -> bytes:
        known = self._views.get(run.run_id)
        if known is None or known[0] is not run:
            known = self._views[run.run_id] = (run, StatusView(run))
        return known[1].encoded(now(), self._recovery.plan(run.run_id))

    async def _list(self, params: m.ListParams, _: Peer) -> Answer:
        rows = []
        for kept in self._of(params):
            run = self._supervisor.watched(kept.run_id)
            if run:
                await run.was_read()
            view = take(run_folder(Path(kept.run_root))) if kept.run_root else None
            said = telling.said(run.watch, now()) if run else Said(Claim.SNAPSHOT_ONLY, "")
            rows.append((kept, said, view))
        return listed(rows)

    async def _stop(self, params: m.RunParams, peer: Peer) -> Answer:
        run = self._watched(params)
        if run and self._recovery.stop(run.run_id):
            text = f"run {run.run_id} stays at rest; to go on: verger supervise resume {run.run_id}"
            return m.TextResult(text=text)
        if run is None or not run.watch.seen.at_work:
            raise RpcError(
                errors.REFUSED,
                f"no supervised kernel is at work on run {params.run}",
                "see: verger supervise list",
                exit_code=int(Exit.REFUSED),
            )
        left = await stop_kernels(
            self._supervisor,
            lambda: (run,) if run.watch.seen.at_work else (),
            reason=f"asked by pid {peer.pid}",
            grace_s=self._stop_grace_s,
        )
        if left:
            return m.TextResult(
                text=f"the kernel of run {run.run_id} was killed and is not gone: its disk may hang"
            )
        text = f"run {run.run_id} is stopped; to go on: verger supervise resume {run.run_id}"
        return m.TextResult(text=text)

    def _logs(self, params: m.LogsParams, _: Peer) -> Answer:
        run = self._watched(params)
        if run is None or run.papers is None:
            raise unknown(params.run, "nothing of it was supervised")
        return written(run, run.papers, params)

    def _watch(self, params: m.WatchParams, _: Peer) -> Answer:
        run = self._watched(params)
        if run is None:
            raise unknown(params.run, "nothing of it was supervised")
        return self._hub.subscribe(run=run.run_id, since=params.since, epoch=params.epoch)

    def _subscribe(self, params: m.EventsParams, _: Peer) -> Answer:
        return self._hub.subscribe(run=params.run, since=params.since, epoch=params.epoch)

    def _gates(self, params: m.ListParams, _: Peer) -> Answer:
        return gates_listed(self._of(params))

    def _gate(self, params: m.RunParams, _: Peer) -> Answer:
        found = gate_of(self._folder(params), params.directory)
        if found is None:
            hint = f"see: verger supervise status {params.run}"
            what = f"run {params.run} waits at no gate"
            raise RpcError(errors.REFUSED, what, hint, exit_code=int(Exit.REFUSED))
        return found

    def _of(self, params: m.ListParams) -> list[OnRecord]:
        """The runs on record, of one repository where one is named."""
        kept = self._supervisor.kept()
        if params.directory is None:
            return kept
        self._agree(params.state)
        with _told():
            home = find_home(Path(params.directory), os.environ)
        root = home.folder.root if home.folder else None
        return [one for one in kept if root and Path(one.run_root or "/").is_relative_to(root)]

    def _watched(self, params: m.RunParams) -> Watched | None:
        """The watch over the run that `params` name; None when it is a run that nobody supervised."""
        self._agree(params.state)
        if self._supervisor.known(params.run):
            return self._supervisor.watched(params.run)
        if params.run == "latest" and (starting := self._starting(params.directory)):
            return starting
        return self._supervisor.watched(self._folder(params).root.name)

    def _starting(self, directory: str) -> Watched | None:
        """A run that is so new that it has no folder yet; it was begun from this very directory."""
        for run in self._supervisor.at_work():
            kept = self._supervisor.known(run.run_id)
            if kept and not run.watch.run_root and kept.directory == directory:
                return run
        return None

    def _folder(self, params: m.RunParams | m.ResumeParams) -> RunFolder:
        self._agree(params.state)
        with _told():
            home = find_home(Path(params.directory), os.environ)
            return home.require().run(find_run(home, params.run))

    def _ours(self, params: m.StartParams | m.ResumeParams) -> Mapping[str, str]:
        """The environment of the kernel. Raises RpcError where it would keep its runs where nobody looks for them."""
        environment = params.environment or dict(os.environ)
        self._agree(str(state_home(environment, Path(environment.get("HOME", "/")))))
        return environment

    def _agree(self, state: str) -> None:
        """Raises RpcError where a client means another state folder than this daemon's; empty is the same."""
        if state and state != str(self._state):
            raise RpcError(
                errors.REFUSED,
                f"this daemon keeps runs below {self._state}, and you below {state}",
                "set XDG_STATE_HOME to the same, or give the other folder a daemon of its own XDG_RUNTIME_DIR",
                exit_code=int(Exit.REFUSED),
            )


@contextmanager
def _told() -> Iterator[None]:
    """What a reader of the kernel refuses is refused here in the same words."""
    try:
        yield
    except CommandError as error:
        raise RpcError(errors.REFUSED, error.what, error.hint, exit_code=int(error.code)) from error
