"""Trees and commits: what changed between two, and how one is made.

Not here: the tree of a worktree (`worktrees.record`), and which reference names a commit (`refs.py`).
"""

from collections.abc import Iterator
from typing import cast

from verger_kernel.git.command import Git
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import Change, Status, path_text

_DIFF = (
    "diff-tree",
    "-r",
    "--raw",
    "-z",
    "-p",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
)


def changes(git: Git, old: ObjectId, new: ObjectId) -> tuple[tuple[Change, ...], bytes]:
    """Every path that differs between two trees or commits, in git's order, and the patch. One git process.

    The patch has full ids and binary data, so `git apply` can use it; a rename is a deletion and an addition.
    """
    found = git.run(*_DIFF, old, new)
    changed = tuple(_changes(found))
    if not changed:
        return (), b""
    # An empty entry, that is two NULs, ends the list; no field of the list is empty.
    return changed, found.partition(b"\0\0")[2]


def commit_tree(git: Git, tree: ObjectId, parent: ObjectId, message: str, utc_ms: int) -> ObjectId:
    """The durable commit of `tree` on top of `parent`; equal arguments make the same commit."""
    made = git.run(
        *("commit-tree", tree, "-p", parent, "-F", "-"), stdin=message.encode(), dates_utc_ms=utc_ms
    )
    return ObjectId(made.decode().strip())


def tree_of(git: Git, commit: ObjectId) -> ObjectId:
    """The tree that `commit` holds."""
    return ObjectId(git.run("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip())


def _changes(found: bytes) -> Iterator[Change]:
    fields = iter(found.partition(b"\0\0")[0].split(b"\0"))
    for words in fields:
        if words.startswith(b":"):
            old_mode, new_mode, _, _, status = words[1:].decode().split(" ")
            yield Change(
                status=cast(Status, status),
                path=path_text(next(fields)),
                old_mode=old_mode,
                new_mode=new_mode,
            )
