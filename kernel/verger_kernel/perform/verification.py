"""Verification: the kernel itself makes a trial, that is, runs a command group on a tree that no agent ever wrote into.

Not here: what a trial proves (`rules/verification.py`), and how one command is run (`shell.py`).
"""

from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from anyio import to_thread

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.git import removal, trespass
from verger_kernel.git.trespass import Watch
from verger_kernel.perform import surface
from verger_kernel.perform.dependencies import Prepared, check_out, index_of, prepared
from verger_kernel.perform.reports import Round, SurfaceRecord, add_trial, pretty
from verger_kernel.perform.shell import Shell, run_command
from verger_kernel.perform.site import Site
from verger_kernel.process import rooms
from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.effects import RunCommands
from verger_kernel.rules.events import CommandsReturned, PacketRefused
from verger_kernel.rules.frame import REQUIRED
from verger_kernel.rules.ids import SHOWN_PATHS, ObjectId
from verger_kernel.rules.plan import Item
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import ArtifactResult, CommandResult, TrialReport, trial_mark, trial_name
from verger_kernel.rules.verifying import need_of
from verger_probes.decoding import decoded
from verger_probes.records import write_record

Cases = dict[int, CaseReport]


async def run_commands(effect: RunCommands, site: Site) -> CommandsReturned | PacketRefused:
    """Runs the group's commands on a fresh checkout of the trial's tree, then throws the checkout away."""
    work = site.folder.trial / "work"
    begun = await to_thread.run_sync(_check_out, effect, site, work)
    made = await prepared(effect, site, begun.tree, work)
    results, cases = await _commands(effect, site, work, made)
    return await to_thread.run_sync(_ended, effect, site, begun, made, results, cases)


class _Begun(NamedTuple):
    """A trial before its first command: its tree, the artifacts in it, and how the user's repository stands."""

    tree: ObjectId
    committed: frozenset[str]
    repository: Watch


def _check_out(effect: RunCommands, site: Site, work: Path) -> _Begun:
    removal.remove(site.folder.trial, site.folder.verify)
    work.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    tree = surface.tree_of_trial(effect, site)
    check_out(effect, site, tree, work)
    committed = (path for path in _artifacts(site.item(effect.item), effect) if _exists(work, path))
    return _Begun(tree, frozenset(committed), trespass.watch(site.repository))


def _ended(
    effect: RunCommands,
    site: Site,
    begun: _Begun,
    made: Prepared,
    results: tuple[CommandResult, ...],
    cases: Cases,
) -> CommandsReturned | PacketRefused:
    item, work = site.item(effect.item), site.folder.trial / "work"
    places = (work, made.layer) if made.layer else (work,)
    artifacts = tuple(_artifact(places, path, begun.committed, item) for path in _artifacts(item, effect))
    report = _report(effect, site, begun.tree, made, results, cases, artifacts)
    removal.remove(site.folder.trial, site.folder.verify)
    said = trespass.trespasses(site.repository, begun.repository)
    return _answer(effect, site, report, said[:SHOWN_PATHS])


async def _commands(
    effect: RunCommands, site: Site, work: Path, made: Prepared
) -> tuple[tuple[CommandResult, ...], Cases]:
    if not made.passed:
        return (), {}
    room = await to_thread.run_sync(rooms.opened, work, made.layer, site.folder.trial / "room")
    attempt = site.attempt(effect.item, effect.attempt)
    shell = Shell(
        site=site,
        attempt=attempt,
        room=room,
        index=index_of(work),
        scratch=site.folder.trial,
        logs=attempt.logs(effect.round),
        name=trial_name(effect.group, effect.purpose, effect.nth),
        is_setup=False,
    )
    results, cases = [], {}
    for number, command in enumerate(_asked(site.item(effect.item), effect), start=1):
        result, reported = await run_command(shell, number, command)
        results.append(result)
        if reported:
            cases[number] = reported
    return tuple(results), cases


def _asked(item: Item, effect: RunCommands) -> tuple[str, ...]:
    hints = item.verification_hints
    return hints.required_commands if effect.group == REQUIRED else hints.suggested_commands


def _artifacts(item: Item, effect: RunCommands) -> tuple[str, ...]:
    wanted = effect.group == REQUIRED and effect.purpose == "green"
    return item.verification_hints.required_artifacts if wanted else ()


def _exists(tree: Path, path: str) -> bool:
    """Whether `path` is there without leaving the tree: what a link shows from elsewhere was not delivered."""
    place, root = tree / path, tree.resolve()
    # A character device is how overlayfs notes that a command removed the layer's file.
    there = place.exists() and not place.is_char_device()
    return there and place.resolve().is_relative_to(root)


def _artifact(places: tuple[Path, ...], path: str, committed: frozenset[str], item: Item) -> ArtifactResult:
    if path in committed:
        return ArtifactResult(path=path, status="committed", must_be_committed=True)
    # A deliverable is what the item changes in the repository: building it on the way is not delivering it.
    must = path in item.deliverable_paths
    built = any(_exists(place, path) for place in places)
    return ArtifactResult(path=path, status="built" if built else "missing", must_be_committed=must)


def _report(
    effect: RunCommands,
    site: Site,
    tree: ObjectId,
    made: Prepared,
    results: tuple[CommandResult, ...],
    cases: Cases,
    artifacts: tuple[ArtifactResult, ...],
) -> TrialReport:
    mark = trial_mark(
        group=effect.group,
        purpose=effect.purpose,
        nth=effect.nth,
        setup=made.setup,
        commands=results,
        artifacts=artifacts,
        reported=cases,
        green=_green_cases(effect, site, cases),
    )
    return TrialReport(
        group=effect.group,
        purpose=effect.purpose,
        nth=effect.nth,
        tree=tree,
        room=_kind_of_room(site),
        setup=made.setup,
        commands=results,
        artifacts=artifacts,
        mark=mark,
    )


def _kind_of_room(site: Site) -> Literal["sandbox", "mounted", "in place"]:
    if site.policy.sandbox == "required":
        return "sandbox"
    return "mounted" if rooms.can_mount(site.folder.verify) else "in place"


def _green_cases(effect: RunCommands, site: Site, cases: Cases) -> Cases:
    """What the runners reported of the result: kept in its green trial, read back in a red one."""
    path = site.attempt(effect.item, effect.attempt).cases(effect.round)
    if effect.purpose == "red":
        try:
            return decoded(path.read_bytes(), Cases)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            # A command removed or spoiled it: then no case can be shown to have turned.
            return {}
    if effect.purpose == "green" and effect.group == REQUIRED and site.frame.item(effect.item).red:
        write_record(path, msgspec.json.encode(cases), durable=False)
        site.unsynced.note(path)
    return {}


def _answer(
    effect: RunCommands, site: Site, trial: TrialReport, escapes: tuple[str, ...]
) -> CommandsReturned | PacketRefused:
    attempt = site.attempt(effect.item, effect.attempt)
    record = _surface(effect, site, attempt)
    mark = SurfaceMark(
        held_out=record.held_out, may_shrink=record.may_shrink, findings=(), report=effect.surface
    )
    round_ = Round(
        run_id=site.frame.run_id,
        item=effect.item,
        attempt=effect.attempt,
        round=effect.round,
        need=need_of(site.frame, effect.item, mark, effect.known),
        surface=record,
    )
    data = add_trial(attempt, round_, trial, effect.report)
    if data is None:
        return PacketRefused(effect=effect.id, changed=("verification_report.json",))
    site.unsynced.note(attempt.verification(effect.round))
    return CommandsReturned(effect=effect.id, trial=trial.mark, report=digest_of(data), escapes=escapes)


def _surface(effect: RunCommands, site: Site, attempt: AttemptFolder) -> SurfaceRecord:
    """The record that the result's checkpoint made; made again from git if its file is no longer that."""
    path = attempt.surface(effect.round)
    data = path.read_bytes() if path.is_file() else b""
    if digest_of(data) == effect.surface:
        return decoded(data, SurfaceRecord)
    record = surface.surface_record(site, item=effect.item, base=effect.base, result=effect.commit)
    write_record(path, pretty(record), durable=False)
    return record
