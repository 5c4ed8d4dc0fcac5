"""The one way out of a sandbox: CONNECT to a host and port that the policy names, and nothing else.

Not here: who may reach what; see `rules/policy.py`. The listening socket was made inside of the sandbox, so that what
connects to it comes from there; what this process connects to lies outside.
"""

import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import TypeVar

import anyio
from anyio.abc import SocketStream

from verger_kernel.process.enclosed import Enclosure

_HEAD_BYTES_MAX = 8192
_HEAD_WITHIN_S = 10.0
_CONNECT_WITHIN_S = 30.0
_CHUNK_BYTES = 1 << 16
_REQUEST = re.compile(
    rb"CONNECT ([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4}) HTTP/1\.[01]"
)

T = TypeVar("T")


class Refused(Exception):
    """A request that is not carried out; its text is the answer's first line."""


class Proxy:
    """Serves one sandbox. `hosts`, each `host:port`, are compared as they are written, but for case."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self.carried_bytes = 0
        """Of all connections together, both ways."""

    async def serve(self, listening: socket.socket) -> None:
        """Takes connections until it is cancelled."""
        listening.setblocking(False)
        async with anyio.create_task_group() as connections:
            while True:
                await anyio.wait_readable(listening)
                with suppress(OSError):
                    near, _ = listening.accept()
                    near.setblocking(False)
                    connections.start_soon(self._served, near)

    async def _served(self, near: socket.socket) -> None:
        with near, suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            try:
                far = await self._reached(await _head(near))
            except Refused as refusal:
                await _send(
                    near, f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            async with far:
                await _send(near, b"HTTP/1.1 200 Connection established\r\n\r\n")
                async with anyio.create_task_group() as ways:
                    ways.start_soon(self._outward, near, far)
                    await self._inward(far, near)
                    ways.cancel_scope.cancel()

    async def _reached(self, head: bytes) -> SocketStream:
        named = _REQUEST.fullmatch(head.split(b"\r\n", 1)[0])
        if not named:
            raise Refused("405 Only CONNECT host:port is carried out")
        host, port = named[1].decode().lower(), int(named[2])
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


async def _head(near: socket.socket) -> bytes:
    head = b""
    with anyio.move_on_after(_HEAD_WITHIN_S):
        while b"\r\n\r\n" not in head and len(head) <= _HEAD_BYTES_MAX:
            if not (data := await _receive(near)):
                break
            head += data
    if not head.endswith(b"\r\n\r\n") or head.count(b"\r\n\r\n") > 1:
        # What follows at once was meant for somebody else than the one who answers.
        raise Refused("400 A head of a request is wanted, and nothing after it before the answer")
    return head


async def _address(host: str, port: int) -> str:
    """Where `host` is: a name that somebody else keeps must not lead back to this machine."""
    with suppress(ValueError):
        return str(ip_address(host))
    if host == "localhost":
        return host
    for *_, found in await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        place = ip_address(found[0])
        if not (place.is_loopback or place.is_link_local or place.is_unspecified or place.is_multicast):
            return str(place)
    raise OSError("it has no address, or only such that lead back to this machine")


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
