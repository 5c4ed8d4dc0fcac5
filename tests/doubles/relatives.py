"""Processes that ask a daemon for something, each one come into the world in another way.

Not here: what they are told. `python -P relatives.py SOCKET WAY...` does each step of the way, then asks and says what
it was told, a JSON line. The steps: `adopt` (orphans below become children), `fork` (the parent stays), `orphan` (two
forks; the parent stays), `session`, `clean` (executes itself with an empty environment), `give` (connects, and leaves
the connection to a child), `mark` (executes itself with the marker of a run).
"""

import json
import os
import socket
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36


def main(path: str, *way: str) -> None:
    """Goes the way and asks."""
    connected = None
    while way:
        step, *way = way  # type: ignore[assignment]
        if step == "adopt":
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        elif step == "fork":
            _stay_until_the_end()
        elif step == "orphan":
            _stay_until_the_end(between=True)
        elif step == "session":
            os.setsid()
        elif step == "give":
            connected = _connected(path)
            _fork_and_end()
        else:
            environ = {"VERGER_RUN": "R_1"} if step == "mark" else {}
            os.execve(sys.executable, [sys.executable, "-P", __file__, path, *way], environ)
    with connected or _connected(path) as client, client.makefile("rb") as lines:
        for method in ("daemon.ping", "run.list"):
            client.sendall(json.dumps({"jsonrpc": "2.0", "id": method, "method": method}).encode() + b"\n")
            os.write(1, lines.readline())


def _connected(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(path)
    return client


def _stay_until_the_end(*, between: bool = False) -> None:
    """Goes on in a child, or in a grandchild whose parent ends; this process stays until all below it are gone."""
    if os.fork():
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        os._exit(0)
    if between:
        _fork_and_end()


def _fork_and_end() -> None:
    """Goes on in a child that somebody else has adopted by then."""
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.001)


if __name__ == "__main__":
    main(*sys.argv[1:])
