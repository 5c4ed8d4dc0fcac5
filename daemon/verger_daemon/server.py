"""The daemon's socket, and who is let in: so many connections, of our own user alone.

Not here: a connection (`connections.py`), the file of the socket (`listening.py`), what methods do (the handlers).
"""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from verger_daemon.connections import Connection, Failed, Handler, Limits, Service
from verger_daemon.listening import BACKLOG, Listening, listen
from verger_daemon.peers import Peer
from verger_daemon.protocol import errors
from verger_daemon.protocol.errors import RpcError
from verger_daemon.protocol.messages import InitializeParams, InitializeResult
from verger_daemon.protocol.methods import INITIALIZE
from verger_daemon.protocol.session import greet
from verger_probes.version import VERSION

LIMITS = Limits()
_READ_BYTES = 1 << 16


class Server:
    """Serves `handlers`, by the names of their methods, at the socket `path`; those without one are not there.

    `supervised` gives the pids of kernels, whose descendants may only ping; `failed` is told of handlers that failed.
    `lent` is a socket that listens already. Connections of process `itself` are let in however many there are, and
    are nobody's questions: so the daemon finds out whether it can be reached.
    """

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        *,
        supervised: Callable[[], Collection[int]],
        failed: Failed,
        lent: Listening | None = None,
        itself: int = 0,
        limits: Limits = LIMITS,
    ) -> None:
        self.path = path
        self.connections: set[Connection] = set()
        self._itself = itself
        self._own: set[Connection] = set()
        self._limits = limits
        self._service = Service(
            handlers={INITIALIZE: self._greet, **handlers},
            limits=limits,
            buffer=memoryview(bytearray(_READ_BYTES)),
            failed=failed,
            enter=self._enter,
            over=self._over,
            supervised=supervised,
        )
        self._listening: Listening | None = lent
        self._server: asyncio.Server | None = None
        self._asked_s = 0.0

    async def start(self) -> None:
        """Listens. Raises SocketRefused, with the reason and the way out."""
        self._asked_s = asyncio.get_running_loop().time()
        await self._serve(self._listening or listen(self.path))

    async def check(self) -> bool:
        """Listens again when the socket's file vanished or is another one; whether that was needed.

        Raises SocketRefused when what stands there now is not to be replaced. Connections that are there stay.
        """
        if self._server is None or self._listening is None or self._listening.is_in_place():
            return False
        former = self._server
        await self._serve(self._listening.again())
        former.close()
        return True

    async def close(self, *, grace_s: float = 1.0) -> None:
        """Lets nobody in any more, answers what is under way for as long as `grace_s`, and ends."""
        if self._listening:
            self._listening.remove()
        if self._server:
            self._server.close()
        self._server = self._listening = None
        for connection in [*self.connections, *self._own]:
            connection.leave()
        until_s = asyncio.get_running_loop().time() + grace_s
        while (self.connections or self._own) and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(0.005)
        for connection in [*self.connections, *self._own]:
            connection.abort()
        # An aborted connection is gone in the next turn of the loop.
        await asyncio.sleep(0)

    @property
    def asked_s(self) -> float:
        """When anybody last asked for anything, by the clock of the loop: what idleness is counted from."""
        return max((self._asked_s, *(connection.asked_s for connection in self.connections)))

    async def _serve(self, listening: Listening) -> None:
        self._listening = listening
        # Not create_unix_server: from Python 3.13 on that takes the file away in the end, and it may not be ours.
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._service), sock=listening.socket, backlog=BACKLOG
        )

    def _enter(self, connection: Connection, peer: Peer) -> None:
        if peer.uid != os.getuid():
            what = f"Cannot serve pid {peer.pid}: it runs as the user {peer.uid}, and this daemon as {os.getuid()}"
            connection.turn_away(RpcError(errors.FOREIGN_PEER, what, "start a daemon of your own"))
        elif peer.pid == self._itself:
            self._own.add(connection)
        elif len(self.connections) >= self._limits.connections and not self._made_place():
            what = f"Cannot serve pid {peer.pid}: all {self._limits.connections} connections are in use"
            connection.turn_away(RpcError(errors.TOO_MANY, what, "close some, or try again in a minute"))
        else:
            self.connections.add(connection)

    def _made_place(self) -> bool:
        """Ends the connection that was idle for longest, if any was for long enough."""
        idle = [connection for connection in self.connections if connection.is_idle]
        first = min(idle, key=lambda connection: connection.asked_s, default=None)
        if first is None or asyncio.get_running_loop().time() - first.asked_s < self._limits.idle_s:
            return False
        self._over(first)
        what = f"Cannot keep the connection: nothing was asked for {self._limits.idle_s:g} s, and others wait"
        first.turn_away(RpcError(errors.TOO_MANY, what, "connect again"))
        return True

    def _over(self, connection: Connection) -> None:
        if connection in self._own:
            self._own.discard(connection)
            return
        self._asked_s = max(self._asked_s, connection.asked_s)
        self.connections.discard(connection)

    def _greet(self, params: InitializeParams, peer: Peer) -> InitializeResult:
        return greet(params, self._service.handlers, VERSION)
