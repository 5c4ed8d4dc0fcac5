"""Refs of a run: the run branch is the one truth; an attempt's ref keeps its checkpoints until they are on it.

Not here: the worktrees; see `worktree.py`. A ref is moved only from the value this run left it at.
"""

import secrets

from verger_kernel.git import commits, refs
from verger_kernel.git.command import GitError
from verger_kernel.git.refs import MoveRefused, RefMoved
from verger_kernel.perform import dependencies, surface, worktree
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import Checkpoint, CloseItem, CreateRunBranch, OpenGate
from verger_kernel.rules.events import Checkpointed, CloseRefused, GateOpened, ItemClosed, RunBranchCreated
from verger_kernel.rules.ids import ObjectId


def create(effect: CreateRunBranch, site: Site) -> RunBranchCreated:
    """Makes the run branch at the base commit."""
    refs.move_or_confirm(site.git, site.run_ref, new=effect.commit, old=None)
    return RunBranchCreated(effect=effect.id)


def checkpoint(effect: Checkpoint, site: Site) -> Checkpointed:
    """Commits the recorded tree, unless it equals its parent's, and writes what it did to the test surface."""
    commit = _checkpoint(effect, site)
    mark = surface.inspect(
        site,
        item=effect.item,
        attempt=effect.attempt,
        round_=effect.round,
        base=effect.base,
        result=commit,
    )
    return Checkpointed(effect=effect.id, commit=commit, surface=mark)


def _checkpoint(effect: Checkpoint, site: Site) -> ObjectId:
    if commits.tree_of(site.git, effect.parent) == effect.tree:
        return effect.parent
    message = (
        f"verger({effect.item}): {effect.stage} checkpoint\n\n"
        f"Verger-Run: {site.frame.run_id}\n"
        f"Verger-Item: {effect.item}\n"
        f"Verger-Attempt: {effect.attempt}, round {effect.round}\n"
    )
    commit = _commit(effect, site, message)
    # The first checkpoint makes the ref: until then the parent is the base, which the run branch keeps.
    old = None if effect.parent == effect.base else effect.parent
    refs.keep(site.git, site.attempt_ref(effect.item, effect.attempt), new=commit, old=old)
    return commit


def _commit(effect: Checkpoint, site: Site, message: str) -> ObjectId:
    arguments = (effect.tree, effect.parent, message, effect.at_utc_ms)
    try:
        return commits.commit_tree(site.git, *arguments)
    except GitError:
        # No ref names the tree yet, so a `git gc --prune=now` of the user can take it; the worktree still holds it.
        if worktree.record_anew(site, effect.item, effect.attempt, effect.parent) != effect.tree:
            raise
        return commits.commit_tree(site.git, *arguments)


def open_gate(effect: OpenGate, site: Site) -> GateOpened:
    """Puts the worktree away and draws the 128-bit nonce that the decision must repeat."""
    kept = worktree.put_away(site, effect.item, effect.attempt, effect.tip, accepted=True)
    return GateOpened(effect=effect.id, nonce=secrets.token_hex(16), quarantine=kept)


def close(effect: CloseItem, site: Site) -> ItemClosed | CloseRefused:
    """Moves the run branch to the result and puts the worktree away.

    Raises MoveRefused while somebody has the branch checked out: their files would no longer be what it holds.
    """
    place = refs.checked_out_at(site.repository, f"refs/heads/{effect.branch}")
    if place:
        raise MoveRefused(f"refs/heads/{effect.branch}", f"it is checked out at {place}")
    try:
        refs.move_or_confirm(
            site.git,
            f"refs/heads/{effect.branch}",
            new=effect.new,
            old=effect.old,
            drop=site.attempt_ref(effect.item, effect.attempt),
        )
    except RefMoved as moved:
        return CloseRefused(effect=effect.id, found=moved.found or "")
    kept = worktree.put_away(site, effect.item, effect.attempt, effect.new, accepted=True)
    dependencies.settle(site, effect.item, passed=True)
    return ItemClosed(effect=effect.id, quarantine=kept)
