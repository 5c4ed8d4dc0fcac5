"""Freezing: everything the lanes may need to judge a result, in one sealed folder.

Not here: the sealing itself; see `disk/packets.py`.
"""

import msgspec

from verger_kernel.disk import packets
from verger_kernel.git import commits
from verger_kernel.perform.reports import VerificationReport, pretty
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import FreezePacket
from verger_kernel.rules.events import PacketFrozen, PacketRefused


def freeze(effect: FreezePacket, site: Site) -> PacketFrozen | PacketRefused:
    """Writes the packet of a round, proved to hold what the journal knows; done twice, it has the same digest."""
    attempt = site.attempt(effect.item, effect.attempt)
    _changes, patch = commits.changes(site.git, effect.base, effect.commit)
    verification = attempt.verification(effect.round).read_bytes()
    contents = {
        "playbook_source_snapshot.md": site.folder.snapshot.read_bytes(),
        "normalized_plan.json": site.folder.plan.read_bytes(),
        "candidate.patch": patch,
        "verification_report.json": verification,
        "worker_report.json": attempt.answer("worker", effect.round).read_bytes(),
    }
    changed = _changed(effect, site, contents)
    if changed:
        return PacketRefused(effect=effect.id, changed=changed)
    # A part of the report that was just proved, beside it under a name of its own: lanes should not overlook it.
    report = msgspec.json.decode(verification, type=VerificationReport)
    contents["test_surface.json"] = pretty(report.surface)
    if attempt.evidence_digest.exists():
        contents |= {
            f"external_evidence/{path.relative_to(attempt.evidence).as_posix()}": path.read_bytes()
            for path in sorted(attempt.evidence.rglob("*"))
            if path.is_file()
        }
    digest = packets.write(
        attempt.packet(effect.round),
        contents,
        run_id=site.frame.run_id,
        item=effect.item,
        attempt=effect.attempt,
        round_=effect.round,
    )
    return PacketFrozen(effect=effect.id, packet=digest)


def _changed(effect: FreezePacket, site: Site, contents: dict[str, bytes]) -> tuple[str, ...]:
    known = {
        "playbook_source_snapshot.md": site.frame.snapshot_sha256,
        "normalized_plan.json": site.frame.plan_sha256,
        "verification_report.json": effect.verification,
        "worker_report.json": effect.report,
    }
    return tuple(name for name, digest in known.items() if packets.digest_of(contents[name]) != digest)
