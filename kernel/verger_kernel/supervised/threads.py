"""The two threads of a supervised kernel: the main one answers on its loop, a second one carries out the command.

Not here: what is answered and done. Signals come to the main thread, and so does what must be on a loop to hear them.
"""

import asyncio
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple, Unpack

from verger_kernel.errors import CommandError
from verger_kernel.supervised import working
from verger_kernel.supervised.answering import Answering, ProbeSocket
from verger_kernel.supervised.at_work import AtWork
from verger_kernel.supervised.greeting import Greeting, Orders
from verger_probes.exits import Exit
from verger_probes.identity import boot_id, pid_namespace, start_ticks
from verger_probes.rules.probe import Identity

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOOK_S = 2.0
"""How often it is looked whether the socket is still to be found."""
SWITCH_S = 0.001
"""How long a thread may keep the loop from Python: an answer needs several turns, and Python's own 5 ms are long."""


def carry_out(descriptor: str, command: Callable[[], int]) -> int:
    """The exit code of `command`, which works in a thread while this one answers the daemon behind `descriptor`.

    Raises CommandError when it cannot be supervised: nothing was begun then.
    """
    if sys.platform != "linux":
        raise CommandError("only Linux can supervise a kernel", "run it alone", Exit.ENVIRONMENT)
    greeting = Greeting(descriptor)
    pid = os.getpid()
    identity = Identity(
        pid=pid, start_ticks=start_ticks(pid), boot_id=boot_id(), pid_namespace=pid_namespace()
    )
    orders = greeting.exchanged(identity)
    probe = ProbeSocket(orders.probe_socket)
    loop = asyncio.new_event_loop()
    try:
        threads = Threads(loop, orders, command)
        working.begin(threads)
        return threads.carried_out(probe, identity, greeting)
    finally:
        loop.close()
        probe.close()


class Threads:
    """The loop in this thread, and the command in the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, orders: Orders, command: Callable[[], int]) -> None:
        self.orders = orders
        self.at_work = AtWork()
        self._loop = loop
        self._command = command
        self._over = loop.create_future()
        self._waiting: asyncio.Task[Any] | None = None
        self._worker = threading.Thread(target=self._work, name="command", daemon=True)

    def carried_out(self, probe: ProbeSocket, identity: Identity, greeting: Greeting) -> int:
        """The command's exit code, once it is over; until then every challenge is answered."""
        sys.setswitchinterval(SWITCH_S)
        answering = Answering(self.orders, identity, self.at_work)
        main = self._loop.create_task(self._answer(answering, probe, greeting))
        while True:
            try:
                return self._loop.run_until_complete(main)
            except KeyboardInterrupt:
                # Between two that listen for signals Python itself does.
                if main.done():
                    raise
                self._interrupt()

    async def _answer(self, answering: Answering, probe: ProbeSocket, greeting: Greeting) -> int:
        self._listen_for_interrupts()
        self.at_work.moved = lambda seq: self._say(answering.hint, seq)
        server = await self._loop.create_unix_server(answering.peer, sock=probe.socket)
        greeting.say_listening()
        self._worker.start()
        looks = self._loop.create_task(self._keep_listening(answering, probe))
        try:
            return int(await self._over)
        finally:
            looks.cancel()
            server.close()
            answering.close()

    async def _keep_listening(self, answering: Answering, probe: ProbeSocket) -> None:
        """Listens anew where the name of the socket vanished, as a session's folder does when its user leaves."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not probe.is_in_place:
                with suppress(CommandError, OSError):
                    await self._loop.create_unix_server(answering.peer, sock=probe.again())

    def _work(self) -> None:
        try:
            code = self._command()
        except BaseException as error:
            self._say(self._over.set_exception, error)
        else:
            self._say(self._over.set_result, code)

    def _say(self, call: Callable[..., object], value: object) -> None:
        # The loop is closed only when this process is about to end.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, value)

    def on_loop(self, call: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]], *args: *Ts) -> T:
        """What the coroutine comes to on the main thread's loop. For the thread of the command."""
        import anyio

        # For its backend, which is imported with the first call: a long import has no place on the loop that answers.
        anyio.run(anyio.sleep, 0)
        coroutine = self._waited_for(call(*args))
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except CancelledError:
            raise KeyboardInterrupt from None

    async def _waited_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        self._waiting = asyncio.current_task()
        try:
            return await coroutine
        finally:
            self._waiting = None
            # Whoever heard the signals meanwhile left them to Python.
            self._listen_for_interrupts()

    def _listen_for_interrupts(self) -> None:
        self._loop.add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        if self._waiting:
            self._waiting.cancel()
        elif self._worker.ident:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._worker.ident), ctypes.py_object(KeyboardInterrupt)
            )
