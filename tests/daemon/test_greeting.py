"""The first words between daemon and kernel: only the process that was started gets a key, and only once on record."""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from verger_daemon import greeting
from verger_daemon.greeting import Charge, GreetingFailed, greet
from verger_probes.identity import boot_id, start_ticks
from verger_probes.rules.probe import Identity

ME = Identity(pid=os.getpid(), start_ticks=start_ticks(os.getpid()), boot_id=boot_id(), pid_namespace=1)


def hello(**changes: object) -> bytes:
    """What a kernel says first, this process being the kernel."""
    identity = {name: getattr(ME, name) for name in ME.__struct_fields__}
    said = {"hello": "verger-kernel/1", "version": "1", "identity": identity}
    identity |= {name: value for name, value in changes.items() if name in identity}
    return json.dumps(said | {"hello": changes.get("hello", said["hello"])}).encode() + b"\n"


async def greeted(kernel: Callable[[socket.socket], None]) -> tuple[Identity, list[Identity]]:
    """Who greeted, and who was charged with a key."""
    charged: list[Identity] = []

    def charge(identity: Identity) -> Charge:
        charged.append(identity)
        return Charge(run_id="R", invocation="I", epoch=1, key="ab", probe_socket="/s", others=2)

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with closing(ours), closing(theirs):
        speaks = asyncio.to_thread(kernel, theirs)
        found, _ = await asyncio.gather(greet(ours, os.getpid(), charge), speaks)
    return found, charged


def well(theirs: socket.socket) -> None:
    """A kernel as it should be."""
    theirs.sendall(hello())
    assert json.loads(theirs.recv(4096))["key"] == "ab"
    theirs.sendall(b'{"listening":true}\n')


def test_a_kernel_that_says_who_it_is_gets_its_key_and_listens() -> None:
    assert asyncio.run(greeted(well)) == (ME, [ME])


def test_what_it_says_may_come_in_pieces() -> None:
    def slowly(theirs: socket.socket) -> None:
        for byte in hello():
            theirs.send(bytes([byte]))
        theirs.recv(4096)
        theirs.sendall(b'{"listening":')
        theirs.sendall(b"true}\n")

    assert asyncio.run(greeted(slowly)) == (ME, [ME])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (hello(pid=1), "is not the process"),
        (hello(start_ticks=1), "is not the process"),
        (hello(hello="verger-kernel/2"), "it speaks 'verger-kernel/2'"),
        (b"{}\n", "is no Hello"),
        (b"\xff\n", "is no Hello"),
        (b"a" * 9000 + b"\n", "more than a line"),
        (b"", "it ended"),
        (hello()[:20], "it ended"),
    ],
)
def test_whoever_says_anything_else_gets_no_key(said: bytes, why: str) -> None:
    seen: list[bytes] = []

    def otherwise(theirs: socket.socket) -> None:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        theirs.settimeout(5)
        seen.append(theirs.recv(4096) if not said else b"")

    with pytest.raises(GreetingFailed, match=why):
        asyncio.run(greeted(otherwise))
    assert b"ab" not in b"".join(seen)


def test_a_kernel_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greeting, "DEADLINE_S", 0.05)
    with pytest.raises(GreetingFailed, match="it said nothing within"):
        asyncio.run(greeted(lambda _: None))


def test_a_kernel_that_does_not_listen_is_told_apart() -> None:
    def deaf(theirs: socket.socket) -> None:
        theirs.sendall(hello())
        theirs.recv(4096)
        theirs.sendall(b'{"listening":false}\n')

    with pytest.raises(GreetingFailed, match="does not listen"):
        asyncio.run(greeted(deaf))
