"""Trees and commits: what changed between two, and how one is made.

Not here: the tree of a worktree (`worktrees.record`), and which reference names a commit (`refs.py`).
"""

from verger_kernel.git.command import Git
from verger_kernel.git.trees import known_trees, parsed
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


def changes(git: Git, old: ObjectId, new: ObjectId) -> tuple[tuple[Change, ...], bytes]:
    """Every path that differs between two trees or commits, in byte order, and the patch. One git process.

    The patch has full ids and binary data, so `git apply` can use it; a rename is a deletion and an addition.
    """
    found = git.run(*_DIFF, old, new)
    # An empty entry, that is two NULs, ends the list; no field of the list is empty.
    listing, _, patch = found.partition(b"\0\0")
    return tuple(change.as_change() for change in parsed(listing)), patch


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
