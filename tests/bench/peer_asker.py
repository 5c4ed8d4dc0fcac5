"""Asks a peer with its own client library; run by the Python of build/peers, which alone has that.

Not here: starting the peer; see `peer_programs.py`. `peer_asker.py PEER FOLDER waits CALLS` prints microseconds a call
as JSON, `... rate SECONDS` calls a second of 16 clients, `... noticed PID` seconds from SIGKILL to the peer's event.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable

CLIENTS = 16
PATIENCE_MS = 30_000


def main() -> None:
    """Does what the command line says, and prints the answer."""
    peer, folder, what, value = sys.argv[1:]
    if what == "waits":
        print(json.dumps(_waits(_call_of(peer, folder), int(value))))
    elif what == "rate":
        rate = _rate_of_supervisor if peer == "supervisor" else _rate_of_circus
        print(json.dumps(rate(folder, float(value))))
    else:
        print(json.dumps(_noticed_by_circus(folder, int(value))))


def _waits(call: Callable[[], object], calls: int) -> list[float]:
    found = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        call()
        found.append((time.perf_counter_ns() - began) / 1000)
    return found


def _call_of(peer: str, folder: str) -> Callable[[], object]:
    if peer == "supervisor":
        import xmlrpc.client

        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport("", "", f"unix://{folder}/s")
        server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        return lambda: server.supervisor.getProcessInfo("p0")
    from circus.client import CircusClient

    client = CircusClient(endpoint=f"ipc://{folder}/c")
    return lambda: client.send_message("status", name="p0")


def _rate_of_supervisor(folder: str, seconds: float) -> float:
    body = b"<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName></methodCall>"
    head = b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Type: text/xml\r\n"
    asked = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    poll, clients = select.epoll(), {}
    for _ in range(CLIENTS):
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{folder}/s")
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
        client.sendall(asked)
    answered, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for number, _ in poll.poll(1):
            got = clients[number].recv(1 << 16)
            if not got:
                raise SystemExit("supervisord closed a connection that was to be kept")
            if b"</methodResponse>" in got:
                answered += 1
                clients[number].sendall(asked)
    return answered / (time.perf_counter() - began)


def _rate_of_circus(folder: str, seconds: float) -> float:
    import zmq

    context, poll = zmq.Context.instance(), zmq.Poller()
    asked = json.dumps({"command": "status", "properties": {"name": "p0"}, "id": "a"}).encode()
    for number in range(CLIENTS):
        client = context.socket(zmq.DEALER)
        client.setsockopt(zmq.IDENTITY, b"client-%d" % number)
        client.setsockopt(zmq.LINGER, 0)
        client.connect(f"ipc://{folder}/c")
        poll.register(client, zmq.POLLIN)
        client.send(asked)
    answered, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for client, _ in poll.poll(1000):
            client.recv()
            answered += 1
            client.send(asked)
    return answered / (time.perf_counter() - began)


def _noticed_by_circus(folder: str, pid: int) -> float:
    import zmq

    events = zmq.Context.instance().socket(zmq.SUB)
    events.setsockopt(zmq.SUBSCRIBE, b"watcher.")
    events.setsockopt(zmq.LINGER, 0)
    events.connect(f"ipc://{folder}/p")
    # A subscription has no answer; it stands long before the next look of a peer that looks each five seconds.
    events.poll(500)
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    while events.poll(PATIENCE_MS):
        topic, *_ = events.recv_multipart()
        if topic.endswith(b".reap"):
            return time.perf_counter() - began
    raise SystemExit("no event came")


if __name__ == "__main__":
    main()
