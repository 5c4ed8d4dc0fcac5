"""One invocation on one run: the site is put together, the driver drives, the exit code is told.

Not here: the command lines that lead here; see `commands/`.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from signal import SIGINT
from typing import TYPE_CHECKING

import msgspec

from verger_kernel.disk.durable import Unsynced, read_file
from verger_kernel.driver import Driver, Interrupted, Watch
from verger_kernel.errors import CommandError
from verger_kernel.git import refs
from verger_kernel.git.command import Git, Identity
from verger_kernel.git.repository import Repository
from verger_kernel.perform import after_reboot, secrets
from verger_kernel.perform.calls import Tell
from verger_kernel.perform.effects import WORLD, perform
from verger_kernel.perform.projections import publish
from verger_kernel.perform.site import Site
from verger_kernel.process.tree import adopt_orphans
from verger_kernel.progress import line
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.effects import Effect
from verger_kernel.rules.now import Now
from verger_kernel.rules.playbook.frozen import decode_plan
from verger_kernel.rules.policy_snapshot import read_policy_snapshot
from verger_kernel.runs import OpenRun
from verger_kernel.supervised.working import off_loop, supervised
from verger_probes.exits import Exit
from verger_probes.identity import start_ticks

if TYPE_CHECKING:
    from verger_kernel.supervised.telling import Teller


async def invoke(
    run: OpenRun,
    repository: Repository,
    ambient: Mapping[str, str],
    tell: Callable[[str], None],
    request: e.Request,
    *then: e.Event,
    first: tuple[e.Event, ...] = (),
    watch: Watch | None = None,
) -> tuple[s.RunState, Exit]:
    """Carries `request` out on `run`, `first` before its start and `then` right after, until nothing is left to do.

    `tell` is given a line for people at each step, `watch` the step itself before. Raises CommandError when the run
    cannot be written any more; the run itself stays resumable.
    """
    site = await off_loop(_made_ready, run, repository, ambient, tell)
    driver = _driver(run, site, tell, watch)
    start = e.InvocationStarted(
        invocation=driver.invocation,
        pid=os.getpid(),
        start_ticks=start_ticks(os.getpid()),
        request=request,
        swept=run.swept,
    )
    try:
        try:
            await driver.drive(*first, start, *then)
            code = exit_of(driver.state)
        except Interrupted as interrupted:
            # A terminal that was closed (SIGHUP) asks for the same as SIGTERM.
            code = Exit.INTERRUPTED if interrupted.number == SIGINT else Exit.TERMINATED
        await driver.leave(code)
    except OSError as error:
        # What the world refuses to an effect is an event; this is the driver's own: journal, state or lock.
        raise CommandError(
            f"run {run.folder.root.name} cannot be written: {error}",
            f"mend the disk or folder, then: verger resume {run.folder.root.name}",
            Exit.ENVIRONMENT,
        ) from error
    return driver.state, code


def _made_ready(
    run: OpenRun, repository: Repository, ambient: Mapping[str, str], tell: Callable[[str], None]
) -> Site:
    """The site of `run`, once what an earlier process left undone is done."""
    adopt_orphans()
    for note in run.notes:
        tell(note)
    site = site_of(run, repository, ambient)
    secrets.remember(site.policy, ambient)
    if isinstance(run.state.stage, s.ItemStage):
        # Who was killed before had not synced all that the next record that lasts rests on.
        spot = run.state.stage.spot
        site.unsynced.note(*site.attempt(spot.item, spot.attempt).sealed())
        if run.state.outstanding:
            secrets.clean_cut_off(site, spot.item, spot.attempt)
    if run.before:
        _publish(site, run.before, run.state, tell)
    for lock in refs.remove_stale_locks(repository, run.state.frame.run_id):
        tell(f"removed {lock.name}, which a git that was killed left behind")
    if run.found and run.found.rebooted:
        _mend(site, run.state)
    if teller := _teller(site):
        teller.stands(run.state)
    return site


def _mend(site: Site, state: s.RunState) -> None:
    try:
        after_reboot.mend(site, state)
    except WORLD as error:
        # Nothing is on record of this boot yet: the next invocation will mend it first, too.
        run_id = state.frame.run_id
        raise CommandError(
            f"cannot make again what run {run_id} lost when the machine went down: {error}",
            f"mend that, then: verger resume {run_id}",
            Exit.ENVIRONMENT,
        ) from error


def site_of(run: OpenRun, repository: Repository, ambient: Mapping[str, str]) -> Site:
    frame = run.state.frame
    return Site(
        folder=run.folder,
        repository=repository,
        git=Git(
            repository.common_dir,
            settings=frame.git_settings,
            identity=Identity(frame.identity.name, frame.identity.email),
            inherit=(run.tree_lock.descriptor,),
            object_format="sha256" if len(frame.base_commit) == 64 else "sha1",
        ),
        frame=frame,
        plan=decode_plan(read_file(run.folder.plan)),
        policy=read_policy_snapshot(read_file(run.folder.policy)).policy,
        ambient=ambient,
        tree_lock=run.tree_lock.descriptor,
        unsynced=Unsynced(run.folder.root),
    )


def _driver(run: OpenRun, site: Site, tell: Callable[[str], None], seen: Watch | None) -> Driver:
    teller = _teller(site)

    async def hands(effect: Effect, record: Tell) -> e.Event:
        with teller.doing(effect) if teller else nullcontext():
            return await perform(effect, site, record)

    def watch(before: s.RunState, event: e.Event, after: s.RunState, moment: Now) -> None:
        if teller:
            teller.stands(after)
        _publish(site, before, after, tell)
        if seen:
            seen(before, event, after, moment)
        if text := line(before, event, after):
            tell(text)

    driver = Driver(run.folder, run.run_lock, run.journal, run.state, site.unsynced, hands, watch)
    if here := supervised():
        driver.invocation = here.orders.invocation
    if teller:
        driver.recording = teller.recording
    return driver


def _teller(site: Site) -> "Teller | None":
    here = supervised()
    if here is None:
        return None
    # Imported here: who is not supervised has nobody to tell.
    from verger_kernel.supervised.telling import Teller

    return Teller(here.at_work, site)


def _publish(site: Site, before: s.RunState, after: s.RunState, tell: Callable[[str], None]) -> None:
    try:
        publish(site.folder, site.plan, before, after)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # What is written for people can be made again: it never stops a run.
        tell(f"could not write for people what happened: {error}")


def exit_of(state: s.RunState) -> Exit:
    """The exit code that a run at rest deserves."""
    match state.stage:
        case s.AwaitingGate():
            return Exit.AWAITING_HUMAN_GATE
        case s.BlockedExternal():
            return Exit.BLOCKED_EXTERNAL
        case s.Escalated():
            return Exit.ESCALATED
        case _ if state.park:
            return Exit.PARKED
        case _ if state.outstanding:
            return Exit.ENVIRONMENT
        case _:
            return Exit.REFUSED if state.trouble else Exit.DONE
