"""One process in the place of many kernels: it answers the challenges of every run on record, with their real keys.

Not here: any work. `python -P many_kernels.py ROSTER` waits for a line on stdin, reads the records below ROSTER, says
`ready` once it listens for all of them, and ends with its stdin. What it answers is what the runs have saved.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / floor) for floor in ("daemon", "kernel", "probes")]

import msgspec  # noqa: E402

from verger_daemon.roster import OnRecord  # noqa: E402  # the line above finds them
from verger_kernel.rules.saved import decode  # noqa: E402
from verger_probes.rules.probe import Ack, ActiveStage, answer, read_ask  # noqa: E402


class Kernel(asyncio.Protocol):
    """One of them."""

    def __init__(self, kept: OnRecord) -> None:
        self._key = bytes.fromhex(kept.key)
        saved = (Path(kept.run_root) / "run_state.json").read_bytes()
        state = decode(saved)
        self._ack = Ack(
            run_id=kept.run_id,
            invocation=kept.invocation,
            epoch=0,
            nonce="",
            identity=kept.identity,
            run_root=kept.run_root,
            run_state_sha256=hashlib.sha256(saved).hexdigest(),
            journal_seq=state.journal_seq,
            journal_head=state.journal_head,
            active_stage=ActiveStage(stage_name="execute", item_id="01", attempt_number=1, round=0),
            doing=(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for line in data.splitlines():
            asked = read_ask(self._key, line)
            ack = msgspec.structs.replace(self._ack, epoch=asked.epoch, nonce=asked.nonce)
            self._transport.write(answer(self._key, ack))


async def main(roster: Path) -> None:
    """Listens until stdin ends."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    for path in roster.glob("RUN_*.json"):
        kept = msgspec.json.decode(path.read_bytes(), type=OnRecord)
        await loop.create_unix_server(lambda kept=kept: Kernel(kept), kept.probe_socket)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
