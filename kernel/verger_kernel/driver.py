"""The loop of a run: commit an event, save the state, perform what follows; again, until nothing is outstanding.

Not here: what follows from an event (`rules/machine.py`) and how an effect is performed (`perform/`).
"""

import signal
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from verger_kernel.clock import now
from verger_kernel.disk import store
from verger_kernel.disk.durable import Unsynced
from verger_kernel.disk.journal import Journal
from verger_kernel.disk.layout import RunFolder
from verger_kernel.process import redaction
from verger_kernel.rules import events as e
from verger_kernel.rules.budgets import Overspent
from verger_kernel.rules.effects import Effect
from verger_kernel.rules.lasting import lasts
from verger_kernel.rules.machine import advance, counted
from verger_kernel.rules.now import Now
from verger_kernel.rules.state import RunState
from verger_probes.exits import Exit
from verger_probes.locks import FileLock

Tell = Callable[[e.Event], Awaitable[None]]
Perform = Callable[[Effect, Tell], Awaitable[e.Event]]
Watch = Callable[[RunState, e.Event, RunState, Now], None]


class Interrupted(Exception):
    """A signal asked this process to leave; the run goes on with resume."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class Driver:
    """One process's hold on a run. `watch` is told of each step after it was saved, in order.

    `unsynced` is synced before each record that must last. `recording` lasts while an event is recorded.
    """

    folder: RunFolder
    lock: FileLock
    journal: Journal
    state: RunState
    unsynced: Unsynced
    perform: Perform
    watch: Watch
    recording: Callable[[], AbstractContextManager[None]] = nullcontext
    invocation: str = field(default_factory=lambda: uuid.uuid4().hex)
    _order: anyio.Lock = field(default_factory=anyio.Lock)
    _moved: anyio.Event = field(default_factory=anyio.Event)

    async def drive(self, *events: e.Event) -> None:
        """Commits `events` and performs what follows until nothing is left to do.

        Raises Interrupted on SIGINT, SIGTERM or SIGHUP once every child is gone, JournalBroken and LockReplaced as they
        come: nothing is written after either.
        """
        stopped: list[int] = []
        try:
            async with anyio.create_task_group() as watchers:
                with anyio.CancelScope() as work:
                    watchers.start_soon(_stop_on_signal, work, stopped)
                    async with anyio.create_task_group() as performers:
                        for event in events:
                            await self._follow(event, performers)
                watchers.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            # Performers run side by side; the first failure ended the others and is the one to tell.
            raise _first(group) from group
        if stopped:
            raise Interrupted(stopped[0])

    async def leave(self, code: Exit) -> None:
        """Records that this invocation is over."""
        with anyio.CancelScope(shield=True):
            await self.record(e.InvocationEnded(invocation=self.invocation, code=int(code)))

    async def record(self, event: e.Event) -> tuple[Effect, ...]:
        """Commits one event: journal first, then the state; answers with the effects that may begin now."""
        async with self._order:
            with anyio.CancelScope(shield=True), self.recording():
                effects = await to_thread.run_sync(self._commit, event)
            self._moved.set()
            self._moved = anyio.Event()
        return effects

    def _commit(self, event: e.Event) -> tuple[Effect, ...]:
        moment = now()
        event = redaction.record(event)
        before = self.state
        after, effects = advance(before, event, moment)
        self.lock.check()
        if lasts(event):
            # What the record speaks of must not be lost while the record is kept.
            self.unsynced.sync()
        self.journal.append(moment, event)
        self.state = counted(after, event, self.journal.seq, self.journal.head)
        store.save(self.folder, self.state, durable=False)
        self.watch(before, event, self.state, moment)
        return effects

    async def _follow(self, event: e.Event, performers: TaskGroup) -> None:
        for effect in await self.record(event):
            performers.start_soon(self._carry_out, effect, performers)

    async def _carry_out(self, effect: Effect, performers: TaskGroup) -> None:
        await self._follow(await self.perform(effect, self._tell), performers)

    async def _tell(self, event: e.Event) -> None:
        """Commits what a performer tells meanwhile. Raises Overspent once waiting for others cannot help."""
        while True:
            moved = self._moved
            try:
                await self.record(event)
                return
            except Overspent as over:
                if not over.fits_later:
                    raise
            await moved.wait()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


async def _stop_on_signal(work: anyio.CancelScope, stopped: list[int]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        # A second signal changes nothing: who is impatient must not leave an agent behind that is being ended.
        async for number in signals:
            stopped.append(number)
            work.cancel()
