"""What `doctor --fix-safe` mends in a run: all that can be made again from the journal, or put away without a loss.

Each repair is safe to do twice. None is an event: what only draws projections again changes no run, and what settles a
journal is what `resume` does before its first record. None decides for a person or makes up what an agent said.
Not here: naming what is wrong; see `diagnosis.py`.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from verger_kernel.disk.durable import make_folder, read_file
from verger_kernel.disk.journal import read_journal
from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.doctor.checks import Check
from verger_kernel.doctor.diagnosis import frozen_checks, orphaned_worktrees
from verger_kernel.doctor.drawing import differing
from verger_kernel.doctor.files import broken_seals, leftovers, listed, sealed_files, untrusted
from verger_kernel.errors import CommandError
from verger_kernel.git import refs, removal
from verger_kernel.home import Home, link, links
from verger_kernel.invocation import site_of
from verger_kernel.perform import worktree
from verger_kernel.perform.effects import WORLD
from verger_kernel.perform.packet import freeze_again
from verger_kernel.perform.site import Site
from verger_kernel.rules import state as s
from verger_kernel.rules.doctor import Repair, Step, attempts, packets_frozen, steps
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.playbook.frozen import canonical_plan, decode_plan, playbook_text
from verger_kernel.rules.playbook.reader import PlaybookRefused, read_playbook
from verger_kernel.runs import OpenRun, begun_utc, clear_stagings, open_run
from verger_probes.exits import Exit
from verger_probes.records import TEMPORARY_PREFIX, write_record


async def repair_run(home: Home, run_id: RunId) -> list[Repair]:
    """What came of each repair of one run, in the order in which they rest on each other.

    Raises CommandError when another process holds the run; nothing was touched then.
    """
    folder = home.require().run(run_id)
    drafts = tuple(folder.root.rglob(f"{TEMPORARY_PREFIX}*"))
    try:
        opened = await open_run(home.require(), run_id)
    except CommandError as refused:
        if refused.code is not Exit.INPUT:
            raise
        # A journal that contradicts itself is the truth no longer: nothing can be made from it.
        return [Repair(name="settle_run", status="skipped", detail=f"{refused.what}; {refused.hint}")]
    try:
        return [*_settled(opened), *_mended(home, opened, drafts)]
    finally:
        opened.close()


def _mended(home: Home, opened: OpenRun, drafts: tuple[Path, ...]) -> Iterator[Repair]:
    folder, state = opened.folder, opened.state
    told = tuple(steps(read_journal(folder.journal).records))
    yield _git_locks(home, state)
    yield rebuild_plan(folder, state)
    yield restore_links(home)
    yield _packets(home, opened, told)
    yield _projections(folder, told)
    yield _leftovers(home, folder, drafts)
    yield from _orphans(home, opened, told)
    yield from _beyond_repair([*frozen_checks(folder, state)[1:], sealed_files(folder, told)])


def _settled(opened: OpenRun) -> Iterator[Repair]:
    found = opened.found
    assert found is not None
    ended = f"{opened.swept} process(es) of an earlier invocation were ended" if opened.swept else ""
    yield _done("end_survivors", ended)
    why = found.rebuilt or (f"{found.redone} record(s) were not in it yet" if found.redone else "")
    yield _done("fold_run_state", f"{why}: folded from the journal" if why else "", opened.folder.run_state)
    cut = f"{found.cut} bytes at its end were no record and were cut" if found.cut else ""
    yield _done("cut_journal_tail", cut, opened.folder.journal)


def _done(name: str, detail: str, path: Path | None = None) -> Repair:
    if not detail:
        return Repair(name=name)
    return Repair(name=name, status="applied", detail=detail, path=str(path or ""))


def _skipped(name: str, detail: str, path: Path | None = None) -> Repair:
    return Repair(name=name, status="skipped", detail=detail, path=str(path or ""))


def _git_locks(home: Home, state: s.RunState) -> Repair:
    gone = refs.remove_stale_locks(home.repository, state.frame.run_id)
    return _done("remove_git_locks", _removed(home.repository.common_dir, gone))


def _removed(root: Path, paths: Iterable[Path]) -> str:
    names = listed(root, paths)
    return f"removed {names}" if names else ""


def rebuild_plan(folder: RunFolder, state: s.RunState) -> Repair:
    """Makes `normalized_plan.json` again from the playbook's snapshot when it is not what the run began with.

    The run's locks are held. Skipped unless the snapshot still has its digest and the plan made from it has its own.
    """
    name = "rebuild_normalized_plan"
    plan, _policy, snapshot = frozen_checks(folder, state)
    if plan.status == "ok":
        return Repair(name=name)
    if snapshot.status != "ok":
        return _skipped(name, f"it is made from the snapshot, and {snapshot.detail}", folder.plan)
    try:
        data = _plan_again(folder, state)
    except (PlaybookRefused, ValueError) as error:
        return _skipped(name, f"this Verger reads the snapshot otherwise: {error}", folder.plan)
    write_record(folder.plan, data, durable=True)
    # Which of two runs of one second is the latest, the date of this file tells.
    created_ns = read_journal(folder.journal).records[0].now.utc_ms * 1_000_000
    os.utime(folder.plan, ns=(created_ns, created_ns))
    return _done(name, "made again from the snapshot, with the digest in the journal", folder.plan)


def _plan_again(folder: RunFolder, state: s.RunState) -> bytes:
    """The bytes of the plan, made from the snapshot. Raises ValueError when they have not the run's digest."""
    frame = state.frame
    text = playbook_text(read_file(folder.snapshot).decode()).encode()
    data = canonical_plan(
        read_playbook(text, path=frame.playbook_path, generated_at_utc=begun_utc(frame.run_id))
    )
    if digest_of(data) != frame.plan_sha256:
        raise ValueError("the plan made from it has another digest than the journal names")
    return data


def restore_links(home: Home) -> Repair:
    """Makes the links of the checkout again; what stands in a link's place and is none is left alone."""
    folder = home.require()
    made = link(home.repository.root, folder)
    wrong = [
        str(path)
        for path, target in links(home.repository.root, folder).items()
        if not path.is_symlink() or path.readlink() != target
    ]
    if wrong:
        return _skipped("restore_links", f"something that is no link stands at: {', '.join(wrong)}")
    return _done("restore_links", f"made {', '.join(map(str, made))}" if made else "")


def _projections(folder: RunFolder, told: tuple[Step, ...]) -> Repair:
    name = "redraw_projections"
    try:
        plan = decode_plan(read_file(folder.plan))
    except (OSError, ValueError):
        return _skipped(name, "they are drawn from the plan, which cannot be read", folder.plan)
    wrong = differing(folder, plan, told, untrusted(folder, told))
    for path, data in wrong.items():
        make_folder(path.parent)
        write_record(path, data, durable=False)
    names = listed(folder.root, wrong)
    return _done(name, f"drawn again from the journal: {names}" if wrong else "", folder.root)


def _leftovers(home: Home, folder: RunFolder, drafts: tuple[Path, ...]) -> Repair:
    found = leftovers(folder)
    for path in found:
        removal.remove(path, folder.verify if folder.verify in path.parents else folder.root)
    # Drafts of records went when the run was opened.
    gone = [*(draft for draft in drafts if not os.path.lexists(draft)), *found]
    return _done("remove_leftovers", _removed(folder.root, [*gone, *clear_stagings(home.require())]))


def _orphans(home: Home, opened: OpenRun, told: tuple[Step, ...]) -> Iterator[Repair]:
    name = "put_away_orphaned_worktrees"
    orphans = orphaned_worktrees(opened.folder, opened.state)
    if not orphans:
        yield Repair(name=name)
        return
    broken = [check for check in frozen_checks(opened.folder, opened.state)[:2] if check.status != "ok"]
    if broken:
        yield _skipped(name, f"what is in them is judged by plan and policy, and {broken[0].detail}")
        return
    site = site_of(opened, home.repository, os.environ)
    for path in orphans:
        yield _put_away(name, site, path, told)


def _packets(home: Home, opened: OpenRun, told: tuple[Step, ...]) -> Repair:
    name = "freeze_packets_again"
    broken = [path for seal, path in broken_seals(opened.folder, told).items() if seal.kind == "packet"]
    if not broken:
        return Repair(name=name)
    try:
        site = site_of(opened, home.repository, os.environ)
        for effect, digest in packets_frozen(told):
            freeze_again(effect, digest, site)
    except (*WORLD, ValueError) as error:
        return _skipped(name, f"{type(error).__name__}: {error}", broken[0])
    left = broken_seals(opened.folder, told).values()
    made = [path for path in broken if path not in left]
    if not made:
        return _skipped(name, "what they were made from is not what it was", broken[0])
    return _done(name, f"made again, with the digest in the journal: {listed(opened.folder.root, made)}")


def _put_away(name: str, site: Site, path: Path, told: tuple[Step, ...]) -> Repair:
    known = {site.attempt(*one).worktree: (one, spot) for one, spot in attempts(told).items()}
    if path not in known or path.is_symlink() or not path.is_dir():
        return _skipped(name, "it is no worktree of an attempt of this run: look into it and delete it", path)
    (item, attempt), spot = known[path]
    try:
        unkept = _unkept(site, item, attempt)
        if unkept:
            return _skipped(name, f"{unkept}: look into it and delete it", path)
        passed = {(one.item, one.attempt): one.commit for one in told[-1].after.passed}
        tip = passed.get((item, attempt)) or refs.read(site.git, site.attempt_ref(item, attempt)) or spot.base
        kept = worktree.put_away(site, item, attempt, tip, accepted=False)
    except WORLD as error:
        return _skipped(name, f"{type(error).__name__}: {error}", path)
    return _done(
        name, f"removed; what was in it is kept as {kept}" if kept else "removed; it was clean", path
    )


def _unkept(site: Site, item: str, attempt: int) -> str:
    """Why a ref could not keep all that is in a worktree, in words; empty when it can."""
    folder = site.attempt(item, attempt)
    if not folder.index.is_file():
        return "its index is gone, so git cannot tell what in it is new"
    arguments = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ignored = site.git.run(*arguments, work_tree=folder.worktree, index=folder.index)
    return "it holds files that git ignores, which no ref would keep" if ignored else ""


def _beyond_repair(checked: Iterable[Check]) -> Iterator[Repair]:
    for check in checked:
        name = f"restore_{check.name}"
        ok = check.status == "ok"
        yield Repair(name=name) if ok else _skipped(name, f"{check.detail}; {check.hint}")
