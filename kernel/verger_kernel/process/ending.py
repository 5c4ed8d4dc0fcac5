"""How processes are ended: asked first, then killed, until none is left.

Not here: which processes; see `tree.py`.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import anyio

from verger_kernel.process import table
from verger_kernel.process.table import Row

GRACE_S = 2.0
"""From SIGTERM to SIGKILL: enough for a git or an agent to take its lock files away, and no long wait."""

_PATIENCE_S = 10.0
# What SIGKILL has not ended by then sleeps in the disk or is another user's: waiting longer changes nothing.
_PAUSES_S = (0.005, 0.01, 0.02, 0.05)


class Unendable(Exception):
    """A process that outlived SIGKILL: which one, whose it is, and the way out."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


async def end(
    find: Callable[[], list[Row]],
    *,
    whose: str,
    grace_s: float = GRACE_S,
    kill: Iterable[Callable[[], None]] = (),
) -> set[tuple[int, int]]:
    """Ends every process that `find` finds, until it finds none twice. Returns their identities.

    `find` lists the living, each of `kill` kills many at once when grace is over; both run in threads. Raises
    Unendable after 10 s of SIGKILL.
    """
    kill = tuple(kill)
    began = anyio.current_time()
    asked: set[tuple[int, int]] = set()
    empty = turn = 0
    # Twice: a process that forked while /proc was being listed may have been seen, and its child not.
    while empty < 2:
        found = await anyio.to_thread.run_sync(find)
        empty = 0 if found else empty + 1
        waited_s = anyio.current_time() - began
        if found and waited_s > grace_s + _PATIENCE_S:
            raise _unendable(found, whose)
        if waited_s < grace_s:
            send(signal.SIGTERM, (row for row in found if row.identity not in asked))
        elif found:
            for at_once in kill:
                await anyio.to_thread.run_sync(at_once)
            send(signal.SIGKILL, found)
        asked.update(row.identity for row in found)
        if found:
            await anyio.sleep(_PAUSES_S[min(turn, len(_PAUSES_S) - 1)])
            turn += 1
    return asked


def send(number: signal.Signals, to: Iterable[Row]) -> None:
    """Signals each process of `to` that still is the one that was seen."""
    for row in to:
        # Who is gone needs no signal; who may not be signalled is named when patience ends.
        with suppress(ProcessLookupError, PermissionError):
            _send(number, row)


def _send(number: signal.Signals, row: Row) -> None:
    with pinned(row.pid) as pidfd:
        # Compared after the descriptor is open: from then on it cannot come to mean another process.
        now = table.row(row.pid)
        if now is None or now.identity != row.identity:
            return
        if pidfd is None:
            os.kill(row.pid, number)
        else:
            signal.pidfd_send_signal(pidfd, number)


@contextmanager
def pinned(pid: int) -> Iterator[int | None]:
    """A pidfd of the process; None where the system has none. Raises ProcessLookupError."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:  # before Linux 5.3, or refused by a container
        yield None
        return
    try:
        yield pidfd
    finally:
        os.close(pidfd)


def _unendable(found: list[Row], whose: str) -> Unendable:
    shown = ", ".join(f"{row.pid} ({row.name})" for row in found[:5])
    if len(found) > 5:
        shown += f" and {len(found) - 5} more"
    return Unendable(
        f"Cannot end all processes of {whose}: {shown} outlived SIGKILL for {_PATIENCE_S:.0f} s",
        "end them yourself, as their user or root, or mend the disk that they wait for; then resume",
    )
