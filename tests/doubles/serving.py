"""The real server on a loop in a thread, and raw clients beside it.

Not here: a daemon that is a process; see `toy_daemon.py`.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from verger_daemon.connections import Handler, Limits
from verger_daemon.events import Hub
from verger_daemon.peers import Peer
from verger_daemon.protocol.messages import EventsParams, ListParams, Nothing, PingParams, TextResult
from verger_daemon.server import Server

_T = TypeVar("_T")
DEADLINE_S = 20


@dataclass
class Serving:
    """A server that serves. `failures` are the handlers that failed."""

    server: Server
    hub: Hub
    loop: asyncio.AbstractEventLoop
    gate: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)

    def does(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Carries `work` out on the loop of the server, and gives its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(DEADLINE_S)

    def publish(self, count: int, *, at_once: int = 100, text: str = "") -> None:
        """Publishes so many events, a few in each turn of the loop."""

        async def published() -> None:
            for number in range(count):
                self.hub.publish("test.event", f"R_{number % 2}", number=number, text=text)
                if number % at_once == 0:
                    await asyncio.sleep(0)

        self.does(published())

    def client(self) -> "Client":
        """Who has just connected."""
        return Client(self.server.path)


class Client:
    """A raw connection that reads lines. A context manager."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.settimeout(DEADLINE_S)
        self._lines = self.socket.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def say(self, method: str, **members: object) -> None:
        """Sends one message."""
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "method": method, **members}).encode() + b"\n")

    def hear(self) -> Any:
        """The next message; None at the end."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def asks(self, method: str, **params: object) -> Any:
        """The answer to one request."""
        self.say(method, id=1, params=params)
        return self.hear()


@contextmanager
def serving(folder: Path, limits: Limits | None = None, **handlers: Handler) -> Iterator[Serving]:
    """A server below `folder`. `run_list` for run.list, and so on, replace or add handlers."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    hub = Hub(7, lambda: 0)
    failures: list[str] = []
    table: dict[str, Handler] = {
        "daemon.ping": ping,
        "daemon.status": later,
        "events.subscribe": lambda params, _: subscribe(hub, params),
        **{name.replace("_", ".", 1): handler for name, handler in handlers.items()},
    }
    server = Server(
        folder / "verger" / "vergerd.sock",
        table,
        supervised=lambda: (),
        failed=lambda name, error: failures.append(f"{name}: {error}"),
        limits=limits or Limits(),
    )
    made = Serving(server, hub, loop, failures=failures)
    try:
        made.does(server.start())
        yield made
        made.does(server.close(grace_s=0.2))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_S)
        loop.close()


def ping(params: PingParams, _: Peer) -> TextResult:
    """What was asked."""
    return TextResult(text=params.nonce)


async def later(_: Nothing, __: Peer) -> TextResult:
    """An answer that comes a turn later."""
    await asyncio.sleep(0)
    return TextResult(text="later")


def subscribe(hub: Hub, params: EventsParams) -> Any:
    """The events that are wanted."""
    return hub.subscribe(run=params.run, since=params.since, epoch=params.epoch)


def fails(_: ListParams, __: Peer) -> TextResult:
    """Nothing: it breaks."""
    raise ValueError("broken on purpose")


def requests(count: int, method: str = "daemon.ping", *, first: int = 0) -> bytes:
    """So many requests, one after the other."""
    line = '{"jsonrpc":"2.0","id":%d,"method":"%s"}\n'
    return "".join(line % (number, method) for number in range(first, first + count)).encode()
