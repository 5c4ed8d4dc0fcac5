"""The attempt's worktree: made, looked at, set back, put away. What nobody recorded is kept before it is removed.

Not here: how git does it; see `git/worktrees.py`.
"""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import NamedTuple

import msgspec

from verger_kernel.disk import evidence
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.git import refs, removal, special, submodules, trespass, tripwire, worktrees
from verger_kernel.git.command import GitError
from verger_kernel.git.own_folder import forget
from verger_kernel.git.repository import ignored
from verger_kernel.git.standing import FILE_BYTES_MAX, Standing, standing
from verger_kernel.perform import bounds, dependencies
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import PrepareWorktree, RunWorker
from verger_kernel.rules.events import WorktreeReady
from verger_kernel.rules.ids import ObjectId, shown, tries_of
from verger_kernel.rules.scope import lies_within, path_text
from verger_kernel.rules.state import Spot
from verger_probes.records import write_record

_MAKING = Lock()
_FEW, _SMALL_BYTES = 100, 1 << 20
_stood: dict[Path, Standing] = {}
"""How each worktree stood right before this process recorded it, by its place."""


def prepare(effect: PrepareWorktree, site: Site) -> WorktreeReady:
    """Makes the worktree at the base, in place of a half-made one and of those of earlier attempts."""
    # More than one may stand: an attempt that was blocked before it got a worktree put nothing away.
    quarantine = " ".join(filter(None, (_given_up(site, effect, n) for n in range(1, effect.attempt))))
    attempt = site.attempt(effect.item, effect.attempt)
    attempt.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if effect.attempt > 1:
        dependencies.settle(site, effect.item, passed=False)
    digest = evidence.take(site.folder.root / effect.evidence, attempt) if effect.evidence else ""
    _create(site, attempt, effect.base)
    return WorktreeReady(effect=effect.id, evidence=digest, quarantine=quarantine)


def _given_up(site: Site, effect: PrepareWorktree, attempt: int) -> str:
    tip = refs.read(site.git, site.attempt_ref(effect.item, attempt)) or effect.base
    return put_away(site, effect.item, attempt, tip, accepted=False)


def _looked_at(folder: AttemptFolder) -> Standing:
    # Before git reads it: what changes from here on is a change.
    since_ns = folder.index.stat().st_mtime_ns if folder.index.exists() else 0
    _stood[folder.worktree] = standing(folder.worktree, since_ns)
    return _stood[folder.worktree]


def stands_as_recorded(site: Site, item: str, attempt: int) -> bool:
    """Whether nothing at all was touched in the worktree since this process recorded it; false where it cannot tell."""
    place = site.attempt(item, attempt).worktree
    return place in _stood and standing(place).is_that_of(_stood[place])


def was_disturbed(site: Site, effect: RunWorker) -> bool:
    """Whether somebody changed the worktree since its last checkpoint: a lane that reads must not write."""
    if effect.round == 0 or stands_as_recorded(site, effect.item, effect.attempt):
        return False
    folder = site.attempt(effect.item, effect.attempt)
    return bool(
        bounds.escapes(site, effect.item, effect.attempt)
        or worktrees.leftovers(site.git, folder.worktree, folder.index)
    )


class Recorded(NamedTuple):
    """The worktree as a git tree, with every object durable, and the files that a new ignore rule kept out of it.

    There is no tree where files are `too_large` to be recorded in time; they are named with why. `few` says that a few
    small files at most were changed since the last record.
    """

    tree: ObjectId
    left_out: tuple[str, ...]
    few: bool
    too_large: tuple[str, ...] = ()


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
    found = _looked_at(folder)
    large = worktrees.too_large(site.git, folder.worktree, folder.index, found.large)
    if large:
        words = (f"{shown(path)} is larger than {FILE_BYTES_MAX >> 20} MiB" for path in large)
        return Recorded(ObjectId(""), (), few=False, too_large=tuple(words))
    wires = bounds.wires_of(folder)
    return Recorded(
        *worktrees.record_by(
            site.git,
            folder.worktree,
            folder.index,
            wires.worktree.ignores,
            lambda path: lies_within(path, roots),
            changed=found.changed,
            never=wires.included,
        ),
        few=found.changed <= _FEW and found.changed_bytes <= _SMALL_BYTES,
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
        _furnish(site, folder, effect.tip)
    else:
        _create(site, folder, effect.tip)
    return kept


def _create(site: Site, attempt: AttemptFolder, commit: ObjectId) -> None:
    attempt.worktree.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    worktrees.create(site.git, attempt.worktree, commit, attempt.index, root=site.folder.worktrees)
    _furnish(site, attempt, commit)


def _furnish(site: Site, folder: AttemptFolder, commit: ObjectId) -> None:
    """Notes how the worktree stands, fresh at `commit`, and gives it the files that `.worktreeinclude` names."""
    wire = tripwire.tripwire(folder.worktree)
    if folder.tripwire.exists():
        # Made or set back in a later round: the rules stay those of the base, with which the attempt began.
        before = bounds.wires_of(folder)
        wire, files = replace(wire, ignores=before.worktree.ignores), before.included
    else:
        files = _to_include(site, folder, commit)
    wires = bounds.Wires(worktree=wire, repository=trespass.watch(site.repository), included=files)
    write_record(folder.tripwire, msgspec.json.encode(wires), durable=False)
    submodules.bring(site.repository.root, files, folder.worktree)


def _to_include(site: Site, folder: AttemptFolder, base: ObjectId) -> tuple[str, ...]:
    """Only what git ignores in the worktree as well: all else would be recorded as the worker's."""
    if not (folder.worktree / submodules.INCLUDE).is_file():
        return ()
    aside = folder.index.with_name("aside.index")
    found = submodules.included(site.git, site.repository.root, base, aside)
    fitting = (path for path in found if _fits(folder.worktree, path))
    return tuple(sorted(ignored(site.git, folder.worktree, fitting, index=folder.index)))


def _fits(worktree: Path, path: str) -> bool:
    """Whether the worktree has room for `path` where it is named, and a record can name it."""
    way = PurePosixPath(path).parent
    return path_text(os.fsencode(path)) == path and not submodules.leads_over_links(worktree, way)


def distrust(site: Site, spot: Spot, *, is_read: bool) -> None:
    """Does away with what a power cut left torn: the kernel's notes on the worktree, and its index.

    A worktree that is being read (`is_read`) is set back to its checkpoint; what a worker was writing stays for
    whoever looks at it.
    """
    folder = site.attempt(spot.item, spot.attempt)
    if not folder.worktree.is_dir():
        return
    if not _is_readable(folder):
        folder.tripwire.unlink(missing_ok=True)
    if is_read or not folder.tripwire.exists():
        _set_back(site, spot, folder)


def _is_readable(folder: AttemptFolder) -> bool:
    try:
        return bool(bounds.wires_of(folder))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False


def _set_back(site: Site, spot: Spot, folder: AttemptFolder) -> None:
    if not folder.tripwire.exists():
        # The rules of the base are read from its files.
        _quarantine(site, spot.item, spot.attempt, "after-power-cut", spot.tip, accepted=False)
        worktrees.restore(site.git, folder.worktree, spot.base, folder.index, head=spot.base)
        _furnish(site, folder, spot.base)
    worktrees.restore(site.git, folder.worktree, spot.tip, folder.index, head=spot.tip)
    _furnish(site, folder, spot.tip)


def put_away(site: Site, item: str, attempt: int, tip: ObjectId, *, accepted: bool) -> str:
    """Removes the worktree; answers with what keeps what no ref keeps, empty when it was clean or gone.

    `tip` is the attempt's last checkpoint; `accepted` says that nothing was recorded after it.
    """
    folder = site.attempt(item, attempt)
    kept = ""
    if os.path.lexists(folder.worktree):
        if not (accepted and stands_as_recorded(site, item, attempt)):
            kept = _quarantine(site, item, attempt, "left-behind", tip, accepted=accepted)
        removal.remove(folder.worktree, site.folder.worktrees)
    _stood.pop(folder.worktree, None)
    forget(folder.index)
    folder.tripwire.unlink(missing_ok=True)
    return kept


def _quarantine(site: Site, item: str, attempt: int, name: str, parent: ObjectId, *, accepted: bool) -> str:
    folder = site.attempt(item, attempt)
    if not folder.worktree.is_dir() or not folder.index.exists():
        return ""
    special.remove_special(folder.worktree)
    if not _is_dirty(site, folder, parent, accepted):
        return ""
    ref = site.quarantine_ref(item, attempt, name)
    # The date of the index does not move while the tree is kept: done again after a crash, it is the same commit.
    kept_at_ms = folder.index.stat().st_mtime_ns // 1_000_000
    try:
        if worktrees.too_large(site.git, folder.worktree, folder.index, standing(folder.worktree).large):
            return _moved_aside(folder.worktree)
        never = bounds.wires_of(folder).included if _is_readable(folder) else ()
        worktrees.quarantine(site.git, folder.worktree, folder.index, ref, parent, kept_at_ms, never=never)
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
