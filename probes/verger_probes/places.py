"""Where state and sockets of a user lie: environment and uid in, paths out. Standard library only.

Not here: paths inside a run (the kernel's layout), and making any of these folders.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

RUN_USER = Path("/run/user")


def state_home(environ: Mapping[str, str], home: Path) -> Path:
    """The folder for what must outlive a reboot: runs, worktrees, ledger, keys."""
    return (_absolute(environ, "XDG_STATE_HOME") or home / ".local" / "state") / "verger"


def runtime_dir(environ: Mapping[str, str], home: Path, *, uid: int, run_user: Path = RUN_USER) -> Path:
    """The folder for sockets. Without XDG_RUNTIME_DIR (cron, su) it is the one that logind made for `uid`, if
    that is really theirs, so that daemon and client meet however they were started; else the state folder.
    """
    named = _absolute(environ, "XDG_RUNTIME_DIR")
    if named is not None:
        return named / "verger"
    logind = run_user / str(uid)
    return logind / "verger" if _is_folder_of(logind, uid) else state_home(environ, home)


def _absolute(environ: Mapping[str, str], name: str) -> Path | None:
    # The base directory specification: a relative value is invalid and must be ignored.
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else None


def _is_folder_of(path: Path, uid: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid
