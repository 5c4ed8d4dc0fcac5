"""The one way out of a sandbox: to a host and port that the policy names, by CONNECT or a plain request of HTTP.

Not here: who may reach what; see `rules/policy.py`. The listening socket was made inside of the sandbox, so that what
connects to it comes from there; what this process connects to lies outside.
"""

import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

import anyio
from anyio.abc import SocketStream

from verger_kernel.process.enclosed import Enclosure

_HEAD_BYTES_MAX = 8192
_HEAD_WITHIN_S = 10.0
_CONNECT_WITHIN_S = 30.0
_CHUNK_BYTES = 1 << 16
_CONNECTIONS_MAX = 128
"""At once: each takes two descriptors of the kernel, and it needs some itself."""
_HOST = rb"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_CONNECT = re.compile(rb"CONNECT " + _HOST + rb":([1-9][0-9]{0,4}) HTTP/1\.[01]")
# To a service that speaks no TLS, as one on this machine does.
_PLAIN = re.compile(
    rb"([A-Z]{1,16}) http://" + _HOST + rb"(?::([1-9][0-9]{0,4}))?(/[^\x00-\x20#\x7f]*)? HTTP/1\.1"
)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_OF_THE_WAY = (b"host", b"connection", b"keep-alive", b"upgrade")
_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

T = TypeVar("T")


class Refused(Exception):
    """A request that is not carried out; its text is the answer's first line."""


class Wanted(NamedTuple):
    """What a request asks for. `passed_on` is what the far end is told first, empty where it is told nothing."""

    host: str
    port: int
    passed_on: bytes


class Proxy:
    """Serves one sandbox. `hosts`, each `host:port`, are compared as they are written, but for case."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self.carried_bytes = 0
        """Of all connections together, both ways."""

    async def serve(self, listening: socket.socket) -> None:
        """Takes connections until it is cancelled."""
        listening.setblocking(False)
        free = anyio.Semaphore(_CONNECTIONS_MAX)
        async with anyio.create_task_group() as connections:
            while True:
                await free.acquire()
                await anyio.wait_readable(listening)
                try:
                    near, _ = listening.accept()
                except OSError:
                    free.release()
                    continue
                near.setblocking(False)
                connections.start_soon(self._served, near, free)

    async def _served(self, near: socket.socket, free: anyio.Semaphore) -> None:
        try:
            await self._serve_one(near)
        finally:
            free.release()

    async def _serve_one(self, near: socket.socket) -> None:
        with near, suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            try:
                wanted = _wanted(*await _head(near))
                far = await self._reached(wanted)
            except Refused as refusal:
                await _send(
                    near, f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            async with far:
                if wanted.passed_on:
                    self.carried_bytes += len(wanted.passed_on)
                    await far.send(wanted.passed_on)
                else:
                    await _send(near, b"HTTP/1.1 200 Connection established\r\n\r\n")
                async with anyio.create_task_group() as ways:
                    ways.start_soon(self._outward, near, far)
                    await self._inward(far, near)
                    ways.cancel_scope.cancel()

    async def _reached(self, wanted: Wanted) -> SocketStream:
        host, port = wanted.host, wanted.port
        if f"{host}:{port}" not in self._hosts:
            raise Refused(f"403 The policy does not name {host}:{port} in sandbox_hosts")
        try:
            with anyio.fail_after(_CONNECT_WITHIN_S):
                return await anyio.connect_tcp(await _address(host.strip("[]"), port), port)
        except (OSError, TimeoutError) as error:
            raise Refused(f"502 {host}:{port} cannot be reached: {type(error).__name__}") from None

    async def _outward(self, near: socket.socket, far: SocketStream) -> None:
        while data := await _receive(near):
            self.carried_bytes += len(data)
            await far.send(data)
        await far.send_eof()

    async def _inward(self, far: SocketStream, near: socket.socket) -> None:
        with suppress(anyio.EndOfStream):
            while True:
                data = await far.receive(_CHUNK_BYTES)
                self.carried_bytes += len(data)
                await _send(near, data)


def _wanted(head: bytes, rest: bytes) -> Wanted:
    """What the head of a request asks for, `rest` being what came after it. Raises Refused."""
    if _CONTROL.search(head.replace(b"\r\n", b"")):
        # Somebody else may take it for the end of a line, and what follows for another request.
        raise Refused("400 A control character stands in the head")
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    if named := _CONNECT.fullmatch(first):
        if rest:
            # What follows at once was meant for somebody else than the one who answers.
            raise Refused("400 Nothing may follow CONNECT before it is answered")
        return Wanted(named[1].decode().lower(), int(named[2]), b"")
    plain = _PLAIN.fullmatch(first)
    if not plain:
        raise Refused("405 Only CONNECT host:port, or a request of an http:// address, is carried out")
    method, host, port, path = plain.groups()
    names = [line.partition(b":")[0] for line in lines]
    if not all(map(_NAME.fullmatch, names)):
        raise Refused("400 A line of the head is no header")
    kept = [
        line
        for line, name in zip(lines, names, strict=True)
        if name.lower() not in _OF_THE_WAY and not name.lower().startswith(b"proxy-")
    ]
    # One request for each connection: the next one may be for another host.
    own = (b"Host: " + host + (b":" + port if port else b""), b"Connection: close")
    told = b"\r\n".join((method + b" " + (path or b"/") + b" HTTP/1.1", *own, *kept, b"", rest))
    return Wanted(host.decode().lower(), int(port or 80), told)


async def _head(near: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request, and what came after it already. Raises Refused."""
    head = b""
    with anyio.move_on_after(_HEAD_WITHIN_S):
        while b"\r\n\r\n" not in head and len(head) <= _HEAD_BYTES_MAX:
            if not (data := await _receive(near)):
                break
            head += data
    whole, end, rest = head.partition(b"\r\n\r\n")
    if not end or len(whole) > _HEAD_BYTES_MAX:
        raise Refused("400 The head of a request is wanted")
    return whole + end, rest


async def _address(host: str, port: int) -> str:
    """Where `host` is: a name that somebody else keeps must not lead back to this machine."""
    with suppress(ValueError):
        return str(ip_address(host))
    if host == "localhost":
        return host
    for *_, found in await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        place = ip_address(found[0])
        place = getattr(place, "ipv4_mapped", None) or place
        if not (
            place.is_loopback
            or place.is_link_local
            or place.is_unspecified
            or place.is_multicast
            or _is_own(str(place))
        ):
            return str(place)
    raise OSError("it has no address, or only such that lead back to this machine")


def _is_own(place: str) -> bool:
    """Whether this machine has the address `place`: only then can something be bound to it."""
    with socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((place, 0))
        except OSError:
            return False
        return True


async def _receive(near: socket.socket) -> bytes:
    while True:
        try:
            return near.recv(_CHUNK_BYTES)
        except BlockingIOError:
            await anyio.wait_readable(near)


async def _send(near: socket.socket, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[near.send(left) :]
        except BlockingIOError:
            await anyio.wait_writable(near)


async def served(proxy: Proxy, enclosure: Enclosure, job: Callable[[], Awaitable[T]]) -> T:
    """What `job` answers, its sandbox served meanwhile."""
    failed: Exception | None = None
    async with anyio.create_task_group() as serving:
        serving.start_soon(_serve, proxy, enclosure)
        try:
            answer = await job()
        except Exception as error:
            # Out of the group by hand: it would wrap the error in a group of its own.
            failed = error
        serving.cancel_scope.cancel()
    if failed:
        raise failed
    return answer


async def _serve(proxy: Proxy, enclosure: Enclosure) -> None:
    while enclosure.listening is None:
        await anyio.wait_readable(enclosure.fileno)
        if not enclosure.hear():
            return
    await proxy.serve(enclosure.listening)
