"""Freezing: everything the lanes may need to judge a result, in one sealed folder.

Not here: the sealing itself; see `disk/packets.py`.
"""

from pathlib import Path

import msgspec

from verger_kernel.disk import packets
from verger_kernel.git import commits
from verger_kernel.perform.reports import VerificationReport, pretty
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import FreezePacket
from verger_kernel.rules.events import PacketFrozen, PacketRefused
from verger_kernel.rules.ids import Digest
from verger_probes.decoding import decoded

PLAYBOOK = "playbook_source_snapshot.md"
PLAN = "normalized_plan.json"


def freeze(effect: FreezePacket, site: Site) -> PacketFrozen | PacketRefused:
    """Writes the packet of a round, proved to hold what the journal knows; done twice, it has the same digest."""
    contents = _contents(effect, site)
    changed = _changed(effect, site, contents)
    if changed:
        return PacketRefused(effect=effect.id, changed=changed)
    sealed = _sealed(effect, site, contents)
    packets.write(_place(effect, site), contents, sealed, _of_the_run(site))
    return PacketFrozen(effect=effect.id, packet=packets.digest_of(sealed))


def freeze_again(effect: FreezePacket, packet: Digest, site: Site) -> bool:
    """Makes sure that the packet of an earlier `freeze` stands: whether it does, with the digest that it had.

    What it is made from may be gone or changed: then nothing is written. Raises OSError and GitError.
    """
    if packets.is_intact(_place(effect, site), packet):
        return True
    try:
        contents = _contents(effect, site)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    sealed = _sealed(effect, site, contents)
    if packets.digest_of(sealed) != packet:
        return False
    packets.write(_place(effect, site), contents, sealed, _of_the_run(site))
    return True


def _of_the_run(site: Site) -> dict[str, Path]:
    """The files that are the same in every packet of the run."""
    return {PLAYBOOK: site.folder.snapshot, PLAN: site.folder.plan}


def _place(effect: FreezePacket, site: Site) -> Path:
    return site.attempt(effect.item, effect.attempt).packet(effect.round)


def _sealed(effect: FreezePacket, site: Site, contents: dict[str, bytes]) -> bytes:
    return packets.manifest(
        contents,
        run_id=site.frame.run_id,
        item=effect.item,
        attempt=effect.attempt,
        round_=effect.round,
    )


def _contents(effect: FreezePacket, site: Site) -> dict[str, bytes]:
    attempt = site.attempt(effect.item, effect.attempt)
    _changes, patch = commits.changes(site.git, effect.base, effect.commit)
    verification = attempt.verification(effect.round).read_bytes()
    # A part of the report, beside it under a name of its own: lanes should not overlook it.
    report = decoded(verification, VerificationReport)
    contents = {
        PLAYBOOK: site.folder.snapshot.read_bytes(),
        PLAN: site.folder.plan.read_bytes(),
        "candidate.patch": patch,
        "verification_report.json": verification,
        "worker_report.json": attempt.answer("worker", effect.round).read_bytes(),
        "test_surface.json": pretty(report.surface),
    }
    if attempt.evidence.is_dir():
        contents |= {
            f"external_evidence/{path.relative_to(attempt.evidence).as_posix()}": path.read_bytes()
            for path in sorted(attempt.evidence.rglob("*"))
            if path.is_file()
        }
    return contents


def _changed(effect: FreezePacket, site: Site, contents: dict[str, bytes]) -> tuple[str, ...]:
    known = {
        PLAYBOOK: site.frame.snapshot_sha256,
        PLAN: site.frame.plan_sha256,
        "verification_report.json": effect.verification,
        "worker_report.json": effect.report,
    }
    return tuple(name for name, digest in known.items() if packets.digest_of(contents[name]) != digest)
