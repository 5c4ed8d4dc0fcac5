"""The greeting: over the descriptor that it was started with, a kernel says who it is and is told whom to answer.

Not here: answering; see `answering.py`. One JSON object a line, both ways.
"""

import socket
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_kernel.errors import CommandError
from verger_probes.decoding import decoded
from verger_probes.exits import Exit
from verger_probes.prctl import hide_memory
from verger_probes.rules.probe import KEY_BYTES, Identity
from verger_probes.version import VERSION

GREETING = "verger-kernel/1"
PATIENCE_S = 5.0
"""How long the whole answer of the daemon may take."""
LINE_BYTES_MAX = 16 * 1024

_HINT = "let the daemon start it: verger supervise run; to run it alone, leave --supervised out"


class _Hello(msgspec.Struct, frozen=True):
    hello: str
    version: str
    identity: Identity


class _Listening(msgspec.Struct, frozen=True):
    listening: bool = True


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    run_id: str
    invocation: str
    epoch: int
    key: str
    probe_socket: str
    # A daemon that does not say it lets one run be at work.
    others: int = 0


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """For which run and invocation this kernel answers, under which key and on which socket, beside how many others."""

    run_id: str
    invocation: str
    epoch: int
    key: bytes
    probe_socket: Path
    others: int = 0


class Greeting:
    """The kernel's end of the descriptor."""

    def __init__(self, descriptor: str) -> None:
        """Takes `descriptor`, a number in words, so that no child ever has it. Raises CommandError."""
        self._line = _taken(descriptor)

    def exchanged(self, identity: Identity) -> Orders:
        """Says who this is, then waits for the orders. Raises CommandError when they do not come or make no sense.

        From here on no other process of the user can look into this one, for it holds a key.
        """
        if not hide_memory():
            raise _refused("the system does not let it hide its memory, where the key would lie")
        hello = _Hello(hello=GREETING, version=VERSION, identity=identity)
        try:
            self._line.settimeout(PATIENCE_S)
            self._line.sendall(msgspec.json.encode(hello) + b"\n")
            return _orders(self._read())
        except OSError as error:
            raise _refused(f"the daemon said nothing: {error}") from None

    def say_listening(self) -> None:
        """Tells the daemon that it can ask now. One that is gone meanwhile changes nothing."""
        with suppress(OSError):
            self._line.sendall(msgspec.json.encode(_Listening()) + b"\n")

    def _read(self) -> bytes:
        text, until_s = b"", time.monotonic() + PATIENCE_S
        while not text.endswith(b"\n"):
            # However slowly it drips.
            self._line.settimeout(max(until_s - time.monotonic(), 0.001))
            more = self._line.recv(LINE_BYTES_MAX + 1 - len(text))
            text += more
            if not more:
                raise _refused("the daemon went away before it gave the key")
            if len(text) > LINE_BYTES_MAX:
                raise _refused(f"the daemon's answer is longer than {LINE_BYTES_MAX} bytes")
        return text


def _taken(descriptor: str) -> socket.socket:
    try:
        line = socket.socket(fileno=int(descriptor))
    except (ValueError, OverflowError, OSError):
        raise _refused(f"{descriptor[:20]!a} is no descriptor of a socket") from None
    line.set_inheritable(False)
    if (line.family, line.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        line.detach()
        raise _refused(f"descriptor {descriptor} is no Unix stream socket")
    return line


def _orders(text: bytes) -> Orders:
    try:
        told = decoded(text, _Answer)
        key = bytes.fromhex(told.key)
    except (msgspec.DecodeError, ValueError):
        # Not what it said: a key may be in it.
        raise _refused("the daemon's answer cannot be read; is it of another version?") from None
    place = Path(told.probe_socket)
    if len(key) != KEY_BYTES or len(told.key) != 2 * KEY_BYTES or told.epoch < 1:
        raise _refused("the daemon's answer holds no key or no epoch")
    if not (told.run_id and told.invocation and place.is_absolute()):
        raise _refused("the daemon's answer names no run, no invocation or no socket")
    return Orders(
        run_id=told.run_id,
        invocation=told.invocation,
        epoch=told.epoch,
        key=key,
        probe_socket=place,
        others=told.others,
    )


def _refused(why: str) -> CommandError:
    return CommandError(f"cannot be supervised: {why}", _HINT, Exit.ENVIRONMENT)
