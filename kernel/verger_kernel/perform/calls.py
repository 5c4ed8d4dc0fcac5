"""One agent call: the agent is started, or continued where an earlier try was cut short, and waited for.

Not here: what is asked (`tasks.py`), answers that are there already (`answers.py`), and what an answer leads to
(`worker.py`, `audit.py`, `triage.py`).
"""

import errno
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import msgspec
from anyio import to_thread

from verger_kernel.agents.base import Adapter, Turn, task_json
from verger_kernel.agents.outcome import Answered, CallParked, Outcome, Parked, Unanswered, outcome
from verger_kernel.agents.parking import parked
from verger_kernel.agents.reading import Came, came_of
from verger_kernel.agents.registry import adapter_of
from verger_kernel.agents.sightings import Sightings
from verger_kernel.disk import packets, report_places
from verger_kernel.disk.layout import CallFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.disk.report_places import ReportPlace
from verger_kernel.git.standing import Standing, standing
from verger_kernel.perform import enclosing, secrets, sessions
from verger_kernel.perform.answers import around, seal
from verger_kernel.perform.billing import billed, was_ended
from verger_kernel.perform.bringing import into_worktree
from verger_kernel.perform.last_words import last_words
from verger_kernel.perform.listening import Listener
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.process.sandbox import Shown, environment
from verger_kernel.rules.events import AgentStarted, Event, SessionBegan
from verger_kernel.rules.ids import Digest, listed
from verger_kernel.rules.packs import TaskSpecification
from verger_probes.identity import boot_id
from verger_probes.records import write_record

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

    @property
    def adapter(self) -> Adapter:
        """The adapter of the agent that is called."""
        return adapter_of(self.site.policy.agents[self.place.agent].kind)


@dataclass(frozen=True)
class _Prepared:
    """Where the report belongs, how the copy of the packet stands if there is one, what is fed to and shown to whom."""

    put: ReportPlace
    laid: Standing | None
    turn: Turn
    stdin: Path
    fed: Digest
    version: str
    brought: tuple[Shown, ...]


async def make(call: Call, tell: Tell) -> Outcome:
    """Starts the agent, waits for it within its limits, ends what it left running, and reads its answer.

    Begins when no more are at work than may be, and is on record as started from then on. Raises Overspent.
    """
    async with call.site.at_work:
        return await _made(call, tell)


async def _made(call: Call, tell: Tell) -> Outcome:
    given = secrets.for_call(call.site.policy.agents[call.place.agent], call.site.ambient)
    prepared = await to_thread.run_sync(_prepare, call)
    effect, wanted = call.place.effect, prepared.turn.agent.version
    if wanted and prepared.version != wanted:
        why = f"its program is version {prepared.version or 'unknown'} now, the policy says {wanted}"
        return Unanswered("not_started", why)
    started = AgentStarted(
        effect=effect,
        agent=call.place.agent,
        session=prepared.turn.session or call.folder.root.name,
        files=call.site.relative(call.folder.root),
        held=call.site.policy.held_back(call.place.stage),
        is_bounded=call.site.policy.budget().is_set,
        prompt_sha256=prepared.fed,
        version=prepared.version,
    )
    await tell(started)

    async def began(session: str) -> None:
        await to_thread.run_sync(sessions.keep, call.folder, session)
        await tell(SessionBegan(effect=effect, session=session))

    listener = Listener(call.adapter, prepared.turn, call.folder.stdout, began)
    sightings = Sightings(prepared.turn.task, prepared.put.report)
    ended = await _watched(_job(call, prepared, given), sightings, listener)
    turn = replace(prepared.turn, session=listener.session or prepared.turn.session)
    return await to_thread.run_sync(
        _outcome, call, replace(prepared, turn=turn), sightings, ended, listener.fault
    )


def _prepare(call: Call) -> _Prepared:
    folder = call.folder
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.task.unlink(missing_ok=True)
    put = report_places.make(around(folder), seal(folder))
    told = msgspec.structs.replace(call.task, report_path=str(put.report))
    if call.packet:
        packets.lay_copy(put.packet, call.packet)
        told = msgspec.structs.replace(told, packet_dir=str(put.packet))
    turn = _turn(call, told)
    call.adapter.lay(turn)
    write_record(put.task, task_json(told), durable=False)
    fed, stdin = call.adapter.stdin(turn), put.task
    if fed != task_json(told):
        stdin = folder.prompt
        write_record(stdin, fed, durable=False)
    write_record(folder.boot, boot_id().encode(), durable=False)
    version = call.adapter.version(turn.agent, turn.repository_root, turn.path)
    laid = standing(put.packet) if call.packet else None
    brought = into_worktree(call.site, call.place.item, call.place.attempt)
    return _Prepared(put, laid, turn, stdin, digest_of(fed), version, brought)


def _turn(call: Call, told: TaskSpecification) -> Turn:
    """The start that is made: a continuation where an earlier try was cut short and its agent can go on, else anew."""
    site, place = call.site, call.place
    agent = site.policy.agents[place.agent]
    fresh = sessions.fresh(site, agent, told, call.folder.agent)
    before = tuple(
        site.attempt(place.item, place.attempt).call(one) for one in sessions.earlier(place.effect)
    )
    turn = sessions.continued(call.adapter, fresh, before)
    if turn is None:
        return replace(fresh, session=call.adapter.new_session())
    return sessions.take_over(turn, call.folder)


def can_continue(site: Site, place: CallPlace) -> bool:
    """Whether the agent would go on in the session of an earlier try of this call."""
    attempt = site.attempt(place.item, place.attempt)
    agent = site.policy.agents[place.agent]
    turn = sessions.fresh(site, agent, task(site, place), Path())
    before = tuple(attempt.call(one) for one in sessions.earlier(place.effect))
    return sessions.continued(adapter_of(agent.kind), turn, before) is not None


def _job(call: Call, prepared: _Prepared, given: Mapping[str, str]) -> Job:
    site, place, turn = call.site, call.place, prepared.turn
    attempt = site.attempt(place.item, place.attempt)
    extra = {**given, **call.adapter.environment(turn)}
    sandbox = enclosing.of_agent(
        site,
        call.adapter.needs(turn.agent),
        stage=place.stage,
        worktree=attempt.worktree,
        brought=prepared.brought,
        own=(prepared.put.root, turn.folder),
        evidence=attempt.evidence,
        home=extra.get("HOME", ""),
    )
    inside = environment(sandbox) if sandbox else {}
    return Job(
        argv=call.adapter.argv(turn),
        cwd=attempt.worktree,
        env=clean_environment(site.ambient, (*site.policy.env, *turn.agent.variables()), inside | extra),
        stdin=prepared.stdin,
        stdout=call.folder.stdout,
        stderr=call.folder.stderr,
        limits=site.policy.agent_limits(place.stage),
        marker=site.marker(place.effect),
        run_marker=site.frame.run_id,
        inherit=(site.tree_lock,),
        sandbox=sandbox,
    )


async def _watched(job: Job, sightings: Sightings, listener: Listener) -> Ended:
    """How `job` ended, its report's place watched and its words heard meanwhile."""
    failed: Exception | None = None
    ended: Ended | None = None
    async with anyio.create_task_group() as looks:
        looks.start_soon(sightings.keep_looking)
        looks.start_soon(listener.keep_listening)
        try:
            ended = await run(job, listener.leave)
        except Exception as error:
            # Out of the group by hand: it would wrap the error in a group of its own.
            failed = error
        looks.cancel_scope.cancel()
    if failed := failed or listener.failed:
        raise failed
    await listener.catch_up()
    assert ended
    return ended


def _outcome(call: Call, prepared: _Prepared, sightings: Sightings, ended: Ended, fault: str) -> Outcome:
    put = prepared.put
    changed: tuple[str, ...] = ()
    found, is_sure = _read(call, prepared, sightings, ended, fault)
    if prepared.laid and not standing(put.packet).is_that_of(prepared.laid):
        changed = packets.changed(put.packet, Digest(call.place.packet))
    if changed:
        found = Unanswered("tampered", f"changed its copy of the packet: {listed(changed)}", found.usage)
    if not isinstance(found, Answered):
        # What was refused now must not be found and used by a resume.
        seal(call.folder).unlink(missing_ok=True)
    if isinstance(found, Unanswered) and found.kind in ("failed", "killed", "malformed"):
        found = replace(found, why=found.why + last_words(call.folder.stderr))
    found = secrets.cleaned(found, put.report)
    if not _is_put_off(found):
        sessions.forget(call.folder)
        sessions.clear(call.folder.agent)
    # Now that nobody can profit from the name in it, it lies where people look for it: as it was told, for what lies
    # beside the report the agent can write.
    write_record(call.folder.task, task_json(prepared.turn.task), durable=False)
    with suppress(OSError):
        put.task.unlink()
    secrets.clean_left(put.root, call.folder.agent)
    report_places.show(around(call.folder))
    if call.packet and not changed:
        packets.remove_copy(put.packet)
    whole = is_sure and not was_ended(ended)
    return billed(found, call.site, call.place.agent, call.place.effect, call.folder, whole=whole)


def _read(call: Call, prepared: _Prepared, sightings: Sightings, ended: Ended, fault: str) -> Came:
    """What came of the call: by its agent's events where those tell, else by the report that it wrote."""
    put, turn = prepared.put, prepared.turn
    if not ended.start_error:
        came = came_of(
            call.adapter,
            turn,
            call.folder.stdout,
            put.report,
            exit_code=ended.exit_code,
            breach=ended.breach,
            reopened=ended.reopened,
            fault=fault,
        )
        if came:
            return came
    found = parked(put.report) or outcome(
        turn.task,
        put.report,
        exit_code=ended.exit_code,
        breach=ended.breach,
        start_error=ended.start_error,
    )
    return Came(sightings.judged(found, ended.ended_s), is_sure=True)


def _is_put_off(outcome: Outcome) -> bool:
    return isinstance(outcome, Parked) or (isinstance(outcome, Unanswered) and outcome.kind == "disk")


def not_put_off(outcome: Outcome) -> None:
    """Raises CallParked where the agent put its answer off, and OSError where the disk did it: neither is its fault."""
    if isinstance(outcome, Parked):
        raise CallParked(outcome)
    if isinstance(outcome, Unanswered) and outcome.kind == "disk":
        raise OSError(errno.ENOSPC, f"the agent {outcome.why}")
