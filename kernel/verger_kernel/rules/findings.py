"""Findings with their words: made from reports, merged so that swapping the lanes changes nothing.

Not here: what is done about them; see `triage.py`. Source: agents.md, "The three reports".
"""

import hashlib
import json
from collections.abc import Iterable

import msgspec

from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import AuditReport, Category, ReportedFinding, ReworkPoint, Severity

SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that is wrong: its mark and its words. Paths and evidence are sorted and without repeats."""

    mark: FindingMark
    title: str
    file_paths: tuple[str, ...]
    evidence: tuple[str, ...]
    recommended_actions: tuple[str, ...]

    def rework_point(self) -> ReworkPoint:
        """The finding as the next round is told it."""
        return ReworkPoint(
            finding_id=self.mark.finding_id,
            title=self.title,
            severity=self.mark.severity,
            category=self.mark.category,
            file_paths=self.file_paths,
            evidence=self.evidence,
            recommended_action="\n".join(self.recommended_actions),
        )


def finding(
    *,
    source: str,
    title: str,
    severity: Severity,
    category: Category,
    is_blocking: bool,
    file_paths: Iterable[str] = (),
    evidence: Iterable[str] = (),
    action: str = "",
) -> Finding:
    """A finding named by what it says: equal title, category, paths and evidence give the equal id."""
    paths, seen = tuple(sorted(set(file_paths))), tuple(sorted(set(evidence)))
    said = {"title": title.strip(), "category": category, "file_paths": paths, "evidence": seen}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    mark = FindingMark(
        finding_id=f"finding_{digest[:16]}",
        severity=severity,
        category=category,
        is_blocking=is_blocking,
        sources=(source,),
    )
    actions = (action,) if action else ()
    return Finding(
        mark=mark, title=title.strip(), file_paths=paths, evidence=seen, recommended_actions=actions
    )


def from_audit(report: AuditReport) -> tuple[Finding, ...]:
    """The findings of one lane, merged among themselves and sorted."""
    return merge(_reported(report.lane, reported) for reported in report.findings)


def _reported(lane: str, reported: ReportedFinding) -> Finding:
    return finding(
        source=f"audit-{lane}",
        title=reported.title,
        severity=reported.severity,
        category=reported.category,
        is_blocking=reported.is_blocking,
        file_paths=reported.file_paths,
        evidence=reported.evidence,
        action=reported.recommended_action,
    )


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without repeats, most severe first, then by id; the order given does not matter.

    Of findings with one id the gravest severity stands, one blocking voice blocks, sources and actions unite.
    """
    merged: dict[str, Finding] = {}
    for one in findings:
        known = merged.get(one.mark.finding_id)
        merged[one.mark.finding_id] = _united(known, one) if known else one
    return tuple(sorted(merged.values(), key=lambda one: _order(one.mark)))


def _united(left: Finding, right: Finding) -> Finding:
    actions = tuple(sorted({*left.recommended_actions, *right.recommended_actions}))
    (mark,) = merge_marks((left.mark, right.mark))
    return msgspec.structs.replace(left, mark=mark, recommended_actions=actions)


def merge_marks(marks: Iterable[FindingMark]) -> tuple[FindingMark, ...]:
    """`merge`, for findings of which only the marks are at hand."""
    merged: dict[str, FindingMark] = {}
    for mark in marks:
        known = merged.get(mark.finding_id)
        merged[mark.finding_id] = _united_marks(known, mark) if known else mark
    return tuple(sorted(merged.values(), key=_order))


def _united_marks(left: FindingMark, right: FindingMark) -> FindingMark:
    return msgspec.structs.replace(
        left,
        severity=min(left.severity, right.severity, key=SEVERITY_RANK.__getitem__),
        is_blocking=left.is_blocking or right.is_blocking,
        sources=tuple(sorted({*left.sources, *right.sources})),
    )


def _order(mark: FindingMark) -> tuple[int, str]:
    return SEVERITY_RANK[mark.severity], mark.finding_id
