"""Where the state of a user lies: environment in, path out. Standard library only.

Not here: paths inside a run (the kernel's layout), and making any of these folders.
"""

from collections.abc import Mapping
from pathlib import Path


def state_home(environ: Mapping[str, str], home: Path) -> Path:
    """The folder for what must outlive a reboot: runs, worktrees, ledger, keys."""
    return (_absolute(environ, "XDG_STATE_HOME") or home / ".local" / "state") / "verger"


def _absolute(environ: Mapping[str, str], name: str) -> Path | None:
    # The base directory specification: a relative value is invalid and must be ignored.
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else None
