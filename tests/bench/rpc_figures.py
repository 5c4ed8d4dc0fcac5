"""How fast the daemon's socket answers: one client that waits for each answer, and sixteen that do not.

Not here: what a real daemon has to tell; a toy one serves an encoded status of a few kB through the real server.
"""

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.effort import Effort
from tests.bench.figures import Figure, median

TOY = Path(__file__).parents[1] / "doubles" / "toy_daemon.py"
CLIENTS = 16
PIPELINED = 64
"""Requests that each of the sixteen has under way."""
ROUNDS = 5
CALLS = 2_000
SECONDS = 1.0


def rpc_figures(_: Effort) -> Iterator[Figure]:
    """The wait of one client, then the throughput of sixteen."""
    with toy_daemon() as path:
        rounds = [_waits_us(path) for _ in range(ROUNDS)]
        how = f"one raw client, {CALLS} calls of run.status, each after the answer to the last; peer checked"
        yield median("rpc_p50_us", [statistics.median(waits) for waits in rounds], "us", how)
        yield median("rpc_p99_us", [sorted(waits)[len(waits) * 99 // 100] for waits in rounds], "us", how)
        for name, method in (("rpc_per_s_16", "daemon.ping"), ("rpc_status_per_s_16", "run.status")):
            rates = [_rate(path, method) for _ in range(ROUNDS)]
            how = f"{CLIENTS} clients in one raw process, {PIPELINED} calls of {method} under way in each"
            yield median(name, rates, "1/s", how)


@contextmanager
def toy_daemon() -> Iterator[str]:
    """The socket of a toy daemon, a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/verger/vergerd.sock"
        command = (sys.executable, "-P", str(TOY), path)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
            assert daemon.stdout and daemon.stdin
            assert daemon.stdout.readline() == b"ready\n"
            yield path
            daemon.stdin.close()


def _request(method: str) -> bytes:
    params = {"nonce": "0" * 64} if method == "daemon.ping" else {"directory": "/a", "run": "latest"}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


def _connected(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(path)
    return client


def _waits_us(path: str) -> list[float]:
    asked, waits = _request("run.status"), []
    with _connected(path) as client:
        for _ in range(CALLS):
            began = time.perf_counter_ns()
            client.send(asked)
            said = client.recv(1 << 16)
            waits.append((time.perf_counter_ns() - began) / 1000)
            assert said.startswith(b'{"jsonrpc":"2.0","id":1,"result"') and said.endswith(b"}\n")
    return waits


def _rate(path: str, method: str) -> float:
    # The ids of calls that are under way differ, so each pack is asked with its own.
    asked = b"".join(
        _request(method).replace(b'"id": 1', b'"id": %d' % number) for number in range(PIPELINED)
    )
    clients = {client.fileno(): client for client in (_connected(path) for _ in range(CLIENTS))}
    poll = select.epoll()
    for client in clients.values():
        poll.register(client, select.EPOLLIN)
        client.send(asked)
    missing = dict.fromkeys(clients, PIPELINED)
    answered, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for number, _ in poll.poll():
            got = os.read(number, 1 << 18).count(b"\n")
            answered += got
            missing[number] -= got
            if not missing[number]:
                missing[number] = PIPELINED
                clients[number].send(asked)
    rate = answered / (time.perf_counter() - began)
    poll.close()
    for client in clients.values():
        client.close()
    return rate


if __name__ == "__main__":
    from tests.bench.figures import table

    print(table(list(rpc_figures(Effort()))))
