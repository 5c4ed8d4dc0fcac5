"""Who is at the other end of a connection: the system's word for it, and whether it belongs to a run.

Not here: what is refused to whom; see `server.py`. Linux: what this rests on, other systems do not tell.
"""

import errno
import os
import select
import socket
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from verger_probes.identity import boottime_ns, start_ticks

RUN_MARKER = "VERGER_RUN"
"""What the kernel puts into the environment of all that it starts."""

_CREDENTIALS = struct.Struct("iII")
_SO_PEERPIDFD = 77
_WALKS = 3
_NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Peer:
    """The process that made a connection. It may have left it to another one since, or have ended."""

    def __init__(self, connected: socket.socket, supervised: Callable[[], Collection[int]]) -> None:
        self.pid, self.uid, _ = _CREDENTIALS.unpack(
            connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        self._connected = connected
        self._supervised = supervised
        self._since_ns = boottime_ns()
        self._belongs: str | None = None

    @property
    def belongs(self) -> str:
        """Why it must be taken for a process of a run; empty when it belongs to none. Found out once."""
        if self._belongs is None:
            self._belongs = self._found()
        return self._belongs

    def _found(self) -> str:
        if self.pid == os.getpid():
            return ""
        if self.pid == 0:
            return "its process cannot be seen from here"
        try:
            handle = _pidfd(self._connected)
        except OSError:
            return "the process that connected has ended"
        if handle is None:
            belongs = belongs_to_run(self.pid, self._supervised())
            recycled = start_ticks(self.pid) * _NS_PER_TICK > self._since_ns
            return "the process that connected has ended" if recycled else belongs
        try:
            belongs = belongs_to_run(self.pid, self._supervised())
            # It lives, so the number was its own all the time.
            return belongs if _lives(handle) else "the process that connected has ended"
        finally:
            os.close(handle)


def belongs_to_run(pid: int, supervised: Collection[int]) -> str:
    """Why process `pid` must be taken for one of a run; empty when nothing says so.

    It is one when it or one of its parents is `supervised`, is this daemon, shares a session with a supervised process,
    or bears RUN_MARKER; also when its parents cannot be told. Kernels and the daemon adopt orphans, so two forks and a
    session of its own lead nowhere else. A marker that the daemon itself was started with says nothing.
    """
    for _ in range(_WALKS):
        try:
            return _walked(pid, supervised, _markers(os.getpid()))
        except ProcessLookupError:
            # A parent ended meanwhile: its children have another one now.
            continue
    return "its parents cannot be told"


class _Row(NamedTuple):
    parent: int
    session: int


def _walked(pid: int, supervised: Collection[int], known: set[bytes]) -> str:
    row = _row(pid)
    while True:
        if pid == os.getpid():
            return "it descends from the daemon"
        if pid in supervised or row.session in supervised:
            return f"it descends from a supervised kernel, through pid {pid}"
        if _markers(pid) - known:
            return f"it bears {RUN_MARKER}, through pid {pid}"
        if row.parent == 0:
            return ""
        parent = _row(row.parent)
        # While it still is the parent, its number was nobody else's.
        if _row(pid).parent != row.parent:
            raise ProcessLookupError
        pid, row = row.parent, parent


def _row(pid: int) -> _Row:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        raise ProcessLookupError from None
    # The command name, in parentheses, may hold spaces and parentheses itself.
    fields = stat.rpartition(b")")[2].split()
    return _Row(int(fields[1]), int(fields[3]))


def _markers(pid: int) -> set[bytes]:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # another user's, or one that hides its memory: it proves nothing
        return set()
    marker = f"{RUN_MARKER}=".encode()
    return {one for one in environ.split(b"\0") if one.startswith(marker)}


def _pidfd(connected: socket.socket) -> int | None:
    """A handle of the process that connected; None where the system gives none. Raises OSError when it ended."""
    try:
        return connected.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        if error.errno == errno.ENOPROTOOPT:
            return None
        raise


def _lives(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return not poll.poll(0)
