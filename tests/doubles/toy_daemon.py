"""A daemon that supervises nothing: the real server with handlers that are as cheap as handlers can be.

Not here: the daemon. `python -P toy_daemon.py SOCKET` says `ready` and serves until its stdin ends; each line of that
is the pid of a process that is supervised from then on, and answered with `ready`.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / floor) for floor in ("daemon", "kernel", "probes")]

from verger_daemon.connections import Encoded, Handler  # noqa: E402  # the line above finds them
from verger_daemon.peers import Peer  # noqa: E402
from verger_daemon.protocol.messages import (  # noqa: E402
    Nothing,
    PingParams,
    PingResult,
    RunStatusResult,
    StatusParams,
    Supervision,
    TextResult,
)
from verger_daemon.server import Server  # noqa: E402


def status() -> RunStatusResult:
    """A status of the usual size: about 2 kB."""
    return RunStatusResult(
        run_id="RUN_20260325_0123abcd",
        claim="live_attached",
        exit_code=0,
        reason="answered a fresh nonce",
        ack_age_ms=200,
        ack_expires_ms=800,
        supervision=Supervision(
            at_work=True,
            invocation="INV_0123abcd",
            pid=4711,
            start_ticks=4711,
            boot_id="b",
            pid_namespace=4026531836,
            probe="unprotected",
            probe_socket="/run/user/1000/verger/INV_0123abcd.sock",
            missed=0,
            refused="",
            journal_seq=120,
            stage=None,
            doing=(),
            heartbeat="supervision/heartbeats/000001_20260325T120000Z.json",
            intervention="",
            next="",
            next_utc="",
        ),
        kernel={f"field_{number}": "what the kernel says" for number in range(25)},
        text="run  RUN_20260325_0123abcd\n" * 20,
    )


def ping(params: PingParams, peer: Peer) -> PingResult:
    """An answer without any secret."""
    return PingResult(
        nonce=params.nonce,
        mac="",
        pid=peer.pid,
        epoch=1,
        version="0",
        lock_held=True,
        journal_writable=True,
        loop_lag_us=0,
    )


async def slowly(_: Nothing, peer: Peer) -> TextResult:
    """An answer that comes a turn of the loop later."""
    await asyncio.sleep(0)
    return TextResult(text=str(peer.pid))


async def main(path: str) -> None:
    """Serves until stdin ends."""
    kept: Encoded = msgspec.json.encode(status())

    def run_status(_: StatusParams, __: Peer) -> Encoded:
        return kept

    handlers: dict[str, Handler] = {"daemon.ping": ping, "run.status": run_status, "run.list": slowly}
    supervised: set[int] = set()
    server = Server(
        Path(path), handlers, supervised=lambda: supervised, failed=lambda name, _: sys.exit(name)
    )
    await server.start()

    def listen_to_stdin() -> None:
        print("ready", flush=True)
        for line in sys.stdin:
            supervised.add(int(line))
            print("ready", flush=True)

    await asyncio.get_running_loop().run_in_executor(None, listen_to_stdin)
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
