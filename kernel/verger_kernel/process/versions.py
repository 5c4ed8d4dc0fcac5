"""Which version a program says it is.

Not here: whether that is the right one; see `agents/programs.py`.
"""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

_PATIENCE_S = 20
_VERSION = re.compile(rb"\b\d+\.\d+\.\d+[0-9A-Za-z.+-]*")


def version_said(program: Path) -> str:
    """The first version in what `program --version` prints, empty if it prints none or cannot be asked."""
    try:
        found = program.stat()
    except OSError:
        return ""
    return _said(str(program), found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _said(program: str, _inode: int, _size: int, _mtime_ns: int) -> str:
    # It learns nothing of us: neither a key nor a folder in which it could look for configuration.
    environment = {"PATH": os.defpath, "HOME": os.devnull, "CODEX_HOME": os.devnull}
    try:
        done = subprocess.run(
            (program, "--version"),
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(done.stdout)
    return match[0].decode("ascii") if match else ""
