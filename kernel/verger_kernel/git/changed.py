"""Which tracked files of a worktree are no longer what the kernel recorded.

Not here: what else was left there, and `.git` itself; see `worktrees.py` and `tripwire.py`.
"""

from pathlib import Path
from threading import Lock

from verger_kernel.git.command import Git
from verger_kernel.rules.scope import path_text

# Both lanes ask of one worktree, and git works in a folder beside its index.
_ASKING = Lock()


def changed_files(git: Git, target: Path, index: Path) -> tuple[str, ...]:
    """The tracked files of `target` whose content or mode differs from what `index` recorded, and those that are gone.

    New files do not count. In byte order, as `path_text` shows them. One git process. Raises GitError.
    """
    with _ASKING:
        listing = git.run("ls-files", "-z", "--modified", "--deleted", work_tree=target, index=index)
    return tuple(path_text(path) for path in sorted(set(listing.split(b"\0")[:-1])))
