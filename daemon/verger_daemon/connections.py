"""One connection to the daemon: its calls in turn, its answers in one write, its events as it has room for them.

Not here: what a line means (`protocol/session.py`), and letting connections in (`server.py`).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NamedTuple, cast

from verger_daemon.events import Lagging, Stream
from verger_daemon.peers import Peer
from verger_daemon.protocol import errors
from verger_daemon.protocol.errors import RpcError
from verger_daemon.protocol.messages import Message
from verger_daemon.protocol.methods import PING
from verger_daemon.protocol.session import Call, Session

Encoded = bytes
"""A result that is JSON already."""
Answer = Message | Encoded | Stream
Handler = Callable[[Any, Peer], Answer | Awaitable[Answer]]
"""What carries a method out, from its params and who asks. May raise RpcError; all else is a failure of the daemon."""
Failed = Callable[[str, BaseException], None]
"""Told of a handler that failed: the method, and what it raised."""


class Limits(NamedTuple):
    """What one connection may take from the others, and all of them from the machine."""

    connections: int = 256
    idle_s: float = 60
    """After how long without a request a connection makes place for a new one when all are taken."""
    under_way: int = 64
    """Calls of one connection that are carried out at once; the next is read when one was answered."""
    turn_calls: int = 64
    turn_bytes: int = 1 << 18
    """What one connection gets in one turn of the loop, before others get theirs."""
    unread_bytes: int = 1 << 16
    """Beyond so much that a peer has not read, nothing is done for it."""
    stalled_s: float = 10
    """After how long of that it is dropped."""


class Service(NamedTuple):
    """What all connections share. `buffer` is read into; `enter` judges a new connection, `over` is told of its end."""

    handlers: Mapping[str, Handler]
    limits: Limits
    buffer: memoryview
    failed: Failed
    enter: Callable[["Connection", Peer], None]
    over: Callable[["Connection"], None]
    supervised: Callable[[], Collection[int]]


class Connection(asyncio.BufferedProtocol):
    """One connection, from its first moment to its end."""

    def __init__(self, service: Service) -> None:
        self._service, self._limits, self._handlers = service, service.limits, service.handlers
        self._buffer = service.buffer
        self._session = Session(service.handlers)
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Future[Answer]] = set()
        self._stream: Stream | None = None
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._is_full = self._is_due = self._is_paused = self._is_cleared = False
        self.asked_s = self._loop.time()
        """When it last sent anything, by the clock of the loop."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Finds out who is there, and has it judged."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._limits.unread_bytes)
        connected = cast(socket.socket, transport.get_extra_info("socket"))
        self._peer = Peer(connected, self._service.supervised)
        self._service.enter(self, self._peer)

    def turn_away(self, error: RpcError) -> None:
        """Says `error` and ends."""
        self._write(self._session.failed(None, error))
        self.leave()

    def leave(self) -> None:
        """Reads no more, and ends as soon as what is under way was answered."""
        self._session.is_closed = True
        if self._transport is None:
            return
        self._transport.pause_reading()
        if not self._under_way:
            if self._transport.get_write_buffer_size():
                self._watch_stall()
            self._transport.close()

    def abort(self) -> None:
        """Ends at once, whatever was not sent yet."""
        if self._transport:
            self._transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and no events are wanted."""
        return not self._under_way and self._stream is None

    def get_buffer(self, sizehint: int) -> memoryview:
        """What is read into, by all connections one after the other: it is used up before the next one reads."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Carries out what came."""
        self._session.feed(bytes(self._buffer[:nbytes]))
        self.asked_s = self._loop.time()
        self._turn()

    def eof_received(self) -> bool:
        """The peer has said all; what it asked for is answered still, but no events are sent."""
        self._write(self._session.end())
        self.leave()
        return True

    def pause_writing(self) -> None:
        """The peer does not read: it gets nothing until it does, and some time for that."""
        self._is_full = True
        self._watch_stall()

    def resume_writing(self) -> None:
        """The peer read."""
        self._is_full = False
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None
        self._turn_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets everything go. What is under way goes on, for it may have begun to change something."""
        self._transport = None
        self._session.is_closed = True
        if self._stalled:
            self._stalled.cancel()
        self._unsubscribe()
        self._service.over(self)

    def _turn(self) -> None:
        """Carries out what is there, within the limits of a turn, and sends all that came of it at once."""
        self._is_due = False
        answers: list[bytes] = []
        size, take, limits = 0, self._session.take, self._limits
        more = True
        # Nothing is begun before the peer has read, or while as much is under way as may be.
        while not self._is_full and len(self._under_way) < limits.under_way:
            found = take()
            if found is None:
                more = False
                break
            answer = found if type(found) is bytes else self._carry_out(cast(Call, found))
            answers.append(answer)
            size += len(answer)
            if len(answers) >= limits.turn_calls or size >= limits.turn_bytes:
                self._turn_soon()
                break
        if answers:
            self._write(b"".join(answers))
        self._after_turn(more=more)

    def _after_turn(self, *, more: bool) -> None:
        if self._transport is None:
            return
        if self._session.is_closed:
            self.leave()
            return
        if self._stream and not self._is_full:
            self._send_events(self._stream)
        # What is not read stays in the system's own buffer, and stops the peer.
        if more and not self._is_paused:
            self._transport.pause_reading()
        elif self._is_paused and not more:
            self._transport.resume_reading()
        self._is_paused = more

    def _turn_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._turn)

    def _carry_out(self, call: Call) -> bytes:
        name = call.method.name
        try:
            if not self._is_cleared and name != PING:
                self._clear(name)
            assert self._peer is not None
            answer = self._handlers[name](call.params, self._peer)
        except Exception as error:
            return self._refused(call, error)
        if type(answer) is bytes or isinstance(answer, (Message, Stream)):
            return self._replied(call, answer)
        future = asyncio.ensure_future(cast(Awaitable[Answer], answer))
        self._session.postpone(call)
        self._under_way.add(future)
        future.add_done_callback(lambda done: self._is_done(call, done))
        return b""

    def _clear(self, name: str) -> None:
        """Lets the peer call what a process of a run may not. Raises RpcError."""
        assert self._peer is not None
        if self._peer.belongs:
            what = f"Cannot call {name} for pid {self._peer.pid}: {self._peer.belongs}"
            raise RpcError(errors.SUPERVISED_PEER, what, f"a process of a run may only call {PING}")
        self._is_cleared = True

    def _is_done(self, call: Call, done: "asyncio.Future[Answer]") -> None:
        self._under_way.discard(done)
        try:
            answer = self._replied(call, done.result())
        except asyncio.CancelledError:
            return
        except Exception as error:
            answer = self._refused(call, error)
        self._write(answer)
        self._turn_soon()

    def _replied(self, call: Call, answer: Answer) -> bytes:
        if isinstance(answer, Stream):
            self._subscribe(answer)
            answer = answer.opened
        return self._session.replied(call, answer)

    def _refused(self, call: Call, error: Exception) -> bytes:
        if not isinstance(error, RpcError):
            self._service.failed(call.method.name, error)
            what = f"Cannot finish {call.method.name}: the daemon itself failed"
            error = RpcError(errors.INTERNAL_ERROR, what, "its log says more")
        return self._session.refused(call, error)

    def _subscribe(self, stream: Stream) -> None:
        self._unsubscribe()
        if self._transport:
            self._stream = stream
            stream.wake = self._turn_soon
            self._turn_soon()

    def _unsubscribe(self) -> None:
        if self._stream:
            self._stream.close()
            self._stream = None

    def _send_events(self, stream: Stream) -> None:
        try:
            lines = stream.take(self._limits.unread_bytes)
        except Lagging:
            self.abort()
            return
        if lines:
            self._write(lines)
            self._turn_soon()

    def _write(self, data: bytes) -> None:
        if data and self._transport:
            self._transport.write(data)

    def _watch_stall(self) -> None:
        if self._stalled is None:
            self._stalled = self._loop.call_later(self._limits.stalled_s, self.abort)
