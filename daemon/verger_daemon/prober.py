"""One kernel's probe socket, from the asking side: sends challenges, hands back what came, judges nothing.

Not here: when to ask and what an answer means; see `rules/`. The MAC is checked here, where the key is.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from verger_probes.rules.probe import LINE_BYTES_MAX, Ack, Challenge, ProbeRefused, ask, read_answer

_NONCE_BYTES = 32
_HINT = b"moved "
_BUFFER = memoryview(bytearray(LINE_BYTES_MAX))
"""What all probers read into, one after the other; asyncio's own way maps new memory for every answer."""


class Prober(asyncio.BufferedProtocol):
    """A connection to one kernel. Everything it hears goes to `heard`: an Ack, a ProbeRefused, or a hint's number.

    `gone` is called once, with the reason, when the connection is over.
    """

    def __init__(
        self, key: bytes, heard: Callable[[Ack | ProbeRefused | int], None], gone: Callable[[str], None]
    ) -> None:
        self._key = key
        self._heard = heard
        self._gone = gone
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether a challenge can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, run_id: str, invocation: str, epoch: int) -> str:
        """Sends a challenge with a new nonce; answers with the nonce."""
        assert self._transport
        nonce = secrets.token_hex(_NONCE_BYTES)
        challenge = Challenge(run_id=run_id, invocation=invocation, epoch=epoch, nonce=nonce)
        self._transport.write(ask(self._key, challenge))
        return nonce

    def close(self) -> None:
        """Ends the connection; `gone` is not called any more."""
        self._gone = _nobody
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # A kernel that reads nothing must not fill our memory with questions.
        transport.set_write_buffer_limits(high=LINE_BYTES_MAX)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        *lines, self._rest = (self._rest + bytes(_BUFFER[:nbytes])).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > LINE_BYTES_MAX:
            self._heard(ProbeRefused("probe_line_too_long"))
            self._end("it sent a line without an end")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "it closed the connection")

    def _take(self, line: bytes) -> None:
        if line.startswith(_HINT):
            number = line.removeprefix(_HINT)
            if number.isdigit() and len(number) < 18:
                self._heard(int(number))
            return
        try:
            self._heard(read_answer(self._key, line))
        except ProbeRefused as refused:
            self._heard(refused)

    def _end(self, why: str) -> None:
        gone, self._gone = self._gone, _nobody
        if self._transport:
            self._transport.abort()
        gone(why)


async def connect(path: Path, make: Callable[[], Prober]) -> Prober:
    """A prober whose connection stands. Raises OSError when nobody listens at `path`."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Asked in words of the system, not of asyncio: a full backlog must be an error and not a wait.
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    _, prober = await loop.create_unix_connection(make, sock=sock)
    return prober


def _nobody(_: str) -> None:
    return
