"""Whatever one client does, the others are answered, the daemon stays small, and nobody is waited for."""

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from tests.daemon.protocol.test_session import NO_REQUESTS, WRONG_BYTES
from tests.doubles.serving import Serving, fails, requests, serving

from verger_daemon.connections import Limits
from verger_daemon.protocol.framing import LINE_BYTES_MAX

MIB = 1 << 20
EAGER = Limits(stalled_s=0.2)


@contextmanager
def unharmed(here: Serving) -> Iterator[None]:
    """A normal client is answered meanwhile, and afterwards everything is as before."""
    with here.client() as client:
        assert client.asks("daemon.ping")["result"]
        yield
        assert client.asks("daemon.ping")["result"]
    eventually(lambda: not here.server.connections)
    assert not here.failures


def eventually(holds: object) -> None:
    """Waits until it holds."""
    assert callable(holds)
    until = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.002)


@pytest.mark.parametrize("case", [*WRONG_BYTES, *NO_REQUESTS])
def test_what_is_wrong_is_answered_on_a_real_socket_too(tmp_path: Path, case: str) -> None:
    with serving(tmp_path) as here, unharmed(here), here.client() as client:
        client.socket.sendall((WRONG_BYTES | NO_REQUESTS)[case] + b"\n")
        assert client.hear()["error"]["code"] in (-32700, -32600)
        if case in WRONG_BYTES:
            assert client.hear() is None
        else:
            assert client.asks("daemon.ping")["result"]


def test_a_line_without_end_is_cut_short(tmp_path: Path) -> None:
    with serving(tmp_path) as here, unharmed(here), here.client() as client:
        client.socket.sendall(b"a" * (LINE_BYTES_MAX + 1))
        assert client.hear()["error"]["data"]["name"] == "parse_error"
        assert client.hear() is None


def test_half_lines_wait_and_cost_little(tmp_path: Path) -> None:
    with serving(tmp_path) as here, unharmed(here), ExitStack() as stack:
        clients = [stack.enter_context(here.client()) for _ in range(50)]
        for client in clients:
            client.socket.sendall(requests(1)[:20])
        for client in clients:
            client.socket.sendall(requests(1)[20:])
            assert client.hear()["result"]


def test_one_byte_at_a_time_is_read(tmp_path: Path) -> None:
    with serving(tmp_path) as here, unharmed(here), here.client() as client:
        for byte in requests(1):
            client.socket.send(bytes([byte]))
        assert client.hear()["result"]


def test_who_vanishes_in_the_middle_of_an_answer_harms_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, run_list=lambda _, __: b'"%b"' % (b"a" * MIB)[:-2000]) as here, unharmed(here):
        for _ in range(20):
            with here.client() as client:
                client.socket.sendall(requests(20, "run.list") + requests(20, "daemon.status"))
                client.socket.recv(100)


def test_who_never_reads_answers_is_dropped(tmp_path: Path) -> None:
    with (
        serving(tmp_path, EAGER, run_list=lambda _, __: b'"%b"' % (b"a" * 100_000)) as here,
        unharmed(here),
        here.client() as client,
    ):
        client.socket.sendall(requests(100, "run.list"))
        eventually(lambda: len(here.server.connections) == 1)


def test_who_reads_slowly_gets_everything(tmp_path: Path) -> None:
    with (
        serving(tmp_path, run_list=lambda _, __: b'"%b"' % (b"a" * 100_000)) as here,
        unharmed(here),
        here.client() as client,
    ):
        client.socket.sendall(requests(40, "run.list"))
        for number in range(40):
            time.sleep(0.005)
            assert client.hear()["id"] == number


@pytest.mark.parametrize("unread_bytes", [1 << 16, 1 << 20])
def test_who_hangs_up_and_never_reads_is_let_go(tmp_path: Path, unread_bytes: int) -> None:
    limits = EAGER._replace(unread_bytes=unread_bytes)
    with (
        serving(tmp_path, limits, run_list=lambda _, __: b'"%b"' % (b"a" * 500_000)) as here,
        unharmed(here),
        here.client() as client,
    ):
        client.socket.sendall(requests(1, "run.list"))
        client.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: len(here.server.connections) == 1)


def test_the_257th_connection_is_told_why_and_the_others_stay(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft >= 800, f"{soft} open files are too few, {hard} would be allowed"
    with serving(tmp_path) as here, ExitStack() as stack:
        clients = [stack.enter_context(here.client()) for _ in range(300)]
        said = []
        for client in clients:
            client.socket.settimeout(0)
        eventually(lambda: len(here.server.connections) == 256)
        for client in clients[256:]:
            client.socket.settimeout(10)
            said.append(client.hear())
            assert client.hear() is None
        assert {one["error"]["data"]["name"] for one in said} == {"too_many"}
        for client in clients[:256]:
            client.socket.settimeout(10)
            assert client.asks("daemon.ping")["result"]


def test_who_was_idle_for_long_makes_place_and_is_told(tmp_path: Path) -> None:
    limits = Limits(connections=3, idle_s=0.05)
    with serving(tmp_path, limits) as here, ExitStack() as stack:
        idle, busy, watching = (stack.enter_context(here.client()) for _ in range(3))
        for client in (idle, busy):
            client.asks("daemon.ping")
        watching.asks("events.subscribe")
        time.sleep(0.06)
        busy.asks("daemon.ping")
        fourth = stack.enter_context(here.client())
        assert fourth.asks("daemon.ping")["result"]
        assert idle.hear()["error"]["data"]["name"] == "too_many"
        assert idle.hear() is None
        assert busy.asks("daemon.ping")["result"]
        assert watching.asks("daemon.ping")["result"]


def test_a_flood_of_events_to_who_never_reads_slows_nobody(tmp_path: Path) -> None:
    process = psutil.Process()
    with serving(tmp_path, EAGER) as here, unharmed(here), ExitStack() as stack:
        # So much is kept by the hub itself, with or without a reader.
        here.publish(10_000, text="a" * 500)
        before = process.memory_info().rss
        deaf = [stack.enter_context(here.client()) for _ in range(20)]
        for client in deaf:
            assert client.asks("events.subscribe", since=0)["result"]
        with here.client() as client:
            here.loop.call_soon_threadsafe(here.loop.create_task, flooding(here))
            waits = []
            while here.hub.seq < 60_000:
                began = time.perf_counter()
                assert client.asks("daemon.ping")["result"]
                waits.append(time.perf_counter() - began)
        assert sorted(waits)[len(waits) * 9 // 10] < 0.1
        eventually(lambda: len(here.server.connections) == 1)
        assert process.memory_info().rss - before < 20 * MIB


async def flooding(here: Serving) -> None:
    """50,000 events, a few in each turn of the loop."""
    for number in range(50_000):
        here.hub.publish("test.event", text="a" * 500)
        if number % 20 == 0:
            await asyncio.sleep(0)


def test_a_subscriber_that_reads_gets_every_event_of_a_flood(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        first = client.asks("events.subscribe")["result"]["first"]
        here.publish(5_000)
        assert [client.hear()["params"]["seq"] for _ in range(5_000)] == list(range(first, first + 5_000))


def test_who_was_dropped_is_told_what_was_missed(tmp_path: Path) -> None:
    with serving(tmp_path, EAGER) as here, here.client() as deaf:
        deaf.asks("events.subscribe")
        here.publish(15_000, text="a" * 100)
        eventually(lambda: not here.server.connections)
        with here.client() as again:
            assert again.asks("events.subscribe", since=5, epoch=7)["result"]["first"] == 5_001
            gap = again.hear()["params"]
            assert (gap["type"], gap["from"]) == ("events.gap", 6)
            assert again.hear()["params"]["seq"] == gap["to"] + 1 == gap["seq"] + 1


def test_a_later_subscription_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        client.asks("events.subscribe")
        client.asks("events.subscribe", run="R_1")
        here.publish(4)
        assert [client.hear()["params"]["run"] for _ in range(2)] == ["R_1", "R_1"]
        assert client.asks("daemon.ping")["id"] == 1


def test_a_subscriber_that_asks_again_and_again_is_woken_once(tmp_path: Path) -> None:
    with serving(tmp_path) as here, here.client() as client:
        client.asks("events.subscribe")
        for _ in range(20):
            client.asks("daemon.ping")
        assert len(here.hub._waiting) == 1
    assert not here.hub._waiting


def test_a_failing_handler_among_many_requests_is_only_its_own_failure(tmp_path: Path) -> None:
    with serving(tmp_path, run_list=fails) as here, here.client() as client:
        client.socket.sendall(requests(5) + requests(1, "run.list", first=5) + requests(5, first=6))
        heard = [client.hear() for _ in range(11)]
        assert [one["id"] for one in heard if "error" in one] == [5]
