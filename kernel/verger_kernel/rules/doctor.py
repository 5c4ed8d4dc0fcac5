"""What a journal says about files: the steps it tells, and every file that it names by digest.

Not here: whether those files are still so; see `doctor/diagnosis.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import Record
from verger_kernel.rules.effects import FreezePacket
from verger_kernel.rules.gates import Decision
from verger_kernel.rules.ids import Digest, EffectId
from verger_kernel.rules.machine import fold

Kind = Literal["answer", "verification", "packet", "evidence"]


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """One safe repair: what came of it, to which file or folder, and in `detail` what was done or why not."""

    name: str
    status: Literal["applied", "skipped", "not_needed"] = "not_needed"
    detail: str = ""
    path: str = ""


class Sealed(NamedTuple):
    """One file or folder of an attempt that the journal names by digest; `name` tells answers of a round apart."""

    item: str
    attempt: int
    round: int
    kind: Kind
    name: str


class Step(NamedTuple):
    """One record of a journal, with the state before it and after it."""

    before: s.RunState
    event: e.Event
    after: s.RunState


def steps(records: Iterable[Record]) -> Iterator[Step]:
    """Every step after the first record, in order. Raises IllegalEvent for a story that cannot happen."""
    before: s.RunState | None = None
    for record in records:
        after = fold((record,), before)
        if before is not None:
            yield Step(before, record.event, after)
        before = after


def sealed(told: Iterable[Step]) -> dict[Sealed, Digest]:
    """What the journal names, each with the newest digest; what it names as empty was never made."""
    found: dict[Sealed, Digest] = {}
    for step in told:
        named = _named(step.event)
        if named is None:
            continue
        effect, kind, name, digest = named
        # An answer that came late changed nothing, and what it named is not the run's.
        if digest and any(known.id == effect for known in step.before.outstanding):
            item, attempt, round_, _stage, _tries = effect.split("/")
            found[Sealed(item, int(attempt[1:]), int(round_[1:]), kind, name)] = Digest(digest)
    return found


def packets_frozen(told: Iterable[Step]) -> Iterator[tuple[FreezePacket, Digest]]:
    """Every packet that was frozen: what asked for it, and its digest."""
    for step in told:
        if isinstance(step.event, e.PacketFrozen):
            for effect in step.before.outstanding:
                if isinstance(effect, FreezePacket) and effect.id == step.event.effect:
                    yield effect, step.event.packet


def _named(event: e.Event) -> tuple[EffectId, Kind, str, str] | None:
    match event:
        case e.WorktreeReady(effect=effect, evidence=digest):
            return effect, "evidence", "", digest
        case e.WorkerReturned(effect=effect, report=digest):
            return effect, "answer", "worker", digest
        case e.CommandsReturned(effect=effect, report=digest):
            return effect, "verification", "", digest
        case e.PacketFrozen(effect=effect, packet=digest):
            return effect, "packet", "", digest
        case e.AuditReturned(effect=effect, lane=lane, report=digest):
            return effect, "answer", f"audit-{lane}", digest
        case e.TriageReturned(effect=effect, report=digest):
            return effect, "answer", "triage", digest
        case _:
            return None


def decisions(told: Iterable[Step]) -> tuple[Decision, ...]:
    """Every decision of a person, oldest first."""
    return tuple(step.event.decision for step in told if isinstance(step.event, e.GateDecided))


def attempts(told: Iterable[Step]) -> dict[tuple[str, int], s.Spot]:
    """Where each attempt of each item stood last, in the order in which they began."""
    return {
        (stage.spot.item, stage.spot.attempt): stage.spot
        for step in told
        if isinstance(stage := step.after.stage, s.ItemStage)
    }
