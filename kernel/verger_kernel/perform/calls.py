"""One agent call: an answer that is already there is used, otherwise the agent is started and waited for.

Not here: what is asked (`tasks.py`) and what the answer leads to (`worker.py`, `audit.py`, `triage.py`).
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome, complete_answer, outcome
from verger_kernel.agents.registry import ADAPTERS
from verger_kernel.clock import boot_id
from verger_kernel.disk.durable import make_folder, sync_file
from verger_kernel.disk.layout import CallFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.perform.reports import pretty
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.runner import Job, run
from verger_kernel.rules.events import AgentStarted, Event
from verger_kernel.rules.ids import Digest, EffectId, tries_of
from verger_kernel.rules.packs import TaskSpecification
from verger_probes.records import sync_folder, write_record

Tell = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One agent call that is about to be made, with the files it will use."""

    site: Site
    place: CallPlace
    task: TaskSpecification
    folder: CallFolder


def earlier_answer(site: Site, place: CallPlace, *, same_boot: bool) -> Answered | None:
    """A complete answer that an earlier try of this call left behind, the newest first; None if there is none.

    With `same_boot` an answer of an earlier boot does not count: what the agent wrote beside it may be lost.
    """
    folder = site.attempt(place.item, place.attempt)
    for effect in _earlier(place.effect):
        call = folder.call(effect)
        if same_boot and not _same_boot(call):
            continue
        found = complete_answer(task(site, msgspec.structs.replace(place, effect=effect)), call.report)
        if found:
            return found
    return None


def forget_answers(site: Site, place: CallPlace) -> None:
    """Removes what earlier tries of this call answered, so that no later try takes it for its own."""
    folder = site.attempt(place.item, place.attempt)
    for effect in _earlier(place.effect):
        folder.call(effect).report.unlink(missing_ok=True)


def _earlier(effect: EffectId) -> tuple[EffectId, ...]:
    """The tries before `effect`, the newest first."""
    head = effect.rpartition("/t")[0]
    return tuple(EffectId(f"{head}/t{tries}") for tries in range(tries_of(effect) - 1, 0, -1))


def _same_boot(call: CallFolder) -> bool:
    return call.boot.exists() and call.boot.read_text(encoding="ascii") == boot_id()


async def make(call: Call, tell: Tell) -> Outcome:
    """Starts the agent, waits for it within its limits, ends what it left running, and reads its answer."""
    argv = await to_thread.run_sync(_prepare, call)
    place = call.place
    started = AgentStarted(
        effect=place.effect,
        agent=place.agent,
        session=call.folder.root.name,
        files=call.site.relative(call.folder.root),
    )
    await tell(started)
    ended = await run(_job(call, argv))
    return await to_thread.run_sync(
        lambda: outcome(
            call.task,
            _durable(call.folder).report,
            exit_code=ended.exit_code,
            breach=ended.breach,
            start_error=ended.start_error,
        )
    )


def _prepare(call: Call) -> tuple[str, ...]:
    make_folder(call.folder.root)
    make_folder(call.folder.report.parent)
    # A report of a try that was cut short between these lines and the start would be taken for this one's.
    call.folder.report.unlink(missing_ok=True)
    definition = call.site.policy.agents[call.place.agent]
    adapter = ADAPTERS[definition.kind]
    write_record(call.folder.task, adapter.stdin(call.task), durable=False)
    write_record(call.folder.boot, boot_id().encode(), durable=False)
    return adapter.argv(definition, call.site.repository.root)


def _job(call: Call, argv: tuple[str, ...]) -> Job:
    site, place = call.site, call.place
    definition = site.policy.agents[place.agent]
    extra = ADAPTERS[definition.kind].environment(definition, call.task)
    return Job(
        argv=argv,
        cwd=site.attempt(place.item, place.attempt).worktree,
        env=clean_environment(site.ambient, (*site.policy.env, *definition.env), extra),
        stdin=call.folder.task,
        stdout=call.folder.stdout,
        stderr=call.folder.stderr,
        limits=site.policy.agent_limits(place.stage),
        marker=site.marker(place.effect),
        run_marker=site.frame.run_id,
        inherit=(site.tree_lock,),
    )


def _durable(folder: CallFolder) -> CallFolder:
    # A report that cannot be opened is no answer; `outcome` says so.
    with suppress(PermissionError):
        if folder.report.is_file() and not folder.report.is_symlink():
            sync_file(folder.report)
            sync_folder(folder.report.parent)
    return folder


def keep_answer(site: Site, place: CallPlace, name: str, answered: Answered) -> Digest:
    """Copies an accepted answer to where no agent writes, for later rounds and people; answers with its digest."""
    path = site.attempt(place.item, place.attempt).answer(name, place.round)
    make_folder(path.parent)
    data = pretty(answered.report)
    write_record(path, data, durable=True)
    return digest_of(data)
