"""Asking a daemon as fast as it answers: one client that waits for each answer, and many that do not.

Not here: the daemon, and any figure; see `many_runs_figures.py`. Raw sockets, so that the client is no bottleneck.
"""

import json
import os
import select
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.post import PATIENCE_S
from tests.bench.workshop import CommandFailed


def waits_us(path: Path, method: str, params: dict[str, Any], calls: int) -> list[float]:
    """Microseconds from each of `calls` requests to its answer."""
    asked, waits = _request(method, params, 1), []
    with _connected(path) as client:
        for _ in range(calls):
            began = time.perf_counter_ns()
            client.send(asked)
            said = client.recv(1 << 16)
            waits.append((time.perf_counter_ns() - began) / 1000)
            if not said.startswith(b'{"jsonrpc":"2.0","id":1,"result"') or not said.endswith(b"}\n"):
                raise CommandFailed(f"{method} was answered with {said[:200]!r}")
    return waits


def answer_bytes(path: Path, method: str, params: dict[str, Any]) -> int:
    """How long an answer is."""
    with _connected(path) as client:
        client.send(_request(method, params, 1))
        return len(client.recv(1 << 16))


def rate(
    path: Path, method: str, params: dict[str, Any], clients: int, pipelined: int, seconds: float
) -> float:
    """Answers a second to `clients` of which each has `pipelined` requests under way, one pack after the other."""
    # The ids of calls that are under way differ.
    asked = b"".join(_request(method, params, number) for number in range(pipelined))
    with ExitStack() as stack:
        ours = [stack.enter_context(_connected(path)) for _ in range(clients)]
        poll = stack.enter_context(select.epoll())
        for client in ours:
            poll.register(client, select.EPOLLIN)
            client.sendall(asked)
        by_number = {client.fileno(): client for client in ours}
        missing = dict.fromkeys(by_number, pipelined)
        answered, began = 0, time.perf_counter()
        # On a busy machine the first answer may take longer than all of it was to take.
        while (taken := time.perf_counter() - began) < seconds or not answered:
            if taken > PATIENCE_S:
                raise CommandFailed(f"nobody answered {method}")
            for number, _ in poll.poll(1.0):
                got = os.read(number, 1 << 18).count(b"\n")
                answered += got
                missing[number] -= got
                if not missing[number]:
                    missing[number] = pipelined
                    by_number[number].sendall(asked)
    return answered / taken


def _request(method: str, params: dict[str, Any], id_: int) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).encode() + b"\n"


def _connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(path))
    return client
