"""How a command waits for what must be done on an event loop: on one of its own, or on that of a supervised kernel.

Not here: that kernel's two threads; see `threads.py`. Commands import this, so it imports little.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple, Unpack

from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import shown
from verger_probes.exits import Exit

if TYPE_CHECKING:
    from verger_kernel.supervised.at_work import AtWork
    from verger_kernel.supervised.greeting import Orders

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Supervised(Protocol):
    """What a command may know of the daemon's orders, while it works for a daemon."""

    @property
    def orders(self) -> "Orders":
        """For which run and invocation."""
        ...

    @property
    def at_work(self) -> "AtWork":
        """Where it writes down what it is at."""
        ...

    def on_loop(self, call: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]], *args: *Ts) -> T:
        """What the coroutine comes to on the loop that answers."""
        ...


_supervised: list[Supervised] = []
"""One or none: a process is supervised from its start to its end."""


def supervised() -> Supervised | None:
    """The orders that this process is under; None for a kernel that a person started."""
    return _supervised[0] if _supervised else None


def begin(orders: Supervised) -> None:
    """From now on this process is supervised."""
    assert not _supervised
    _supervised.append(orders)


def refuse_other_than(run_id: str) -> None:
    """Raises CommandError when this process is supervised and `run_id` is not the run that the daemon means."""
    here = supervised()
    if here and here.orders.run_id != run_id:
        what = f"the daemon means run {shown(here.orders.run_id)}, and the command line names {run_id}"
        raise CommandError(what, "start it with the id of one run", Exit.USAGE)


async def off_loop(call: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
    """What `call(*args)` comes to in a thread; it is waited for even if this is cancelled meanwhile.

    For all that can take longer than a peer should wait for an answer.
    """
    import anyio

    answers: list[T] = []
    failed: list[Exception] = []

    async def work() -> None:
        try:
            answers.append(await anyio.to_thread.run_sync(call, *args))
        except Exception as error:
            # Out of the group by hand: it would wrap the error in a group of its own.
            failed.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
    if failed:
        raise failed[0]
    return answers[0]


def awaited(call: Callable[[Unpack[Ts]], Coroutine[Any, Any, T]], *args: *Ts) -> T:
    """What `call(*args)` comes to; this thread waits for it. A signal that interrupts it raises KeyboardInterrupt."""
    here = supervised()
    if here:
        return here.on_loop(call, *args)
    # Imported here: not every command needs a loop.
    import anyio

    return anyio.run(call, *args)
