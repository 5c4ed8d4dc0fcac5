"""What doctor looks at in a run's files: those that the journal names by digest, those it draws, those left over.

Not here: plan, policy and playbook, without which no run goes on; see `diagnosis.py`.
"""

from collections.abc import Iterable
from pathlib import Path

from verger_kernel import gate_evidence
from verger_kernel.disk import packets, store
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.evidence import digest_folder
from verger_kernel.disk.layout import RunFolder
from verger_kernel.doctor.checks import Check
from verger_kernel.doctor.drawing import differing
from verger_kernel.rules import state as s
from verger_kernel.rules.doctor import Sealed, Step, decisions, sealed
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.playbook.frozen import FrozenPlaybookInvalid, decode_plan

FIX = "verger doctor {run} --fix-safe"
"""The way out of what can be made again."""
_SHOWN = 5


def sealed_files(folder: RunFolder, told: tuple[Step, ...]) -> Check:
    """Whether everything that the journal names by digest still has it."""
    broken = broken_seals(folder, told)
    if not broken:
        return Check(name="sealed_files")
    return Check(
        name="sealed_files",
        status="error",
        detail=f"these are missing or not what the journal names: {listed(folder.root, broken.values())}",
        hint="restore them from a copy of the run: the journal holds their digests alone, so none can be made again",
    )


def projections(folder: RunFolder, told: tuple[Step, ...]) -> Check:
    """Whether the files that are drawn from the journal hold what it tells."""
    try:
        plan = decode_plan(read_file(folder.plan))
    except (OSError, FrozenPlaybookInvalid):
        # Named by a check of its own; without it nothing can be drawn.
        return Check(name="projections")
    wrong = differing(folder, plan, told, untrusted(folder, told))
    if not wrong:
        return Check(name="projections")
    return Check(
        name="projections",
        status="warning",
        detail=f"these are missing or not what the journal tells: {listed(folder.root, wrong)}",
        hint=f"they can be drawn again: {FIX.format(run=folder.root.name)}",
    )


def decision_evidence(told: tuple[Step, ...]) -> Check:
    """Whether the files that were named with decisions are still what they were."""
    found = [text for decision in decisions(told) for text in gate_evidence.changed(decision.evidence)]
    if not found:
        return Check(name="gate_evidence")
    return Check(
        name="gate_evidence",
        status="warning",
        detail=f"what a person was shown is no longer there as it was: {'; '.join(found)}",
        hint="the decision stands, with the digest of what was shown then; keep a copy of such files",
    )


def left_over(folder: RunFolder) -> Check:
    """Whether something lies there that a killed process had not finished."""
    found = leftovers(folder)
    if not found:
        return Check(name="leftovers")
    return Check(
        name="leftovers",
        status="warning",
        detail=f"a process that was killed left: {listed(folder.root, found)}",
        hint=f"they can be removed: {FIX.format(run=folder.root.name)}",
    )


def leftovers(folder: RunFolder) -> tuple[Path, ...]:
    """What a killed process left half-made, files and folders; nobody may hold the run while this is asked."""
    found = list(store.drafts(folder))
    # Beside an index stand its lock, and the index of a quarantine with its git folder; its own folder stays with it.
    beside = folder.item("*").parent.glob("*/attempt-*/index.*")
    found += (path for path in beside if path.name != "index.git" or not path.with_suffix("").exists())
    found += folder.verify.glob("*")
    return tuple(sorted(found))


def untrusted(folder: RunFolder, told: tuple[Step, ...]) -> frozenset[tuple[str, int]]:
    """The attempts of which something sealed is damaged: what is drawn from it would be wrong."""
    return frozenset((seal.item, seal.attempt) for seal in broken_seals(folder, told))


def broken_seals(folder: RunFolder, told: tuple[Step, ...]) -> dict[Sealed, Path]:
    """What the journal names by digest and is missing or otherwise, each with its path."""
    now = told[-1].after if told else None
    return {
        seal: place_of(folder, seal)
        for seal, digest in sealed(told).items()
        if not (now and _grows(seal, now)) and not _is_intact(seal, place_of(folder, seal), digest)
    }


def _grows(seal: Sealed, now: s.RunState) -> bool:
    """Whether it is the report of a round that is being verified: it is written before the journal names it."""
    stage = now.stage
    if seal.kind != "verification" or not isinstance(stage, s.Verifying):
        return False
    return (seal.item, seal.attempt, seal.round) == (stage.spot.item, stage.spot.attempt, stage.spot.round)


def place_of(folder: RunFolder, seal: Sealed) -> Path:
    """Where it lies."""
    attempt = folder.attempt(seal.item, seal.attempt)
    match seal.kind:
        case "answer":
            return attempt.answer(seal.name, seal.round)
        case "verification":
            return attempt.verification(seal.round)
        case "packet":
            return attempt.packet(seal.round)
        case "evidence":
            return attempt.evidence


def _is_intact(seal: Sealed, place: Path, digest: Digest) -> bool:
    try:
        match seal.kind:
            case "packet":
                return packets.is_intact(place, digest)
            case "evidence":
                return digest_folder(place) == digest
            case _:
                return packets.digest_of(read_file(place)) == digest
    except OSError:
        return False


def listed(root: Path, paths: Iterable[Path]) -> str:
    """Paths as a person finds them: from `root` where they lie in it, the first few by name, the rest counted."""
    names = [str(path.relative_to(root) if root in path.parents else path) for path in paths]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
