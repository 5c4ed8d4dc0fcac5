"""One kernel's probe socket, from the asking side: sends challenges, hands back what came, judges nothing.

Not here: when to ask and what an answer means; see `rules/`. The MAC is checked here, where the key is.
"""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from verger_daemon.exchange import Exchange
from verger_probes.rules.probe import LINE_BYTES_MAX, Ack, Challenge, ProbeRefused, ask, read_answer

_NONCE_BYTES = 32
_HINT = b"moved "
_BUFFER = memoryview(bytearray(LINE_BYTES_MAX))
"""What all probers read into, one after the other."""


class Prober:
    """A connection to one kernel. Everything it hears goes to `heard`: an Ack, a ProbeRefused, or a hint's number.

    `gone` is called once, with the reason, when the connection is over. Raises OSError when nobody listens at `path`.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        exchange: Exchange,
        heard: Callable[[Ack | ProbeRefused | int], None],
        gone: Callable[[str], None],
    ) -> None:
        self._key = key
        self._heard = heard
        self._gone = gone
        self._rest = b""
        self._exchange = exchange
        self._socket = _connected(path)
        exchange.join(self._socket.fileno(), self)
        self.is_open = True
        """Whether a challenge can be sent."""

    def ask(self, run_id: str, invocation: str, epoch: int) -> str:
        """Has a challenge with a new nonce sent, soon; answers with the nonce."""
        nonce = secrets.token_hex(_NONCE_BYTES)
        challenge = Challenge(run_id=run_id, invocation=invocation, epoch=epoch, nonce=nonce)
        self._exchange.send_soon(self, ask(self._key, challenge))
        return nonce

    def close(self) -> None:
        """Ends the connection; `gone` is not called any more."""
        if self.is_open:
            self.is_open = False
            self._exchange.leave(self._socket.fileno())
            self._socket.close()

    def send(self, line: bytes) -> None:
        if not self.is_open:
            return
        try:
            sent = self._socket.send(line)
        except OSError as error:
            self._end(str(error))
            return
        if sent < len(line):
            # A kernel that reads nothing must not fill our memory with questions.
            self._end("it does not read what it is asked")

    def read(self) -> None:
        try:
            size = self._socket.recv_into(_BUFFER)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if not size:
            self._end("it closed the connection")
            return
        *lines, self._rest = (self._rest + _BUFFER[:size]).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > LINE_BYTES_MAX:
            self._heard(ProbeRefused("probe_line_too_long"))
            self._end("it sent a line without an end")

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
        if self.is_open:
            self.close()
            self._gone(why)


def _connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # A full backlog is an error and not a wait.
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock
