"""The server answers who may ask, in the right order, at a socket that is where it should be."""

import asyncio
import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.doubles.serving import fails, requests, serving

from verger_daemon.connections import Limits
from verger_daemon.peers import Peer
from verger_daemon.protocol import errors
from verger_daemon.protocol.errors import RpcError
from verger_daemon.protocol.messages import ListParams, PingParams, TextResult


def test_a_client_is_answered_and_may_ask_again(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        for nonce in ("a", "b"):
            assert client.asks("daemon.ping", nonce=nonce)["result"] == {"text": nonce}
        assert client.asks("initialize")["result"]["protocol_version"] == "verger-daemon/1"


def test_pipelined_requests_are_all_answered_each_once(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        client.socket.sendall(requests(1_000) + requests(1_000, "daemon.status", first=1_000))
        heard = [client.hear() for _ in range(2_000)]
        assert len({one["id"] for one in heard}) == 2_000
        assert all("result" in one for one in heard)


def test_who_says_all_at_once_and_hangs_up_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        client.socket.sendall(requests(300) + requests(1, "daemon.status"))
        client.socket.shutdown(socket.SHUT_WR)
        assert len([client.hear() for _ in range(301)]) == 301
        assert client.hear() is None


def test_an_encoded_result_is_sent_as_it_is(tmp_path: Path) -> None:
    with (
        serving(tmp_path, run_list=lambda _, __: b'{"kept":true}') as here,
        here.client() as client,
    ):
        assert client.asks("run.list")["result"] == {"kept": True}


def test_a_handler_that_fails_is_told_to_both_sides_and_the_next_request_is_answered(tmp_path: Path) -> None:
    async def fails_later(params: ListParams, peer: Peer) -> TextResult:
        await asyncio.sleep(0)
        return fails(params, peer)

    def refuses(_: ListParams, __: Peer) -> TextResult:
        raise RpcError(errors.REFUSED, "Cannot", "do not", exit_code=5)

    with (
        serving(tmp_path, run_list=fails, gate_list=fails_later, run_stop=refuses) as here,
        here.client() as client,
    ):
        for method in ("run.list", "gate.list"):
            error = client.asks(method)["error"]
            assert (error["code"], error["message"].split(":")[0]) == (-32603, f"Cannot finish {method}")
        error = client.asks("run.stop", directory="/a")["error"]
        assert (error["message"], error["data"]["exit_code"]) == ("Cannot", 5)
        assert client.asks("daemon.ping")["result"]
        assert here.failures == ["run.list: broken on purpose", "gate.list: broken on purpose"]


def test_only_so_many_calls_of_a_connection_are_under_way(tmp_path: Path) -> None:
    under_way, most = 0, 0

    async def slow(_: ListParams, __: Peer) -> TextResult:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return TextResult(text="")

    with serving(tmp_path, Limits(under_way=8), run_list=slow) as here, here.client() as client:
        client.socket.sendall(requests(100, "run.list"))
        assert len({client.hear()["id"] for _ in range(100)}) == 100
        assert most == 8


def test_an_id_whose_call_is_under_way_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        client.socket.sendall(requests(1, "daemon.status") * 2)
        refused, answer = client.hear(), client.hear()
        assert (refused["id"], refused["error"]["data"]["name"]) == (None, "invalid_request")
        assert answer["result"] == {"text": "later"}


def test_one_connection_gets_no_more_than_its_turn(tmp_path: Path) -> None:
    turns = []

    def pinged(params: PingParams, _: Peer) -> TextResult:
        turns.append(params.nonce)
        return TextResult(text="")

    with serving(tmp_path, daemon_ping=pinged) as here, here.client() as one, here.client() as other:
        assert one.asks("initialize") and other.asks("initialize")
        # Neither is read before both have said all.
        here.loop.call_soon_threadsafe(here.gate.wait)
        one.socket.sendall(requests(500))
        other.socket.sendall(requests(500).replace(b"}", b',"params":["other"]}'))
        here.gate.set()
        for client in (one, other):
            assert len([client.hear() for _ in range(500)]) == 500
        assert max(turns.index(""), turns.index("other")) <= 128


def test_another_user_is_told_and_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as here:
        ours = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: ours + 1)
        with here.client() as client:
            assert client.hear()["error"]["data"]["name"] == "foreign_peer"
            assert client.hear() is None
        monkeypatch.undo()


def test_the_socket_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path) as here:
        path = here.server.path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert list(path.parent.iterdir()) == [path]
    assert not path.exists()


def test_a_socket_that_vanished_is_made_again_and_who_was_connected_stays(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as before:
        assert before.asks("daemon.ping")["result"]
        assert here.does(here.server.check()) is False
        path = here.server.path
        path.unlink()
        path.parent.rmdir()
        assert here.does(here.server.check()) is True
        with here.client() as after:
            assert after.asks("daemon.ping")["result"]
        assert before.asks("daemon.ping")["result"]
        assert here.does(here.server.check()) is False


def test_a_dead_socket_in_its_place_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as here:
        path = here.server.path
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
        assert here.does(here.server.check()) is True
        with here.client() as client:
            assert client.asks("daemon.ping")["result"]


def test_a_socket_that_is_another_ones_by_now_is_left_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path) as here:
        path = here.server.path
        path.unlink()
        path.write_text("mine")
    assert path.read_text() == "mine"


def test_it_knows_when_it_was_last_asked(tmp_path: Path) -> None:
    with serving(tmp_path) as here:
        began = here.server.asked_s
        with here.client() as client:
            client.asks("daemon.ping")
        until = time.monotonic() + 10
        while here.server.connections and time.monotonic() < until:
            time.sleep(0.001)
        assert here.server.asked_s > began


def test_a_client_is_served_while_another_sends_without_end(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as greedy, here.client() as client:
        greedy.socket.setblocking(False)
        waits, unsent = [], b""
        for _ in range(50):
            unsent = unsent or requests(1_000)
            with suppress(BlockingIOError):
                # What was sent in part goes on where it stopped: half a line would end the connection.
                unsent = unsent[greedy.socket.send(unsent) :]
            with suppress(BlockingIOError):
                greedy.socket.recv(1 << 20)
            began = time.perf_counter()
            assert client.asks("daemon.ping")["result"]
            waits.append(time.perf_counter() - began)
        assert sorted(waits)[25] < 0.1
