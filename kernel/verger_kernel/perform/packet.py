"""Freezing: everything the lanes may need to judge a result, in one sealed folder.

Not here: the sealing itself; see `disk/packets.py`.
"""

from verger_kernel.disk import packets
from verger_kernel.git import commits
from verger_kernel.perform.site import Site
from verger_kernel.rules.effects import FreezePacket
from verger_kernel.rules.events import PacketFrozen


def freeze(effect: FreezePacket, site: Site) -> PacketFrozen:
    """Writes the packet of a round; the same effect, done twice, gives the same digest."""
    attempt = site.attempt(effect.item, effect.attempt)
    _changes, patch = commits.changes(site.git, effect.base, effect.commit)
    contents = {
        "playbook_source_snapshot.md": site.folder.snapshot.read_bytes(),
        "normalized_plan.json": site.folder.plan.read_bytes(),
        "candidate.patch": patch,
        "verification_report.json": attempt.verification(effect.round).read_bytes(),
        "worker_report.json": attempt.answer("worker", effect.round).read_bytes(),
    }
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
