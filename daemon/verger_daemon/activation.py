"""The socket that systemd made and hands over: found by LISTEN_FDS, and judged before anybody is served at it.

Not here: a socket that the daemon makes itself (`listening.py`).
"""

import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path

from verger_daemon.listening import Listening, SocketRefused, lent

VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What systemd says to the daemon alone."""
FIRST = 3
"""The descriptor that systemd begins to count at."""

_HINT = "let the unit of the socket be as verger daemon install writes it, or start vergerd without one"


def taken(environ: MutableMapping[str, str], pid: int, path: Path) -> Listening | None:
    """The socket that was handed to process `pid`, which listens at `path`; None when none was.

    Takes the variables out of `environ`, so that nobody inherits them. Raises SocketRefused for any other socket.
    """
    meant, count, _ = (environ.pop(name, "") for name in VARIABLES)
    if meant != str(pid):
        return None
    if count != "1":
        what = f"systemd hands over {count[:20]!a} sockets, and one is needed"
        raise SocketRefused(path, what, _HINT)
    try:
        handed = socket.socket(fileno=FIRST)
    except OSError as error:
        raise SocketRefused(path, f"what systemd hands over is no socket: {error.strerror}", _HINT) from None
    try:
        if why := _flaw(handed, path):
            raise SocketRefused(path, f"what systemd hands over {why}", _HINT)
        handed.set_inheritable(False)
        handed.setblocking(False)
        return lent(handed, path)
    except BaseException:
        handed.close()
        raise


def _flaw(handed: socket.socket, path: Path) -> str:
    """Why the socket is not the one that is to be served; empty when it is."""
    if (handed.family, handed.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        return "is no stream of the Unix family"
    if not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "does not listen"
    name = handed.getsockname()
    if name != os.fspath(path):
        return f"listens at {name!r}"
    try:
        found = path.lstat()
    except OSError as error:
        return f"is not there any more: {error.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return "is not what is there now"
    if found.st_uid != os.getuid():
        return f"belongs to the user {found.st_uid}"
    if stat.S_IMODE(found.st_mode) != 0o600:
        return f"is open to others: its mode is {stat.S_IMODE(found.st_mode):o}, and must be 600"
    return ""
