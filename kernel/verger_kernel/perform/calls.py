"""One agent call: an answer that is already there is used, otherwise the agent is started and waited for.

Not here: what is asked (`tasks.py`) and what the answer leads to (`worker.py`, `audit.py`, `triage.py`).
"""

import errno
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import msgspec
from anyio import to_thread

from verger_kernel.agents.outcome import (
    Answered,
    CallParked,
    Outcome,
    Parked,
    Unanswered,
    complete_answer,
    outcome,
)
from verger_kernel.agents.parking import parked
from verger_kernel.agents.registry import ADAPTERS
from verger_kernel.agents.sightings import Sightings
from verger_kernel.disk import packets, report_places
from verger_kernel.disk.layout import CallFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.disk.report_places import ReportPlace
from verger_kernel.git.standing import Standing, standing
from verger_kernel.perform.billing import billed
from verger_kernel.perform.reports import pretty
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.rules.events import AgentStarted, Event
from verger_kernel.rules.ids import Digest, EffectId, shown, tries_of
from verger_kernel.rules.packs import TaskSpecification
from verger_probes.identity import boot_id
from verger_probes.records import write_record

SHOWN_PATHS = 20
"""Changed files named in the journal; a person reads a line, not a list."""

_LAST_BYTES = 4096
_LAST_CHARACTERS = 200

Tell = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One agent call that is about to be made, with the files it will use.

    `packet` is what its copy of the packet will hold, by path; empty for a call that reads none.
    """

    site: Site
    place: CallPlace
    task: TaskSpecification
    folder: CallFolder
    packet: Mapping[str, bytes] = field(default_factory=dict)


def earlier_answer(site: Site, place: CallPlace, *, same_boot: bool) -> Answered | None:
    """A complete answer that an earlier try of this call left behind, the newest first; None if there is none.

    With `same_boot` an answer of an earlier boot does not count: what the agent wrote beside it may be lost. An answer
    beside a changed copy of the packet never does.
    """
    folder = site.attempt(place.item, place.attempt)
    for effect in _earlier(place.effect):
        call = folder.call(effect)
        put = report_places.find(_around(call), _seal(call))
        if put is None or (same_boot and not _same_boot(call)):
            continue
        found = complete_answer(task(site, msgspec.structs.replace(place, effect=effect)), put.report)
        if found and (not place.packet or _was_intact(call, put, Digest(place.packet))):
            return billed(found, site, place.agent, effect, call)
    return None


def _was_intact(call: CallFolder, put: ReportPlace, packet: Digest) -> bool:
    # A copy that was found intact is thrown away, after the task was put where people look for it.
    return packets.is_intact(put.packet, packet) or (call.task.exists() and not put.packet.exists())


def forget_answers(site: Site, place: CallPlace) -> None:
    """Lets no later try take for its own what earlier tries of this call answered."""
    folder = site.attempt(place.item, place.attempt)
    for effect in _earlier(place.effect):
        _seal(folder.call(effect)).unlink(missing_ok=True)


def _earlier(effect: EffectId) -> tuple[EffectId, ...]:
    """The tries before `effect`, the newest first."""
    head = effect.rpartition("/t")[0]
    return tuple(EffectId(f"{head}/t{tries}") for tries in range(tries_of(effect) - 1, 0, -1))


def _same_boot(call: CallFolder) -> bool:
    return call.boot.exists() and call.boot.read_text(encoding="ascii") == boot_id()


def _around(call: CallFolder) -> Path:
    return call.report.with_suffix("")


def _seal(call: CallFolder) -> Path:
    return call.root / "report_place.sha256"


async def make(call: Call, tell: Tell) -> Outcome:
    """Starts the agent, waits for it within its limits, ends what it left running, and reads its answer.

    Begins when no more are at work than may be, and is on record as started from then on. Raises Overspent.
    """
    async with call.site.at_work:
        return await _made(call, tell)


async def _made(call: Call, tell: Tell) -> Outcome:
    put, told, laid = await to_thread.run_sync(_prepare, call)
    place = call.place
    started = AgentStarted(
        effect=place.effect,
        agent=place.agent,
        session=call.folder.root.name,
        files=call.site.relative(call.folder.root),
        held=call.site.policy.held_back(place.stage),
        is_bounded=call.site.policy.budget().is_set,
    )
    await tell(started)
    sightings = Sightings(told, put.report)
    ended = await _watched(_job(call, put, told), sightings)
    return await to_thread.run_sync(_outcome, call, put, laid, sightings, ended)


def _prepare(call: Call) -> tuple[ReportPlace, TaskSpecification, Standing | None]:
    """Where the report belongs, the task that says so, and how the call's copy of the packet stands, if it has one."""
    call.folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    call.folder.task.unlink(missing_ok=True)
    put = report_places.make(_around(call.folder), _seal(call.folder))
    told = msgspec.structs.replace(call.task, report_path=str(put.report))
    if call.packet:
        packets.lay_copy(put.packet, call.packet)
        told = msgspec.structs.replace(told, packet_dir=str(put.packet))
    adapter = ADAPTERS[call.site.policy.agents[call.place.agent].kind]
    write_record(put.task, adapter.stdin(told), durable=False)
    write_record(call.folder.boot, boot_id().encode(), durable=False)
    return put, told, standing(put.packet) if call.packet else None


def _job(call: Call, put: ReportPlace, told: TaskSpecification) -> Job:
    site, place = call.site, call.place
    definition = site.policy.agents[place.agent]
    adapter = ADAPTERS[definition.kind]
    extra = adapter.environment(definition, told)
    return Job(
        argv=adapter.argv(definition, site.repository.root),
        cwd=site.attempt(place.item, place.attempt).worktree,
        env=clean_environment(site.ambient, (*site.policy.env, *definition.env), extra),
        stdin=put.task,
        stdout=call.folder.stdout,
        stderr=call.folder.stderr,
        limits=site.policy.agent_limits(place.stage),
        marker=site.marker(place.effect),
        run_marker=site.frame.run_id,
        inherit=(site.tree_lock,),
    )


async def _watched(job: Job, sightings: Sightings) -> Ended:
    """How `job` ended, its report's place watched meanwhile."""
    failed: Exception | None = None
    async with anyio.create_task_group() as looks:
        looks.start_soon(sightings.keep_looking)
        try:
            ended = await run(job)
        except Exception as error:
            # Out of the group by hand: it would wrap the error in a group of its own.
            failed = error
        looks.cancel_scope.cancel()
    if failed:
        raise failed
    return ended


def _outcome(
    call: Call, put: ReportPlace, laid: Standing | None, sightings: Sightings, ended: Ended
) -> Outcome:
    found = parked(put.report) or outcome(
        sightings.task,
        put.report,
        exit_code=ended.exit_code,
        breach=ended.breach,
        start_error=ended.start_error,
    )
    found = sightings.judged(found, ended.ended_s)
    changed: tuple[str, ...] = ()
    if laid and not standing(put.packet).is_that_of(laid):
        changed = packets.changed(put.packet, Digest(call.place.packet))
    if changed:
        found = Unanswered("tampered", f"changed its copy of the packet: {listed(changed)}")
    if not isinstance(found, Answered):
        # What was refused now must not be found and used by a resume.
        _seal(call.folder).unlink(missing_ok=True)
    if isinstance(found, Unanswered) and found.kind in ("failed", "killed", "malformed"):
        found = replace(found, why=found.why + _last_words(call.folder.stderr))
    # Now that nobody can profit from the name in it, it lies where people look for it.
    with suppress(FileNotFoundError):
        put.task.replace(call.folder.task)
    report_places.show(_around(call.folder))
    if call.packet and not changed:
        packets.remove_copy(put.packet)
    return billed(found, call.site, call.place.agent, call.place.effect, call.folder)


def not_put_off(outcome: Outcome) -> None:
    """Raises CallParked where the agent put its answer off, and OSError where the disk did it: neither is its fault."""
    if isinstance(outcome, Parked):
        raise CallParked(outcome)
    if isinstance(outcome, Unanswered) and outcome.kind == "disk":
        raise OSError(errno.ENOSPC, f"the agent {outcome.why}")


def _last_words(stderr: Path) -> str:
    """The last line that an agent wrote on standard error, ready to follow what became of it; empty without one."""
    try:
        with stderr.open("rb") as file:
            file.seek(max(0, stderr.stat().st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; its last words: {shown(said, _LAST_CHARACTERS)}" if said else ""


def listed(paths: tuple[str, ...]) -> str:
    """Paths that an agent may have chosen, as one line for the journal; what does not fit is counted."""
    more = len(paths) - SHOWN_PATHS
    return ", ".join(shown(path) for path in paths[:SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")


def keep_answer(site: Site, place: CallPlace, name: str, answered: Answered) -> Digest:
    """Copies an accepted answer to where no agent writes, for later rounds and people; answers with its digest."""
    path = site.attempt(place.item, place.attempt).answer(name, place.round)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = pretty(answered.report)
    write_record(path, data, durable=False)
    site.unsynced.note(path)
    return digest_of(data)
