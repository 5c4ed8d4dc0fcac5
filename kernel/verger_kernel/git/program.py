"""Which program `git` is: the first on PATH, but never one that lies where an agent may have written.

Not here: running it; see `command.py`.
"""

import os
import shutil
from functools import lru_cache


def search_path() -> str:
    """PATH without its relative entries: git works in folders whose programs an agent may have written."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry.startswith("/"))


def git_program() -> str | None:
    """The git on PATH; None when there is none."""
    return _found_on(search_path())


@lru_cache
def _found_on(path: str) -> str | None:
    return shutil.which("git", path=path)
