"""Answers that are there already: what an earlier try of a call left behind, and what was accepted.

Not here: asking for one; see `calls.py`.
"""

from pathlib import Path

import msgspec

from verger_kernel.agents.outcome import Answered, complete_answer
from verger_kernel.agents.reading import came_of
from verger_kernel.agents.registry import adapter_of
from verger_kernel.disk import packets, report_places
from verger_kernel.disk.layout import CallFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.disk.report_places import ReportPlace
from verger_kernel.perform import secrets, sessions
from verger_kernel.perform.billing import billed
from verger_kernel.perform.reports import pretty
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.packs import TaskSpecification
from verger_probes.identity import boot_id
from verger_probes.records import write_record


def earlier_answer(site: Site, place: CallPlace, *, same_boot: bool) -> Answered | None:
    """A complete answer that an earlier try of this call left behind, the newest first; None if there is none.

    With `same_boot` an answer of an earlier boot does not count: what the agent wrote beside it may be lost. An answer
    beside a changed copy of the packet never does.
    """
    folder = site.attempt(place.item, place.attempt)
    for effect in sessions.earlier(place.effect):
        call = folder.call(effect)
        put = report_places.find(around(call), seal(call))
        if put is None or (same_boot and not _same_boot(call)):
            continue
        asked = task(site, msgspec.structs.replace(place, effect=effect))
        written = complete_answer(asked, put.report)
        found = written or _said(site, place, asked, call, put)
        if found and (not place.packet or _was_intact(call, put, Digest(place.packet))):
            found = secrets.cleaned(found, put.report)
            # Of what was only printed nobody knows any more whether the agent did, and was done.
            return billed(found, site, place.agent, effect, call, whole=written is not None)
    return None


def _said(
    site: Site, place: CallPlace, asked: TaskSpecification, call: CallFolder, put: ReportPlace
) -> Answered | None:
    """The answer in what an agent printed that writes no report: its last word came, and nobody was left to read it."""
    agent = site.policy.agents[place.agent]
    adapter = adapter_of(agent.kind)
    turn = sessions.fresh(site, agent, asked, call.agent)
    try:
        came = came_of(adapter, turn, call.stdout, put.report, exit_code=None, breach=None)
    except OSError:
        return None
    return came.outcome if came and isinstance(came.outcome, Answered) else None


def _was_intact(call: CallFolder, put: ReportPlace, packet: Digest) -> bool:
    # A copy that was found intact is thrown away, after the task was put where people look for it.
    return packets.is_intact(put.packet, packet) or (call.task.exists() and not put.packet.exists())


def forget(site: Site, place: CallPlace) -> None:
    """Lets no later try take for its own what earlier tries of this call answered, nor go on where they stopped."""
    folder = site.attempt(place.item, place.attempt)
    for effect in sessions.earlier(place.effect):
        seal(folder.call(effect)).unlink(missing_ok=True)
        sessions.forget(folder.call(effect))


def _same_boot(call: CallFolder) -> bool:
    return call.boot.exists() and call.boot.read_text(encoding="ascii") == boot_id()


def around(call: CallFolder) -> Path:
    """The folder around the place of the report."""
    return call.report.with_suffix("")


def seal(call: CallFolder) -> Path:
    """The file that keeps which place is the one."""
    return call.root / "report_place.sha256"


def keep(site: Site, place: CallPlace, name: str, answered: Answered) -> Digest:
    """Copies an accepted answer to where no agent writes, for later rounds and people; answers with its digest."""
    path = site.attempt(place.item, place.attempt).answer(name, place.round)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = pretty(answered.report)
    write_record(path, data, durable=False)
    site.unsynced.note(path)
    return digest_of(data)
