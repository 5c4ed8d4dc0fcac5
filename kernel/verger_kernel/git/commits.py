"""Trees and commits: what changed between two, and how one is made.

Not here: the tree of a worktree (`worktrees.record`), and which reference names a commit (`refs.py`).
"""

from typing import NamedTuple

from verger_kernel.git import trees
from verger_kernel.git.command import Git
from verger_kernel.git.trees import TreeChange, known_trees, parsed
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import Change

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


class _Seen(NamedTuple):
    """What was found between two trees: ids never come to mean another."""

    git: Git
    old: ObjectId
    tree: ObjectId
    changes: tuple[TreeChange, ...]
    patch: bytes


_seen: list[_Seen] = []
"""The last difference that was read with its patch, if that is small: it is asked for again at each stage."""
_KEPT_BYTES_MAX = 8 << 20


def differences(git: Git, old: ObjectId, new: ObjectId, *, few: bool = False) -> tuple[TreeChange, ...]:
    """Every path that differs between two trees or commits, in byte order. One git process, none if asked again.

    Where only a `few` small files differ, the patch is read at once: `patch` needs no git process of its own then.
    """
    found = _found(git, old, new) or (_read(git, old, new) if few else None)
    return found.changes if found else trees.differences(git, old, new)


def changes(git: Git, old: ObjectId, new: ObjectId) -> tuple[tuple[Change, ...], bytes]:
    """Every path that differs between two trees or commits, in byte order, and the patch. One git process at most.

    The patch has full ids and binary data, so `git apply` can use it; a rename is a deletion and an addition.
    """
    found = _found(git, old, new) or _read(git, old, new)
    return tuple(change.as_change() for change in found.changes), found.patch


def _found(git: Git, old: ObjectId, new: ObjectId) -> _Seen | None:
    key = (git, old, known_trees.get(new, new))
    return next((one for one in _seen if one[:3] == key), None)


def _read(git: Git, old: ObjectId, new: ObjectId) -> _Seen:
    answer = git.run(*_DIFF, old, new)
    # An empty entry, that is two NULs, ends the list; no field of the list is empty.
    listing, _, patch = answer.partition(b"\0\0")
    found = _Seen(git, old, known_trees.get(new, new), parsed(listing), patch)
    _seen[:] = [found] if len(patch) <= _KEPT_BYTES_MAX else []
    return found


def commit_tree(git: Git, tree: ObjectId, parent: ObjectId, message: str, utc_ms: int) -> ObjectId:
    """The durable commit of `tree` on top of `parent`; equal arguments make the same commit."""
    made = git.run(
        *("commit-tree", tree, "-p", parent, "-F", "-"), stdin=message.encode(), dates_utc_ms=utc_ms
    )
    commit = ObjectId(made.decode().strip())
    known_trees[commit] = tree
    return commit


def tree_of(git: Git, commit: ObjectId) -> ObjectId:
    """The tree that `commit` holds. No git process where this process made it or asked before, else one."""
    if commit not in known_trees:
        found = git.run("rev-parse", "--verify", f"{commit}^{{tree}}")
        known_trees[commit] = ObjectId(found.decode().strip())
    return known_trees[commit]
