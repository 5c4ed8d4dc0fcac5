"""Whether an agent kept its bounds: what it did to git in the worktree, to the user's repository, to its evidence.

Not here: whether the paths that it changed are in scope; see `rules/scope.py`.
"""

import os
from collections.abc import Iterable

import msgspec

from verger_kernel.disk import evidence
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.git import trees, trespass, tripwire
from verger_kernel.git.trees import TreeChange
from verger_kernel.git.trespass import Watch
from verger_kernel.git.tripwire import Tripwire
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import RunWorker
from verger_kernel.rules.scope import LINK, leads_out, path_text
from verger_probes.decoding import decoded
from verger_probes.records import write_record

_LINK_BYTES_MAX = 4095


class Wires(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stood before an agent came: in the attempt's worktree, and around the user's repository.

    `included` are the files of the user's that the worktree was given, by the rules of the attempt's base.
    """

    worktree: Tripwire
    repository: Watch
    included: tuple[str, ...] = ()


def escapes(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What an agent did to git in the worktree, in words; empty when nothing."""
    folder = site.attempt(item, attempt)
    return tripwire.escapes(folder.worktree, wires_of(folder).worktree)


def watch(site: Site, item: str, attempt: int) -> None:
    """Notes how the user's repository stands, right before a worker is called: a resume finds it on disk."""
    folder = site.attempt(item, attempt)
    wires = msgspec.structs.replace(wires_of(folder), repository=trespass.watch(site.repository))
    write_record(folder.tripwire, msgspec.json.encode(wires), durable=False)


def trespasses(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What somebody did to the user's repository since `watch`, in words; empty when nothing that counts."""
    before = wires_of(site.attempt(item, attempt)).repository
    return trespass.trespasses(site.repository, before)


def planted(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """What a try that was cut short left for git to obey in the user's repository, in words.

    Refs do not count: another run may have gone on since. Without a record of before, nothing can be told.
    """
    folder = site.attempt(item, attempt)
    if not folder.tripwire.exists():
        return ()
    before = wires_of(folder).repository
    now = trespass.watch(site.repository)
    return trespass.trespasses(site.repository, msgspec.structs.replace(before, refs=now.refs))


def wires_of(folder: AttemptFolder) -> Wires:
    return decoded(folder.tripwire.read_bytes(), Wires)


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
