"""Taking a whole worktree into an index: which paths never, and how new files are made durable.

Not here: what becomes of the index (`worktrees.py`), and what ignore rules hide (`ignores.py`).
"""

import os
from collections.abc import Iterable
from pathlib import Path

from verger_kernel.git.command import Git

_FEW, _MANY = 8, 100


def add_all(git: Git, target: Path, index: Path, never: Iterable[str], *how: str) -> None:
    """Makes `index` hold what stands in `target`, ignored files and the paths `never` left out. One git process.

    `how` are arguments before the command, such as those of `synced`.
    """
    but = b"".join(b":(exclude,literal)%s\0" % os.fsencode(path) for path in never)
    words = ("--pathspec-from-file=-", "--pathspec-file-nul") if but else ()
    git.run(*how, "add", "--all", *words, work_tree=target, index=index, stdin=b".\0" + but if but else b"")


def synced(files: int) -> tuple[str, ...]:
    """How git makes so many new files durable with the fewest syncs: each, all at once, or in one pack."""
    if files <= _FEW:
        return ("-c", "core.fsyncMethod=fsync")
    return ("-c", "core.fsyncMethod=batch", *(("-c", "core.bigFileThreshold=1") if files > _MANY else ()))
