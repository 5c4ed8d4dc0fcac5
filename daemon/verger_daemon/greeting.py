"""The first words between the daemon and a kernel that it started: who it is, then its key, then that it listens.

Not here: the kernel's half (`verger_kernel.supervised`). Until it has its key, a kernel makes nothing.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

import msgspec

from verger_probes.decoding import decoded
from verger_probes.identity import start_ticks
from verger_probes.rules.probe import Identity

PROTOCOL = "verger-kernel/1"
DEADLINE_S = 20.0
"""A busy machine may take seconds to start Python; a kernel that never greets must not be waited for for ever."""

_LINE_BYTES_MAX = 4096
_Said = TypeVar("_Said")


class GreetingFailed(Exception):
    """The kernel did not say what it must; `str()` says what came instead."""


class Hello(msgspec.Struct, frozen=True):
    """The kernel's first word."""

    hello: str
    version: str
    identity: Identity


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon's answer: what the kernel is to answer for, with which key, and where. `key` is hexadecimal.

    `others` are how many other runs the daemon has at work.
    """

    run_id: str
    invocation: str
    epoch: int
    key: str
    probe_socket: str
    others: int


class _Listening(msgspec.Struct, frozen=True):
    listening: bool


async def greet(sock: socket.socket, pid: int, charge: Callable[[Identity], Charge]) -> Identity:
    """Who the kernel `pid` is, once it listens. `charge` puts it on record before it answers: only then it matters.

    Raises GreetingFailed; the kernel, which never got its key or is of another kind, leaves by itself.
    """
    try:
        async with asyncio.timeout(DEADLINE_S):
            hello = _decoded(await _line(sock), Hello)
            _check(hello, pid)
            put = await asyncio.to_thread(charge, hello.identity)
            await asyncio.get_running_loop().sock_sendall(sock, msgspec.json.encode(put) + b"\n")
            if not _decoded(await _line(sock), _Listening).listening:
                raise GreetingFailed("it does not listen")
    except TimeoutError:
        raise GreetingFailed(f"it said nothing within {DEADLINE_S:g} s") from None
    except OSError as error:
        raise GreetingFailed(f"it broke off: {error}") from None
    return hello.identity


def _check(hello: Hello, pid: int) -> None:
    if hello.hello != PROTOCOL:
        raise GreetingFailed(f"it speaks {hello.hello!r} where {PROTOCOL!r} is spoken")
    if (hello.identity.pid, hello.identity.start_ticks) != (pid, start_ticks(pid)):
        raise GreetingFailed(f"it is not the process {pid} that was started")


async def _line(sock: socket.socket) -> bytes:
    """The next line. One at a time is in flight: nobody speaks before the other has answered."""
    found = b""
    while not found.endswith(b"\n"):
        more = await asyncio.get_running_loop().sock_recv(sock, _LINE_BYTES_MAX)
        if not more:
            raise GreetingFailed("it ended")
        found += more
        if len(found) > _LINE_BYTES_MAX:
            raise GreetingFailed("it said more than a line")
    return found


def _decoded(line: bytes, kind: type[_Said]) -> _Said:
    try:
        return decoded(line, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GreetingFailed(f"it said what is no {kind.__name__}: {error}") from None
