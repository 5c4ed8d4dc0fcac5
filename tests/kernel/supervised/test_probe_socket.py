"""The probe socket: made for its owner alone, in place of nothing but a dead one of ours, and removed at the end.

Not here: what is said on it; see test_answering.py.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.asking import asker

from verger_kernel.errors import CommandError
from verger_kernel.supervised.answering import Answering, ProbeSocket
from verger_kernel.supervised.at_work import AtWork
from verger_kernel.supervised.greeting import Orders
from verger_probes.exits import Exit
from verger_probes.rules.probe import Challenge, Identity, ask


@pytest.fixture
def path() -> Iterator[Path]:
    with asker() as made:
        yield made.path


def refusal(path: Path) -> str:
    before = os.umask(0o022)
    try:
        with pytest.raises(CommandError) as refused:
            ProbeSocket(path)
    finally:
        assert os.umask(before) == 0o022
    assert refused.value.code is Exit.ENVIRONMENT
    return refused.value.what


def listener(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return made


def test_it_is_for_its_owner_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        made = ProbeSocket(path)
    finally:
        assert os.umask(before) == 0
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert not made.socket.get_inheritable()
    made.close()
    assert not path.exists()


def test_a_dead_socket_of_ours_is_replaced(path: Path) -> None:
    listener(path).close()
    assert path.is_socket()
    made = ProbeSocket(path)
    socket.socket(socket.AF_UNIX).connect(str(path))
    made.close()


def test_a_socket_on_which_somebody_listens_is_left_alone(path: Path) -> None:
    with listener(path) as other:
        assert "somebody listens there" in refusal(path)
        # Nor is one whose queue is full taken for dead.
        waiting = []
        with pytest.raises(BlockingIOError):
            while True:
                one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                waiting.append(one)
                one.connect(str(path))
        assert "somebody listens there" in refusal(path)
        assert path.is_socket()
        for one in (*waiting, other):
            one.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_what_is_no_socket_is_left_alone(path: Path, kind: str) -> None:
    target = path.with_name("target")
    listener(target).close()
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(target if kind == "link" else "nowhere")
    assert "something else is in its place" in refusal(path)
    assert os.path.lexists(path)
    assert target.is_socket()


def test_a_socket_of_another_user_is_left_alone_dead_or_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener(path).close()
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert "something else is in its place" in refusal(path)
    assert path.is_socket()


def test_a_peer_of_another_user_is_dropped_before_it_is_heard(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe, us = ProbeSocket(path), os.geteuid()
    who = Identity(pid=1, start_ticks=1, boot_id="boot", pid_namespace=1)
    orders = Orders(run_id="run", invocation="one", epoch=1, key=b"k" * 32, probe_socket=path)

    async def heard() -> bytes:
        answering = Answering(orders, who, AtWork())
        async with await asyncio.get_running_loop().create_unix_server(answering.peer, sock=probe.socket):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(ask(orders.key, Challenge(run_id="run", invocation="one", epoch=1, nonce="a" * 64)))
            try:
                return await reader.readline()
            except ConnectionResetError:
                return b""
            finally:
                answering.close()
                writer.close()

    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    assert asyncio.run(heard()) == b""
    monkeypatch.undo()
    probe.close()
    probe = ProbeSocket(path)
    assert asyncio.run(heard()) != b""
    probe.close()


def test_a_folder_that_is_gone_and_a_path_that_is_too_long_are_said(path: Path) -> None:
    assert "No such file" in refusal(path.parent / "gone" / "probe.sock")
    assert "at most 107" in refusal(path.parent / ("x" * 100))


def test_what_somebody_put_in_its_place_is_not_removed(path: Path) -> None:
    made = ProbeSocket(path)
    path.unlink()
    made.close()
    made = ProbeSocket(path)
    path.unlink()
    path.write_text("theirs")
    made.close()
    assert path.read_text() == "theirs"
