"""The socket that the daemon listens at, as a file: made without a window, told from others', found missing.

Not here: who connects (`server.py`), and judging what systemd hands over (`activation.py`).
Only the holder of the daemon's lock may call what is here.
"""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from verger_probes.places import SOCKET_PATH_BYTES_MAX

BACKLOG = 512
"""How many may wait to be let in. Beyond that a client that does not block is told to try again, by the system."""


class SocketRefused(Exception):
    """The daemon cannot listen at a path: what and why, and the way out."""

    def __init__(self, path: Path, why: str, hint: str) -> None:
        super().__init__(f"Cannot listen at {path}: {why}")
        self.what = str(self)
        self.hint = hint


class Listening(NamedTuple):
    """A socket that listens at `path`, and which file it made there. One `is_lent` by systemd, which keeps the file."""

    socket: socket.socket
    path: Path
    file: tuple[int, int] | None
    is_lent: bool = False

    def is_in_place(self) -> bool:
        """Whether who connects to the path still comes here."""
        return self.file is not None and _file(self.path) == self.file

    def remove(self) -> None:
        """Takes the file away, unless it is another one by now. The socket is closed by who serves it."""
        if self.is_in_place() and not self.is_lent:
            self.path.unlink(missing_ok=True)

    def again(self) -> "Listening":
        """A new socket, where the file of this one is gone. Raises SocketRefused, and OSError of the disk."""
        if self.is_lent:
            # Whoever made it still listens, and hands the same one to the next daemon.
            hint = "restart the unit of the socket: systemctl --user restart vergerd.socket; kernels go on"
            raise SocketRefused(self.path, "the socket that systemd made there is gone", hint)
        return listen(self.path)


def listen(path: Path) -> Listening:
    """A socket that listens at `path`, 0600 in a folder 0700. Raises SocketRefused, and OSError of the disk.

    A socket that is ours and that nobody listens at is replaced; anything else that is there stays, and is refused.
    """
    refuse_long(path)
    _make_private(path.parent)
    _refuse_others(path)
    # As long as the path itself, so that it fits where that does.
    begun = path.with_name(path.name[:-1] + "~")
    _refuse_others(begun)
    begun.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(os.fspath(begun))
        begun.chmod(0o600)
        # Only now can anybody connect, and only after that does anybody find it.
        made.listen(BACKLOG)
        made.setblocking(False)
        file = _file(begun)
        assert file is not None
        begun.rename(path)
    except BaseException:
        made.close()
        begun.unlink(missing_ok=True)
        raise
    return Listening(made, path, file)


def refuse_long(path: Path) -> None:
    """Raises SocketRefused where `path` is longer than any socket's may be."""
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES_MAX:
        why = f"its path has {length} bytes, and that of a socket has at most {SOCKET_PATH_BYTES_MAX}"
        raise SocketRefused(path, why, "set XDG_RUNTIME_DIR to a folder of yours with a shorter path")


def lent(handed: socket.socket, path: Path) -> Listening:
    """The socket that systemd made at `path` and goes on to own."""
    return Listening(handed, path, _file(path), is_lent=True)


def _file(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.lstat()
        return found.st_dev, found.st_ino
    return None


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        why = f"{folder} is no folder, or not yours"
        raise SocketRefused(folder, why, "remove it, or set XDG_RUNTIME_DIR to a folder of yours")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _refuse_others(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketRefused(path, "what is there is no socket", "look what it is, and move it away")
    if found.st_uid != os.getuid():
        why = f"the socket that is there belongs to the user {found.st_uid}"
        raise SocketRefused(
            path, why, "ask that user to remove it, or set XDG_RUNTIME_DIR to a folder of yours"
        )
    if _answers(path):
        raise SocketRefused(path, "somebody listens there", "end that process, or let it be your daemon")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:  # so many wait to be let in that there is no room for one more
            return True
        return True
