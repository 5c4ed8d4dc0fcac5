"""Task specifications: what an agent is told, made from plan, policy and the round before.

Not here: feeding it to the agent; see `calls.py`.
"""

import msgspec

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.perform.findings import findings_of, unresolved_of
from verger_kernel.perform.site import Site
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import Lane, ReworkPoint, Section, Stage, TaskItem, TaskSpecification
from verger_kernel.rules.plan import Item
from verger_kernel.rules.scope import FORBIDDEN_ROOTS

REPORT_SCHEMAS: dict[Stage, str] = {
    "execute": "verger.worker_report.v1",
    "fix": "verger.worker_report.v1",
    "remediate": "verger.worker_report.v1",
    "audit": "verger.audit_report.v1",
    "triage": "verger.triage_report.v1",
}


class CallPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Which call a task is for."""

    effect: EffectId
    item: str
    attempt: int
    round: int
    stage: Stage
    lane: Lane | None
    agent: str
    packet: str


def task(site: Site, place: CallPlace, *, rework: tuple[ReworkPoint, ...] = ()) -> TaskSpecification:
    """The whole input of one agent call."""
    item = site.item(place.item)
    attempt = site.attempt(place.item, place.attempt)
    return TaskSpecification(
        run_id=site.frame.run_id,
        item_id=place.item,
        attempt=place.attempt,
        round=place.round,
        stage=place.stage,
        lane=place.lane,
        agent=place.agent,
        worktree=str(attempt.worktree),
        packet_dir=str(attempt.packet(place.round)) if place.packet else "",
        packet_sha256=place.packet,
        report_path=str(attempt.call(place.effect).report),
        report_schema=REPORT_SCHEMAS[place.stage],
        evidence_dir=str(attempt.evidence) if attempt.evidence_digest.exists() else "",
        item=_task_item(item),
        allowed_write_roots=item.allowed_write_roots,
        forbidden_roots=FORBIDDEN_ROOTS,
        consult_paths=item.consult_paths,
        required_commands=item.verification_hints.required_commands,
        suggested_commands=item.verification_hints.suggested_commands,
        required_artifacts=item.verification_hints.required_artifacts,
        sections=_sections(site, item),
        rework=rework,
        notes=item.notes,
    )


def _task_item(item: Item) -> TaskItem:
    return TaskItem(
        item_id=item.item_id,
        phase=item.phase,
        action=item.action,
        why_now=item.why_now,
        deliverable=item.deliverable,
        exit_criteria=item.exit_criteria,
        change_profile=item.change_profile,
        requires_red_green=item.requires_red_green,
        manual_gate_required=item.manual_gate.required,
        external_check_required=item.external_check.required,
    )


def _sections(site: Site, item: Item) -> tuple[Section, ...]:
    return tuple(
        Section(section_id=section.section_id, title=section.title, body_markdown=section.body_markdown)
        for section in site.plan.support_sections
        if section.section_id in item.support_section_ids
    )


def rejection_points(rejection: str) -> tuple[ReworkPoint, ...]:
    """What a person wrote who rejected an earlier attempt, as something to mend; none where nobody did."""
    if not rejection:
        return ()
    point = ReworkPoint(
        finding_id="rejection",
        title=f"A person rejected an earlier attempt. {rejection}",
        severity="high",
        category="process",
        file_paths=(),
        evidence=(),
        recommended_action="Do the item so that this no longer holds.",
    )
    return (point,)


def rework_points(
    site: Site, *, item: str, attempt: int, round_: int, chosen: tuple[str, ...]
) -> tuple[ReworkPoint, ...]:
    """What the round before `round_` left to mend: its `chosen` findings, all when none is chosen, and open ends."""
    if round_ == 0:
        return ()
    folder = site.attempt(item, attempt)
    found = findings_of(folder, round_ - 1)
    points = tuple(one.rework_point() for one in found if not chosen or _is_among(one.mark, chosen))
    return points + _unresolved_points(folder, round_ - 1)


def _is_among(mark: FindingMark, chosen: tuple[str, ...]) -> bool:
    return not {mark.finding_id, *mark.keys}.isdisjoint(chosen)


def _unresolved_points(attempt: AttemptFolder, round_: int) -> tuple[ReworkPoint, ...]:
    return tuple(
        ReworkPoint(
            finding_id=f"unresolved_{number}",
            title=text,
            severity="high",
            category="process",
            file_paths=(),
            evidence=(),
            recommended_action="Resolve it, or say why it cannot be resolved.",
        )
        for number, text in enumerate(unresolved_of(attempt, round_), start=1)
    )
