"""Where the state and the sockets of a user lie: environment in, path out. Standard library only.

Not here: paths inside a run (the kernel's layout), and making any of these folders.
"""

from collections.abc import Mapping
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 107
"""What the system's address of a Unix socket holds; a longer path cannot be bound or reached."""

_USERS = Path("/run/user")


def state_home(environ: Mapping[str, str], home: Path) -> Path:
    """The folder for what must outlive a reboot: runs, worktrees, roster, keys."""
    return (_absolute(environ, "XDG_STATE_HOME") or home / ".local" / "state") / "verger"


def daemon_home(environ: Mapping[str, str], home: Path) -> Path:
    """The daemon's own folder: its lock, its keys, and what it knows of the runs that it supervises."""
    return state_home(environ, home) / "daemon"


def socket_home(environ: Mapping[str, str], home: Path, uid: int, *, users: Path = _USERS) -> Path:
    """The folder for sockets: that of the session, else that of the user where it is his own, else the daemon's."""
    session = _absolute(environ, "XDG_RUNTIME_DIR") or users / str(uid)
    try:
        # Where somebody else made a folder under our number, our sockets would be theirs.
        ours = session.stat().st_uid == uid
    except OSError:
        ours = False
    return session / "verger" if ours else daemon_home(environ, home)


def daemon_socket(environ: Mapping[str, str], home: Path, uid: int) -> Path:
    """Where the daemon of this user listens."""
    return socket_home(environ, home, uid) / "vergerd.sock"


def _absolute(environ: Mapping[str, str], name: str) -> Path | None:
    # The base directory specification: a relative value is invalid and must be ignored.
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else None
