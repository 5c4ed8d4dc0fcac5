"""The test surface of a result: what the change did to it, and the trees in which one half of the result is the base's.

Not here: what counts as test surface, and what is wrong with a change of it; see `rules/surface/`.
"""

from collections.abc import Iterator
from posixpath import normpath

from verger_kernel.disk.packets import digest_of
from verger_kernel.git import trees
from verger_kernel.git.trees import ABSENT, TreeChange
from verger_kernel.perform.reports import SurfaceRecord, pretty
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import RunCommands
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import path_text
from verger_kernel.rules.surface.kinds import is_mixed, kind_of
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.surface.mixed import composed
from verger_kernel.rules.surface.report import SurfaceFile, surface_findings, surface_report
from verger_probes.records import write_record

SIZE_MAX = 1 << 20
"""A larger file is no source text: it is compared by its id alone."""
_REGULAR = ("100644", "100755")

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
    changes = trees.differences(site.git, base, result)
    approved = _approved(site, item)
    held = _contents(site, changes)
    report = surface_report(_file(change, held) for change in changes)
    touched = [change for change in changes if _is_surface(change, held)]
    there = [change for change in touched if change.old_mode != ABSENT]
    return SurfaceRecord(
        report=report,
        approved=tuple(sorted(approved)),
        held_out=any(path_text(change.path) not in approved for change in touched),
        may_shrink=bool(there) and all(path_text(change.path) in approved for change in there),
        findings=surface_findings(report, approved, needs_red=site.frame.item(item).red),
    )


def _approved(site: Site, item: str) -> frozenset[str]:
    """What a person read in the playbook and let the item change: the files that its deliverable names."""
    return frozenset(normpath(path) for path in site.item(item).deliverable_paths)


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
    changes = trees.differences(site.git, effect.base, effect.commit)
    held = _contents(site, changes)
    if effect.purpose == "red":
        onto, entries = effect.base, list(_surface_of_result(site, changes, held))
    else:
        approved = _approved(site, effect.item)
        # A new test is none of the base's, approved or not, and may need a fixture that is not there either.
        foreign = [
            change
            for change in changes
            if change.old_mode == ABSENT or path_text(change.path) not in approved
        ]
        onto, entries = effect.commit, list(_surface_of_base(site, foreign, held))
    return trees.grafted(site.git, onto, entries, site.folder.trial / "graft")


def _surface_of_result(
    site: Site, changes: tuple[TreeChange, ...], held: dict[ObjectId, bytes]
) -> Iterator[Entry]:
    for change in changes:
        if kind_of(path_text(change.path)):
            yield change.path, change.new_mode, change.new_id
        elif _is_surface(change, held):
            product, surface = _sides(change, held)
            yield from _composed(site, change, change.old_mode, product, surface)


def _surface_of_base(site: Site, changes: list[TreeChange], held: dict[ObjectId, bytes]) -> Iterator[Entry]:
    for change in changes:
        if kind_of(path_text(change.path)):
            yield change.path, change.old_mode, change.old_id
        elif _is_surface(change, held):
            surface, product = _sides(change, held)
            yield from _composed(site, change, change.new_mode, product, surface)


def _sides(change: TreeChange, held: dict[ObjectId, bytes]) -> tuple[bytes | None, bytes | None]:
    return held.get(change.old_id), held.get(change.new_id)


def _composed(
    site: Site, change: TreeChange, mode: str, product: bytes | None, surface: bytes | None
) -> Iterator[Entry]:
    data = composed(path_text(change.path), product=product, surface=surface)
    if data is not None:
        yield change.path, mode, trees.store(site.git, data)


def _is_surface(change: TreeChange, held: dict[ObjectId, bytes]) -> bool:
    """Whether the change is one of test surface: a whole file, or the test half of a mixed one."""
    path = path_text(change.path)
    if kind_of(path):
        return True
    old, new = _sides(change, held)
    return is_mixed(path) and new is not None and composed(path, product=new, surface=old) != new


def _contents(site: Site, changes: tuple[TreeChange, ...]) -> dict[ObjectId, bytes]:
    ids = (
        (mode, name)
        for change in changes
        for mode, name in ((change.old_mode, change.old_id), (change.new_mode, change.new_id))
    )
    return trees.contents(site.git, (name for mode, name in ids if mode in _REGULAR), size_max=SIZE_MAX)


def _file(change: TreeChange, held: dict[ObjectId, bytes]) -> SurfaceFile:
    old, new = _sides(change, held)
    return SurfaceFile(path=path_text(change.path), status=change.status, old=old, new=new)
