"""The kernel's probe socket: bound for its owner alone, and each challenge on it answered at once by the loop.

Not here: what is answered (`at_work.py`) and the lines (`verger_probes.rules.probe`). Whatever a peer does costs that
peer its connection and nobody else anything.
"""

import asyncio
import os
import re
import socket
import stat
import struct
from pathlib import Path

from verger_kernel.errors import CommandError
from verger_kernel.supervised.at_work import AtWork
from verger_kernel.supervised.greeting import Orders
from verger_probes.exits import Exit
from verger_probes.places import SOCKET_PATH_BYTES_MAX
from verger_probes.rules.probe import LINE_BYTES_MAX, Challenge, Identity, ProbeRefused, answer, read_ask

CONNECTIONS_MAX = 16
UNREAD_BYTES_MAX = 64 * 1024
"""What a peer may leave unread before it is dropped: some fifty answers."""
ASKS_AHEAD_MAX = 16
"""Lines that are answered from one read; nobody who waits for answers sends more."""
NONCES_KEPT = 4096
"""An hour of challenges: an older one proves nothing to whoever hears its answer again."""

_NONCE = re.compile("[0-9a-f]{64}")
_CREDENTIALS = struct.Struct("3i")
_BACKLOG = 64


class ProbeSocket:
    """A socket that is bound and listens, in a folder that was there; nobody else can ever connect to it."""

    def __init__(self, path: Path) -> None:
        """Binds `path`, in place of a dead socket of ours if need be. Raises CommandError."""
        self._path = path
        self.socket = _bound(path)
        self._identity = _identity(path)

    @property
    def is_in_place(self) -> bool:
        """Whether who connects to the path still comes here."""
        try:
            return _identity(self._path) == self._identity
        except OSError:
            return False

    def again(self) -> socket.socket:
        """Another socket under the same name, which vanished: a daemon that comes later would find none. Raises
        CommandError where it cannot be, or somebody else has the name now.
        """
        made = _bound(self._path)
        self.socket, self._identity = made, _identity(self._path)
        return made

    def close(self) -> None:
        """Closes the socket and removes its name, unless that is somebody else's by now."""
        if self.is_in_place:
            self._path.unlink(missing_ok=True)
        self.socket.close()


def _bound(path: Path) -> socket.socket:
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES_MAX:
        why = f"its path has {length} bytes, and a socket's has at most {SOCKET_PATH_BYTES_MAX}"
        raise _refused(path, why, "set XDG_RUNTIME_DIR to a folder with a shorter path")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _make_way(path)
        made.bind(str(path))
        path.chmod(0o600)
        # Only now can anybody connect.
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        hint = "look what is in its place, and whether its folder is there and yours"
        raise _refused(path, error.strerror or str(error), hint) from None
    except CommandError:
        made.close()
        raise
    return made


def _make_way(path: Path) -> None:
    """Removes a socket of ours that nobody listens on any more; raises CommandError for anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        raise _refused(path, "something else is in its place", "move that away, if it is yours")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError:
            # One whose queue is full is alive as well.
            pass
    raise _refused(path, "somebody listens there", "is that kernel still at work? wait for it")


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _refused(path: Path, why: str, hint: str) -> CommandError:
    return CommandError(f"cannot make the probe socket {path}: {why}", hint, Exit.ENVIRONMENT)


class Answering:
    """All peers of the probe socket. Everything here runs on the loop."""

    def __init__(self, orders: Orders, identity: Identity, at_work: AtWork) -> None:
        self._orders = orders
        self._identity = identity
        self._at_work = at_work
        self._epoch = orders.epoch
        self._nonces: dict[str, None] = {}
        self._peers: dict[_Peer, None] = {}

    def peer(self) -> "_Peer":
        """The protocol of a new connection."""
        return _Peer(self)

    def hint(self, seq: int) -> None:
        """Tells who proved itself that the journal ends with record `seq` now."""
        for peer in list(self._peers):
            if peer.proved:
                peer.write(b"moved %d\n" % seq)

    def close(self) -> None:
        """Drops every peer."""
        for peer in list(self._peers):
            peer.drop()

    def came(self, peer: "_Peer") -> None:
        """Makes room for a new peer: who came first and never asked rightly goes."""
        self._peers[peer] = None
        if len(self._peers) > CONNECTIONS_MAX:
            next(one for one in self._peers if not one.proved).drop()

    def went(self, peer: "_Peer") -> None:
        """Forgets a peer."""
        self._peers.pop(peer, None)

    def answer(self, line: bytes) -> bytes:
        """The line that answers `line`. Raises ProbeRefused."""
        challenge = read_ask(self._orders.key, line)
        self._check(challenge)
        return answer(self._orders.key, self._at_work.ack(challenge, self._identity))

    def _check(self, challenge: Challenge) -> None:
        meant = (challenge.run_id, challenge.invocation) == (self._orders.run_id, self._orders.invocation)
        # A daemon that came later has a higher epoch; one that was overtaken is answered no more.
        if not meant or challenge.epoch < self._epoch:
            raise ProbeRefused("probe_ask_mismatch")
        if not _NONCE.fullmatch(challenge.nonce) or challenge.nonce in self._nonces:
            raise ProbeRefused("probe_nonce_invalid")
        self._epoch = challenge.epoch
        self._nonces[challenge.nonce] = None
        if len(self._nonces) > NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, all_: Answering) -> None:
        self.proved = False
        self._all = all_
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if _uid(transport) != os.geteuid():
            self.drop()
            return
        self._all.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._all.went(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(lines) > ASKS_AHEAD_MAX or len(self._rest) > LINE_BYTES_MAX:
            self.drop()
            return
        try:
            self.write(b"".join(map(self._answered, lines)))
        except ProbeRefused:
            self.drop()

    def _answered(self, line: bytes) -> bytes:
        if len(line) > LINE_BYTES_MAX:
            raise ProbeRefused("probe_line_too_long")
        answered = self._all.answer(line)
        self.proved = True
        return answered

    def write(self, data: bytes) -> None:
        """Sends `data`; a peer that leaves too much unread is dropped and never waited for."""
        if self._transport is None or not data:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.drop()

    def drop(self) -> None:
        """Ends the connection at once, whatever was not sent yet."""
        self._all.went(self)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _uid(transport: asyncio.Transport) -> int:
    line: socket.socket = transport.get_extra_info("socket")
    data = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])
