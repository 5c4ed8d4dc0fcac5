"""Only a right answer over the daemon's own socket feeds the watchdog, and a trouble is told once."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.doubles.systemd import Listener

from verger_daemon.notify import Notices
from verger_daemon.protocol.messages import PingParams
from verger_daemon.standing import Standing
from verger_daemon.watchdog import Watchdog
from verger_probes.locks import FileLock, acquire

Says = Callable[[Standing, dict[str, Any]], object]
WITHIN_S = 0.4


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[FileLock]:
    made = acquire(tmp_path / "daemon.lock")
    yield made
    made.release()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(str(tmp_path / "notify"))
    yield made
    made.close()


def right(standing: Standing, asked: dict[str, Any]) -> dict[str, Any]:
    """What the daemon answers."""
    found = standing.answer(PingParams(**asked["params"]))
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return {"jsonrpc": "2.0", "id": asked["id"], "result": fields}


def but(**fields: object) -> Says:
    """The same with other fields."""
    return lambda standing, asked: {**(said := right(standing, asked)), "result": said["result"] | fields}


def fed(systemd: Listener, lock: FileLock, says: Says | None, *, rounds: int = 3) -> bool:
    """Whether a watchdog fed systemd by the end of some rounds, where `says` answers; None listens nowhere."""
    home = lock.path.parent
    socket = home / "s.sock"

    async def serve() -> None:
        standing = Standing(home, lock, 7)
        asked = asyncio.Event()
        count = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            line = json.loads(await reader.readline())
            said = says(standing, line) if says else None
            if isinstance(said, bytes):
                writer.write(said)
            elif said is not None:
                writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
            count += 1
            if count >= rounds:
                asked.set()
            if said is not None:
                writer.close()

        server = await asyncio.start_unix_server(answer, socket) if says else None
        watchdog = Watchdog(Notices(systemd.address, watchdog_s=WITHIN_S), standing, socket)
        task = asyncio.create_task(watchdog.feed())
        if server:
            await asyncio.wait_for(asked.wait(), 20)
        else:
            # Some rounds of asking nobody.
            await asyncio.sleep(WITHIN_S / 2)
        # What the last answer leads to comes in the next turns.
        await asyncio.sleep(WITHIN_S / 16)
        task.cancel()
        if server:
            server.close()

    asyncio.run(serve())
    return bool(systemd.times("WATCHDOG"))


def test_the_right_answer_feeds(systemd: Listener, lock: FileLock, caplog: pytest.LogCaptureFixture) -> None:
    assert fed(systemd, lock, right)
    assert caplog.records == []
    assert not (lock.path.parent / "writable").exists()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (but(mac="0" * 64), "somebody else answers"),
        (but(mac=None), "somebody else answers"),
        (but(pid=1), "somebody else answers"),
        (but(nonce="another"), "none to what was asked"),
        (but(lock_held=False), "the daemon's lock is lost"),
        (but(lock_held="true"), "the daemon's lock is lost"),
        (but(journal_writable=False), "nothing can be written"),
        (lambda standing, asked: right(standing, asked) | {"id": "another"}, "none to what was asked"),
        (lambda *_: {"id": 1, "error": {}}, "none to what was asked"),
        (lambda *_: [], "none to what was asked"),
        (lambda *_: b"no JSON\n", "Expecting value"),
        (lambda *_: b"", "Expecting value"),
        (lambda *_: None, "no answer within 0.05 s"),
        (None, "No such file"),
    ],
)
def test_any_other_answer_feeds_nothing_and_is_told_once(
    systemd: Listener, lock: FileLock, says: Says | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not fed(systemd, lock, says)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert {why in line for line in told if "no answer within" not in line or "within" in why} == {True}


def test_a_lock_that_was_replaced_feeds_nothing(systemd: Listener, lock: FileLock) -> None:
    lock.path.unlink()
    lock.path.touch()
    assert not fed(systemd, lock, right)


def test_a_folder_without_room_is_not_writable(lock: FileLock, monkeypatch: pytest.MonkeyPatch) -> None:
    home = lock.path.parent
    # A disk cannot be filled here without harm to others.
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=15, f_frsize=4096))

    async def answered() -> bool:
        return Standing(home, lock, 1).answer(PingParams()).journal_writable

    assert asyncio.run(answered()) is False
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=16, f_frsize=4096))
    assert asyncio.run(answered()) is True


def test_what_is_written_to_find_out_leaves_nothing(lock: FileLock) -> None:
    home = lock.path.parent
    before = sorted(home.iterdir())
    standing = Standing(home, lock, 1)
    standing.write()
    assert sorted(home.iterdir()) == sorted([*before, home / "ping.key"])
    # One of a daemon that was killed in between is in nobody's way.
    (home / "writable").write_text("left")
    standing.write()
    assert not (home / "writable").exists()
