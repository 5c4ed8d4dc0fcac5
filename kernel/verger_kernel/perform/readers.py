"""Agents that may only read: lanes and triage. They are asked, and what they read must be the same afterwards.

Not here: what their answers lead to (`audit.py`, `triage.py`), and their own copies of the packet (`calls.py`).

Lanes run side by side in one worktree. What either could have changed is told of both: neither read what was frozen.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome, Unanswered
from verger_kernel.disk import packets
from verger_kernel.git import trespass
from verger_kernel.git.changed import changed_files
from verger_kernel.git.command import GitError
from verger_kernel.git.standing import Standing, standing
from verger_kernel.git.trespass import Watch
from verger_kernel.perform import answers, bounds, calls, worktree
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, task
from verger_kernel.rules.ids import SHOWN_PATHS, Digest, ObjectId, listed
from verger_kernel.rules.packs import ReworkPoint

EVIDENCE = "external_evidence/"


class Reading(NamedTuple):
    """What came of it. `outcome` is no answer when anything was changed, `packet_intact` is about the sealed packet."""

    outcome: Outcome
    packet_intact: bool


class _Begun(NamedTuple):
    """What a reader is about to read, and how everything stood before; `answered` by an earlier try, or None."""

    contents: Mapping[str, bytes]
    packet: Standing
    repository: Watch
    answered: Answered | None


async def ask(
    site: Site, place: CallPlace, tip: ObjectId, tell: calls.Tell, rework: tuple[ReworkPoint, ...] = ()
) -> Reading:
    """Calls the agent, unless an earlier try already has its complete answer. The worktree stands at `tip`.

    Raises CallParked or OSError where it must be asked again and nothing was changed meanwhile.
    """
    try:
        begun = await to_thread.run_sync(_begun, site, place, tip)
    except packets.PacketChanged as changed:
        why = f"the packet was not what was frozen, so nobody was asked to read it: {listed(changed.paths)}"
        return Reading(Unanswered("tampered", why), packet_intact=False)
    outcome: Outcome | None = begun.answered
    if outcome is None:
        folder = site.attempt(place.item, place.attempt).call(place.effect)
        call = calls.Call(site, place, task(site, place, rework=rework), folder, begun.contents)
        outcome = await calls.make(call, tell)
    reading = await to_thread.run_sync(_judged, site, place, begun, outcome)
    # Whatever became of its answer, the call was made.
    reading = reading._replace(outcome=replace(reading.outcome, bill=outcome.bill))
    calls.not_put_off(reading.outcome)
    return reading


def _begun(site: Site, place: CallPlace, tip: ObjectId) -> _Begun:
    """Raises PacketChanged."""
    sealed = site.attempt(place.item, place.attempt).packet(place.round)
    stood = standing(sealed)
    contents = packets.contents(sealed, Digest(place.packet))
    worktree.ensure(site, place.item, place.attempt, tip)
    answered = answers.earlier_answer(site, place, same_boot=False)
    return _Begun(contents, stood, trespass.watch(site.repository), answered)


def _judged(site: Site, place: CallPlace, begun: _Begun, outcome: Outcome) -> Reading:
    trespasses = () if begun.answered else trespass.trespasses(site.repository, begun.repository)
    if trespasses:
        return Reading(_tampered("the repository", listed(trespasses)), packet_intact=True)
    sealed = site.attempt(place.item, place.attempt).packet(place.round)
    is_untouched = standing(sealed).is_that_of(begun.packet)
    if not is_untouched and (changed := packets.changed(sealed, Digest(place.packet))):
        return Reading(_tampered("the packet", listed(changed)), packet_intact=False)
    if isinstance(outcome, Unanswered) and outcome.kind == "tampered":
        return Reading(outcome, packet_intact=True)
    if changed := _kept_files(site, place, begun.contents):
        return Reading(_tampered("what the kernel keeps of the run", listed(changed)), packet_intact=True)
    if said := _worktree(site, place.item, place.attempt):
        return Reading(_tampered("the worktree", said), packet_intact=True)
    return Reading(outcome, packet_intact=True)


def _tampered(what: str, said: str) -> Unanswered:
    return Unanswered("tampered", f"{what} changed while it was being read: {said}")


def _kept_files(site: Site, place: CallPlace, contents: Mapping[str, bytes]) -> tuple[str, ...]:
    """The files of the run from which the packet was made and that are no longer the same."""
    folder = site.attempt(place.item, place.attempt)
    kept = {
        "playbook_source_snapshot.md": site.folder.snapshot,
        "normalized_plan.json": site.folder.plan,
        "verification_report.json": folder.verification(place.round),
        "worker_report.json": folder.answer("worker", place.round),
    }
    kept |= {
        name: folder.evidence / name.removeprefix(EVIDENCE) for name in contents if name.startswith(EVIDENCE)
    }
    return tuple(site.relative(path) for name, path in kept.items() if not _holds(path, contents[name]))


def _holds(path: Path, data: bytes) -> bool:
    try:
        return packets.plain_content(path, len(data)) == data
    except OSError:
        return False


def _worktree(site: Site, item: str, attempt: int) -> str:
    folder = site.attempt(item, attempt)
    if not folder.worktree.is_dir():
        return "it is gone"
    if worktree.stands_as_recorded(site, item, attempt):
        return ""
    if escapes := bounds.escapes(site, item, attempt):
        return "; ".join(escapes[:SHOWN_PATHS])
    try:
        return listed(changed_files(site.git, folder.worktree, folder.index))
    except GitError as error:
        if error.is_of_the_world():
            raise
        return "git cannot read it any more"
