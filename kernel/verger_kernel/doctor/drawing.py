"""What the projections of a run should hold: drawn again from its journal, onto other paper.

Not here: comparing them with what stands (`diagnosis.py`) and putting them back (`repair.py`).
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.perform.projections import EscalationManifest, publish
from verger_kernel.perform.reports import VerificationReport, junit, pretty
from verger_kernel.rules import state as s
from verger_kernel.rules.doctor import Step, attempts, sealed
from verger_kernel.rules.plan import NormalizedPlan
from verger_probes.decoding import decoded
from verger_probes.records import write_record

UNREADABLE = (OSError, msgspec.DecodeError, UnicodeDecodeError)

Attempt = tuple[str, int]


def differing(
    folder: RunFolder, plan: NormalizedPlan, told: tuple[Step, ...], untrusted: Collection[Attempt]
) -> dict[Path, bytes]:
    """The projections that are missing or not what the journal tells, by path, each with what it should hold.

    Those of the attempts in `untrusted` are left out: what they were drawn from is damaged. So are those of a round
    that is not over: the run will draw them again itself.
    """
    left_out = [folder.attempt(*one).root for one in untrusted]
    return {
        path: data
        for path, data in drawn(folder, plan, told).items()
        if path.parent not in left_out
        and not _is_unfinished(folder, told, path)
        and not _is_as_drawn(path, data)
    }


def drawn(folder: RunFolder, plan: NormalizedPlan, told: tuple[Step, ...]) -> dict[Path, bytes]:
    """Every projection of the run by path, as its journal and the answers beside it tell it. Writes nothing there."""
    with TemporaryDirectory(prefix="verger-drawing-") as name:
        # Its name is the run's id, which some of what is drawn repeats.
        paper = replace(folder, root=Path(name) / folder.root.name)
        for attempt in attempts(told):
            _trace(folder.attempt(*attempt).root, paper.attempt(*attempt).root)
        for step in told:
            # What one step cannot draw, from a damaged answer for one, the others still can.
            with suppress(*UNREADABLE):
                publish(paper, plan, step.before, step.after)
        for attempt in attempts(told):
            _draw_parts(paper, attempt)
        for seal, digest in sealed(told).items():
            if seal.kind == "evidence":
                record = paper.attempt(seal.item, seal.attempt).evidence_digest
                write_record(record, digest.encode() + b"\n", durable=False)
        made = [path for path in paper.root.rglob("*") if path.is_file() and not path.is_symlink()]
        return {folder.root / path.relative_to(paper.root): path.read_bytes() for path in sorted(made)}


def _trace(source: Path, target: Path) -> None:
    """Makes `target` a folder of links to the files of `source`: what is drawn there replaces its link."""
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir() and not path.is_symlink():
            place.mkdir()
        else:
            place.symlink_to(path)


def _draw_parts(paper: RunFolder, attempt: Attempt) -> None:
    """Draws what repeats a part of a verification report beside it."""
    folder = paper.attempt(*attempt)
    for path in folder.root.glob("verification_report.round-*.json"):
        with suppress(*UNREADABLE):
            report = decoded(read_file(path), VerificationReport)
            write_record(folder.junit(report.round), junit(report), durable=False)
            write_record(folder.surface(report.round), pretty(report.surface), durable=False)


def _is_unfinished(folder: RunFolder, told: tuple[Step, ...], path: Path) -> bool:
    state = told[-1].after
    if not state.outstanding or not isinstance(state.stage, s.ItemStage):
        return False
    spot = state.stage.spot
    attempt = folder.attempt(spot.item, spot.attempt).root
    return path.parent == attempt and f".round-{spot.round}." in path.name


def _is_as_drawn(path: Path, data: bytes) -> bool:
    try:
        found = read_file(path)
        return found == data or _without_worktree(found) == _without_worktree(data)
    except UNREADABLE:
        return False


def _without_worktree(data: bytes) -> EscalationManifest:
    # It says where the worktree stood then; since, it may have been put away.
    manifest = decoded(data, EscalationManifest)
    return msgspec.structs.replace(manifest, worktree="")
