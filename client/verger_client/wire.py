"""One question to the daemon and its answer, for commands that must start as fast as Python itself.

Not here: what is asked (`supervise.py`) and starting a daemon (`starting.py`). `json`, `socket`, `argparse` and
`pathlib` would each cost up to half a start of Python; what is said is small, and what of it is read is known.
"""

import _json
import _socket
import os
import sys
from _collections_abc import Mapping

from verger_probes.version import VERSION

DEADLINE_S = 2.0
"""A daemon that is well answers within a thousandth of it."""

_CHUNK = 1 << 16


class NoDaemon(Exception):
    """Nobody answers at the socket; `why` says what was found there, `hint` the way out."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class Silent(NoDaemon):
    """Somebody is there, and says nothing in time."""


class Refused(Exception):
    """The daemon's answer is an error: what and why, the way out, and the exit code that it deserves."""

    def __init__(self, what: str, hint: str, exit_code: int) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.exit_code = exit_code


class Connection:
    """A connection to the daemon at `path`. Raises NoDaemon when it cannot be made, or breaks."""

    def __init__(self, path: str) -> None:
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.settimeout(DEADLINE_S)
        self._rest = b""
        self._asked = 0
        try:
            self._socket.connect(path)
        except FileNotFoundError:
            raise NoDaemon(f"no daemon listens at {path}", "begin one: verger supervise run FILE") from None
        except ConnectionRefusedError:
            raise NoDaemon(f"the daemon that listened at {path} is gone", "begin another: vergerd") from None
        except OSError as error:
            raise NoDaemon(f"cannot reach {path}: {error}", "see: vergerd --help") from None

    def ask(
        self, method: str, params: Mapping[str, object] | None = None, *, deadline_s: float = DEADLINE_S
    ) -> str:
        """The result of `method`, as JSON text. Raises Refused when the answer is an error."""
        self._asked += 1
        said = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": dict(params or {})}
        self.send(encoded(said).encode() + b"\n")
        line = self.line(deadline_s)
        place = line.find('"error":')
        if 0 <= place < line.find('"result":') or '"result":' not in line:
            raise Refused(text(line, "message"), text(line, "hint"), number(line, "exit_code") or 1)
        return line[line.index('"result":') + len('"result":') : -1]

    def send(self, data: bytes) -> None:
        """Sends all of `data`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise NoDaemon(f"the daemon went away: {error}", "see: vergerd --help") from None

    def line(self, deadline_s: float | None = DEADLINE_S) -> str:
        """The next line that the daemon says, without its end; None as deadline waits for ever."""
        self._socket.settimeout(deadline_s)
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            parts.append(self._more(deadline_s))
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line.decode()

    def _more(self, deadline_s: float | None) -> bytes:
        try:
            found = self._socket.recv(_CHUNK)
        except TimeoutError:
            what = f"the daemon did not answer within {deadline_s:g} s"
            raise Silent(what, "it is stopped or stuck: see its process") from None
        except OSError as error:
            raise NoDaemon(f"the daemon went away: {error}", "see: vergerd --help") from None
        if not found:
            raise NoDaemon("the daemon closed the connection", "see: vergerd --help")
        return found

    def peer(self) -> tuple[int, int]:
        """Pid and user of the process at the other end, as the system tells them."""
        credentials = self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        pid, uid = (int.from_bytes(credentials[at : at + 4], "little") for at in (0, 4))
        return pid, uid

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()


def daemon() -> Connection:
    """A connection to the daemon of this user; that it is of another version is told in a line. Raises NoDaemon."""
    path = socket_path()
    found = Connection(path)
    pid, uid = found.peer()
    if uid != os.getuid():
        why = f"who listens at {path} is pid {pid} of the user {uid}"
        raise NoDaemon(why, "ask that user to remove it, or set XDG_RUNTIME_DIR to a folder of yours")
    theirs = text(found.ask("daemon.ping"), "version")
    if theirs != VERSION:
        sys.stderr.write(
            f"this is verger {VERSION}, and the daemon that listens is {theirs or 'no vergerd'}: "
            "verger daemon stop ends it, the next command starts another; kernels go on meanwhile\n"
        )
    return found


def socket_path() -> str:
    """Where the daemon of this user listens; `verger_probes.places.daemon_socket` in words that need no import."""
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    session = session if session.startswith("/") else f"/run/user/{os.getuid()}"
    try:
        ours = os.stat(session).st_uid == os.getuid()
    except OSError:
        ours = False
    if ours:
        return f"{session}/verger/vergerd.sock"
    state = os.environ.get("XDG_STATE_HOME", "")
    state = state if state.startswith("/") else f"{os.environ.get('HOME', '')}/.local/state"
    return f"{state}/verger/daemon/vergerd.sock"


def encoded(value: object) -> str:
    """`value`, made of text, numbers, truths, None, lists and tables, as JSON."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return _json.encode_basestring_ascii(value)
        case int():
            return str(value)
        case list() | tuple():
            return f"[{','.join(map(encoded, value))}]"
        case dict():
            pairs = (f"{encoded(str(name))}:{encoded(one)}" for name, one in value.items())
            return "{" + ",".join(pairs) + "}"
    raise TypeError(f"{value!r} has no form in JSON")


def text(said: str, name: str) -> str:
    """The text of the first field `name` in what the daemon `said`; empty when there is none."""
    place = said.find(f'"{name}":"')
    if place < 0:
        return ""
    found: str = _json.scanstring(said, place + len(name) + 4, True)[0]
    return found


def number(said: str, name: str) -> int:
    """The whole number of the first field `name` in what the daemon `said`; 0 when there is none."""
    _, found, rest = said.partition(f'"{name}":')
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if found else ""
    return int(digits or 0)
