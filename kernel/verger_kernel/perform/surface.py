"""The test surface of a result: what the change did to it, and the trees in which one half of the result is the base's.

Not here: what counts as test surface, and what is wrong with a change of it; see `rules/surface/`.
"""

from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath
from typing import NamedTuple

from verger_kernel.disk.packets import digest_of
from verger_kernel.git import commits, trees
from verger_kernel.git.trees import ABSENT, TreeChange
from verger_kernel.perform.reports import SurfaceRecord, pretty
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import RunCommands
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import PLAIN, path_text
from verger_kernel.rules.surface.changed import is_read, kind_of_change, stays
from verger_kernel.rules.surface.commands import CommandFiles, command_files
from verger_kernel.rules.surface.kinds import is_mixed, kind_of
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.surface.mixed import composed
from verger_kernel.rules.surface.report import SurfaceFile, surface_findings, surface_report
from verger_probes.records import write_record

SIZE_MAX = 1 << 20
"""A larger file is no source text: it is compared by its id alone."""

Entry = tuple[bytes, str, ObjectId]


def inspect(
    site: Site, *, item: str, attempt: int, round_: int, base: ObjectId, result: ObjectId
) -> SurfaceMark:
    """Writes what the change from `base` to `result` did to the test surface; made again, it is the same."""
    record = surface_record(site, item=item, base=base, result=result)
    data = pretty(record)
    write_record(site.attempt(item, attempt).surface(round_), data, durable=False)
    return SurfaceMark(
        held_out=record.held_out,
        may_shrink=record.may_shrink,
        findings=tuple(one.mark for one in record.findings),
        report=digest_of(data),
    )


def surface_record(site: Site, *, item: str, base: ObjectId, result: ObjectId) -> SurfaceRecord:
    """What the change did to the test surface, read from git alone."""
    delta = _delta(site, item, base, result, is_read)
    report = surface_report((_file(change, delta.held) for change in delta.changes), delta.commands)
    touched = [change for change in delta.changes if _is_surface(change, delta)]
    there = [path_text(change.path) for change in touched if change.old_mode != ABSENT]
    return SurfaceRecord(
        report=report,
        approved=tuple(sorted(delta.approved)),
        held_out=any(path_text(change.path) not in delta.approved for change in _foreign(touched, delta)),
        may_shrink=bool(there) and delta.approved.issuperset(there),
        findings=surface_findings(report, delta.approved, needs_red=site.frame.item(item).red),
    )


class _Delta(NamedTuple):
    """What differs between base and result; what was read of it; the files that commands name; what was approved.

    Approved is what a person read in the playbook and let the item change: the files that its deliverable names.
    """

    changes: tuple[TreeChange, ...]
    held: dict[ObjectId, bytes]
    commands: CommandFiles
    approved: frozenset[str]


def _delta(
    site: Site, item_id: str, base: ObjectId, result: ObjectId, is_wanted: Callable[[str], bool]
) -> _Delta:
    item = site.item(item_id)
    approved = frozenset(normpath(path) for path in item.deliverable_paths)
    changes = commits.differences(site.git, base, result)
    wanted = (change for change in changes if is_wanted(path_text(change.path)))
    return _Delta(
        changes=changes,
        held=_contents(site, wanted),
        commands=command_files(
            item.verification_hints.required_commands, setup=site.policy.setup, deliverables=approved
        ),
        approved=approved,
    )


def tree_of_trial(effect: RunCommands, site: Site) -> ObjectId:
    """The tree that the effect's purpose asks for; one that has to be made is not synced, it is thrown away."""
    match effect.purpose:
        case "green":
            return effect.commit
        case "base":
            return effect.base
        case "red" | "held-out":
            return _grafted(effect, site)


def _grafted(effect: RunCommands, site: Site) -> ObjectId:
    delta = _delta(site, effect.item, effect.base, effect.commit, is_mixed)
    touched = [change for change in delta.changes if _is_surface(change, delta)]
    if effect.purpose == "red":
        onto, entries = effect.base, _surface_of_result(site, touched, delta)
    else:
        onto, entries = effect.commit, _surface_of_base(site, _foreign(touched, delta), delta)
    return trees.grafted(site.git, onto, list(entries), site.folder.trial / "graft")


def _foreign(touched: Iterable[TreeChange], delta: _Delta) -> list[TreeChange]:
    """What of the changed test surface the held-out trial leaves out."""
    touched = tuple(touched)
    is_asked_for = any(_may_ask(change, delta) for change in touched)
    paths = {path_text(change.path) for change in delta.changes} | delta.approved
    product = [path for path in paths if kind_of(path) is None]
    return [change for change in touched if _is_foreign(change, delta, product, is_asked_for=is_asked_for)]


def _may_ask(change: TreeChange, delta: _Delta) -> bool:
    """Whether the change is of a file that was there and that a person approved: it may need what is new."""
    return ABSENT not in (change.old_mode, change.new_mode) and path_text(change.path) in delta.approved


def _is_foreign(change: TreeChange, delta: _Delta, product: list[str], *, is_asked_for: bool) -> bool:
    path = path_text(change.path)
    if change.old_mode != ABSENT:
        return path not in delta.approved
    if path in delta.approved:
        # A new test is none of the base's, and may need a fixture that is not there either.
        return kind_of(path) == "test" and not is_asked_for
    return not stays(path, commands=delta.commands, product=product, is_asked_for=is_asked_for)


def _surface_of_result(site: Site, touched: Iterable[TreeChange], delta: _Delta) -> Iterator[Entry]:
    for change in touched:
        if _is_whole(change, delta):
            yield change.path, change.new_mode, change.new_id
        else:
            product, surface = _sides(change, delta.held)
            yield from _composed(site, change, change.old_mode, product, surface)


def _surface_of_base(site: Site, touched: Iterable[TreeChange], delta: _Delta) -> Iterator[Entry]:
    for change in touched:
        if _is_whole(change, delta):
            yield change.path, change.old_mode, change.old_id
        else:
            surface, product = _sides(change, delta.held)
            yield from _composed(site, change, change.new_mode, product, surface)


def _sides(change: TreeChange, held: dict[ObjectId, bytes]) -> tuple[bytes | None, bytes | None]:
    return held.get(change.old_id), held.get(change.new_id)


def _composed(
    site: Site, change: TreeChange, mode: str, product: bytes | None, surface: bytes | None
) -> Iterator[Entry]:
    data = composed(path_text(change.path), product=product, surface=surface)
    if data is not None:
        yield change.path, mode, trees.store(site.git, data)


def _is_surface(change: TreeChange, delta: _Delta) -> bool:
    """Whether the change is one of test surface: a whole file, or the test half of a mixed one."""
    if _is_whole(change, delta):
        return True
    path, (old, new) = path_text(change.path), _sides(change, delta.held)
    return is_mixed(path) and new is not None and composed(path, product=new, surface=old) != new


def _is_whole(change: TreeChange, delta: _Delta) -> bool:
    """Whether the change is of test surface alone; what is too large to be parted counts as such."""
    path = path_text(change.path)
    is_new = change.old_mode == ABSENT and path not in delta.approved
    if kind_of_change(path, is_new=is_new, commands=delta.commands):
        return True
    return is_mixed(path) and any(_unread(change, delta.held))


def _unread(change: TreeChange, held: dict[ObjectId, bytes]) -> tuple[bool, bool]:
    """Of both sides, whether there is a file that was not read."""
    return (
        change.old_mode in PLAIN and change.old_id not in held,
        change.new_mode in PLAIN and change.new_id not in held,
    )


def _contents(site: Site, changes: Iterable[TreeChange]) -> dict[ObjectId, bytes]:
    ids = (
        (mode, name)
        for change in changes
        for mode, name in ((change.old_mode, change.old_id), (change.new_mode, change.new_id))
    )
    return trees.contents(site.git, (name for mode, name in ids if mode in PLAIN), size_max=SIZE_MAX)


def _file(change: TreeChange, held: dict[ObjectId, bytes]) -> SurfaceFile:
    old, new = _sides(change, held)
    return SurfaceFile(
        path=path_text(change.path),
        status=change.status,
        old=old,
        new=new,
        unread=_unread(change, held),
    )
