"""The attempt's worktree: made, looked at, set back, put away. What nobody recorded is kept before it is removed.

Not here: how git does it; see `git/worktrees.py`.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import msgspec

from verger_kernel.disk import evidence
from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.git import refs, removal, trees, trespass, tripwire, worktrees
from verger_kernel.git.command import GitError
from verger_kernel.git.trees import TreeChange
from verger_kernel.git.trespass import Watch
from verger_kernel.git.tripwire import Tripwire
from verger_kernel.perform import dependencies
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import PrepareWorktree, RunWorker
from verger_kernel.rules.events import WorktreeReady
from verger_kernel.rules.ids import ObjectId, shown, tries_of
from verger_kernel.rules.scope import LINK, leads_out, lies_within, path_text
from verger_probes.records import write_record

_MAKING = Lock()
_LINK_BYTES_MAX = 4095


def prepare(effect: PrepareWorktree, site: Site) -> WorktreeReady:
    """Makes the worktree at the base, in place of a half-made one and of those of earlier attempts."""
    # More than one may stand: an attempt that was blocked before it got a worktree put nothing away.
    quarantine = " ".join(filter(None, (_given_up(site, effect, n) for n in range(1, effect.attempt))))
    attempt = site.attempt(effect.item, effect.attempt)
    make_folder(attempt.root)
    if effect.attempt > 1:
        dependencies.settle(site, effect.item, passed=False)
    digest = evidence.take(site.folder.root / effect.evidence, attempt) if effect.evidence else ""
    _create(site, attempt, effect.base)
    return WorktreeReady(effect=effect.id, evidence=digest, quarantine=quarantine)


def _given_up(site: Site, effect: PrepareWorktree, attempt: int) -> str:
    tip = refs.read(site.git, site.attempt_ref(effect.item, attempt)) or effect.base
    return put_away(site, effect.item, attempt, tip, accepted=False)


class Wires(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stood before an agent came: in the attempt's worktree, and around the user's repository."""

    worktree: Tripwire
    repository: Watch


def too_large(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What the worker left that no record can be made of in time, in words."""
    folder = site.attempt(item, attempt)
    found = worktrees.too_large(site.git, folder.worktree, folder.index)
    return tuple(f"{shown(path)} is larger than {worktrees.FILE_BYTES_MAX >> 20} MiB" for path in found)


def escapes(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What an agent did to git in the worktree, in words; empty when nothing."""
    folder = site.attempt(item, attempt)
    return tripwire.escapes(folder.worktree, _wires_of(folder).worktree)


def watch(site: Site, item: str, attempt: int) -> None:
    """Notes how the user's repository stands, right before a worker is called: a resume finds it on disk."""
    folder = site.attempt(item, attempt)
    wires = msgspec.structs.replace(_wires_of(folder), repository=trespass.watch(site.repository))
    write_record(folder.tripwire, msgspec.json.encode(wires), durable=False)


def trespasses(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What somebody did to the user's repository since `watch`, in words; empty when nothing that counts."""
    before = _wires_of(site.attempt(item, attempt)).repository
    return trespass.trespasses(site.repository, before)


def planted(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What a try that was cut short left for git to obey in the user's repository, in words.

    Refs do not count: another run may have gone on since. Without a record of before, nothing can be told.
    """
    folder = site.attempt(item, attempt)
    if not folder.tripwire.exists():
        return ()
    before = _wires_of(folder).repository
    now = trespass.watch(site.repository)
    return trespass.trespasses(site.repository, msgspec.structs.replace(before, refs=now.refs))


def _wires_of(folder: AttemptFolder) -> Wires:
    return msgspec.json.decode(folder.tripwire.read_bytes(), type=Wires)


def forged_evidence(site: Site, effect: RunWorker) -> tuple[str, ...]:
    """What became of the evidence copy, in words, if it is no longer what a person supplied; empty if it is."""
    if not effect.evidence:
        return ()
    found = evidence.digest_folder(site.attempt(effect.item, effect.attempt).evidence)
    return () if found == effect.evidence else ("the external evidence was changed",)


def links_that_lead_out(site: Site, effect: RunWorker, changes: Iterable[TreeChange]) -> tuple[str, ...]:
    """The changed symbolic links that lead out of the tree: by what was recorded of them, or where they now end."""
    links = [change for change in changes if change.new_mode == LINK]
    targets = trees.contents(site.git, (link.new_id for link in links), size_max=_LINK_BYTES_MAX)
    root = os.path.realpath(os.fsencode(site.attempt(effect.item, effect.attempt).worktree))
    return tuple(
        path_text(link.path)
        for link in links
        if _leads_out(link.path, targets.get(link.new_id)) or not _ends_inside(root, link.path)
    )


def _leads_out(path: bytes, target: bytes | None) -> bool:
    # What is too long for a link of this system leads nowhere here, and who knows where elsewhere.
    return target is None or leads_out(path_text(path), path_text(target))


def _ends_inside(root: bytes, path: bytes) -> bool:
    """Whether the file system, which follows links on the way, too, comes to an end below `root`."""
    end = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - bytes, for odd names
    return end == root or end.startswith(root + b"/")


def was_disturbed(site: Site, effect: RunWorker) -> bool:
    """Whether somebody changed the worktree since its last checkpoint: a lane that reads must not write."""
    if effect.round == 0:
        return False
    folder = site.attempt(effect.item, effect.attempt)
    return bool(
        escapes(site, effect.item, effect.attempt)
        or worktrees.leftovers(site.git, folder.worktree, folder.index)
    )


class Recorded(NamedTuple):
    """The worktree as a git tree, with every object durable, and the files that a new ignore rule kept out of it."""

    tree: ObjectId
    left_out: tuple[str, ...]


def record_anew(site: Site, item: str, attempt: int, tip: ObjectId) -> ObjectId:
    """The worktree as a git tree, every file read again since the checkpoint `tip`; see `recorded`."""
    worktrees.forget_seen(site.git, site.attempt(item, attempt).index, tip)
    return recorded(site, item, attempt).tree


def recorded(site: Site, item: str, attempt: int) -> Recorded:
    """What the worktree holds, by the ignore rules of the attempt's base.

    What a rule of the worker's own ignores is recorded all the same inside the item's write roots, else left out
    and named: built things are no escape, and nothing is lost unseen.
    """
    folder = site.attempt(item, attempt)
    roots = site.item(item).allowed_write_roots
    rules = _wires_of(folder).worktree.ignores
    return Recorded(
        *worktrees.record_by(
            site.git, folder.worktree, folder.index, rules, lambda path: lies_within(path, roots)
        )
    )


def ensure(site: Site, item: str, attempt: int, tip: ObjectId) -> None:
    """Makes the worktree again at its last checkpoint if somebody removed it, a cleaner of old files for one."""
    folder = site.attempt(item, attempt)
    # Both lanes may find it gone at the same moment.
    with _MAKING:
        if not folder.worktree.is_dir():
            _create(site, folder, tip)


def reset(site: Site, effect: RunWorker) -> str:
    """Sets the worktree back to where the stage began; answers with the ref that keeps what was left there."""
    folder = site.attempt(effect.item, effect.attempt)
    name = f"{effect.stage}-round-{effect.round}-try-{tries_of(effect.id) - 1}"
    kept = _quarantine(site, effect.item, effect.attempt, name, effect.tip, accepted=False)
    if folder.worktree.is_dir():
        # Warm, it is many times faster than a fresh checkout.
        worktrees.restore(site.git, folder.worktree, effect.tip, folder.index, head=effect.tip)
        _set_tripwire(site, folder)
    else:
        _create(site, folder, effect.tip)
    return kept


def _create(site: Site, attempt: AttemptFolder, commit: ObjectId) -> None:
    make_folder(attempt.worktree.parent)
    worktrees.create(site.git, attempt.worktree, commit, attempt.index, root=site.folder.worktrees)
    _set_tripwire(site, attempt)


def _set_tripwire(site: Site, folder: AttemptFolder) -> None:
    wire = tripwire.tripwire(folder.worktree)
    if folder.tripwire.exists():
        # Made or set back in a later round: the rules stay those of the base, with which the attempt began.
        wire = replace(wire, ignores=_wires_of(folder).worktree.ignores)
    wires = Wires(worktree=wire, repository=trespass.watch(site.repository))
    write_record(folder.tripwire, msgspec.json.encode(wires), durable=False)


def put_away(site: Site, item: str, attempt: int, tip: ObjectId, *, accepted: bool) -> str:
    """Removes the worktree; answers with what keeps what no ref keeps, empty when it was clean or gone.

    `tip` is the attempt's last checkpoint; `accepted` says that nothing was recorded after it.
    """
    folder = site.attempt(item, attempt)
    if not os.path.lexists(folder.worktree):
        return ""
    kept = _quarantine(site, item, attempt, "left-behind", tip, accepted=accepted)
    removal.remove(folder.worktree, site.folder.worktrees)
    return kept


def _quarantine(site: Site, item: str, attempt: int, name: str, parent: ObjectId, *, accepted: bool) -> str:
    folder = site.attempt(item, attempt)
    if not folder.worktree.is_dir() or not folder.index.exists():
        return ""
    worktrees.remove_special(folder.worktree)
    if not _is_dirty(site, folder, parent, accepted):
        return ""
    ref = site.quarantine_ref(item, attempt, name)
    # The date of the index does not move while the tree is kept: done again after a crash, it is the same commit.
    kept_at_ms = folder.index.stat().st_mtime_ns // 1_000_000
    try:
        if worktrees.too_large(site.git, folder.worktree, folder.index):
            return _moved_aside(folder.worktree)
        worktrees.quarantine(site.git, folder.worktree, folder.index, ref, parent, kept_at_ms)
    except GitError as error:
        if error.is_of_the_world():
            raise
        return _moved_aside(folder.worktree)
    return ref


def _moved_aside(place: Path) -> str:
    """Where a worktree stands now that git cannot record, for a name that no tree can hold, or for its size."""
    number = 1
    while (aside := place.with_name(f"{place.name}.kept-{number}")).exists():
        number += 1
    place.rename(aside)
    return aside.name


def _is_dirty(site: Site, folder: AttemptFolder, parent: ObjectId, accepted: bool) -> bool:
    try:
        if worktrees.leftovers(site.git, folder.worktree, folder.index):
            return True
        # A tree that was recorded and then refused equals the index, but no ref keeps it.
        return not accepted and worktrees.differs(site.git, folder.worktree, folder.index, parent)
    except GitError:
        # A power loss can leave an index that git cannot read; keeping a clean tree costs little.
        return True
