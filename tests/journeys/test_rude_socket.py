"""The real daemon among rude clients: idle ones, deaf ones, liars; a normal one is answered as if it were alone."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.daemon.protocol.test_session import NO_REQUESTS, WRONG_BYTES
from tests.doubles.daemons import Asking, Seat, seated
from tests.doubles.workplace import wait_until

IDLE, DEAF, EVENTS = 200, 10, 50_000
MIB = 1 << 20

FLOODS = """
import asyncio, os
from verger_daemon import app

_run = app.Daemon.run

async def flood(hub):
    while not os.path.exists(os.environ["FLOOD"]):
        await asyncio.sleep(0.01)
    for number in range(%d):
        hub.publish("test.event", text="a" * 500)
        if number %% 20 == 0:
            await asyncio.sleep(%s)
    open(os.environ["FLOOD"] + ".over", "w").close()

async def run(self, ready):
    task = asyncio.get_running_loop().create_task(flood(self._hub))
    await _run(self, ready)
    task.cancel()

app.Daemon.run = run
"""
"""A daemon that makes so many events once it is told to; all else of it is the real one."""


@contextmanager
def flooding(root: Path, pause_s: float) -> Iterator[Seat]:
    """A daemon that will make EVENTS events, 20 at a time with a pause between."""
    (root / "sitecustomize.py").write_text(FLOODS % (EVENTS, pause_s))
    with seated(root) as seat:
        path = f"{seat.environment()['PYTHONPATH']}:{root}"
        seat.start(PYTHONPATH=path, FLOOD=str(root / "flood"))
        yield seat


def is_rude(seat: Seat, seconds: float) -> list[float]:
    """How long a normal client waited for each of its answers, while for so long everybody else was rude."""
    malformed = [*WRONG_BYTES.values(), *NO_REQUESTS.values(), b"a" * (MIB + 1)]
    waits = []
    with ExitStack() as stack:
        for _ in range(IDLE):
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.connect(str(seat.socket))
        for _ in range(DEAF):
            deaf = seat.asking()
            stack.callback(deaf.close)
            deaf.ask("events.subscribe", since=0)
        (seat.place.root.parent / "flood").touch()
        normal = seat.asking()
        stack.callback(normal.close)
        until = time.monotonic() + seconds
        number = 0
        while time.monotonic() < until:
            liar = stack.enter_context(socket.socket(socket.AF_UNIX))
            liar.connect(str(seat.socket))
            liar.sendall(malformed[number % len(malformed)] + b"\n")
            for _ in range(20):
                began = time.perf_counter()
                assert normal.ask("daemon.status")["pid"]
                waits.append(time.perf_counter() - began)
            liar.close()
            number += 1
    return waits


def resident(pid: int) -> int:
    """The memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_unharmed(root: Path, seconds: float, pause_s: float) -> None:
    """A normal client is answered in time, and afterwards the daemon is as small as before and well."""
    with flooding(root, pause_s) as seat:
        assert seat.process
        pid = seat.process.pid
        seat.ask("daemon.status")
        before = resident(pid)
        waits = is_rude(seat, seconds)
        wait_until(lambda: (root / "flood.over").exists())
        ordered = sorted(waits)
        assert ordered[len(ordered) * 99 // 100] < 0.05, ordered[-20:]
        # The events that are kept for whoever asks again have a bound of their own: 8 MiB.
        wait_until(lambda: resident(pid) - before < 20 * MIB)
        if os.geteuid() == 0:
            # It hides its memory and its descriptors from all others.
            wait_until(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) < 30)
        assert Asking(seat.socket).ask("daemon.ping", nonce="n")["lock_held"]


def test_rude_clients_neither_slow_nor_swell_nor_end_the_daemon(tmp_path: Path) -> None:
    assert_unharmed(tmp_path, 4, 0.001)


@pytest.mark.sweep
def test_a_minute_of_rude_clients_neither_slows_nor_swells_nor_ends_the_daemon(tmp_path: Path) -> None:
    assert_unharmed(tmp_path, 60, 0.02)
