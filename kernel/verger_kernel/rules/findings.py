"""Findings with their words: made from reports, merged so that swapping the lanes changes nothing.

Two findings are one when they name the same files and the same place in them, and agree in title or in category.
The place is the line; without one the quoted code; without that the numbers in the evidence, and then titles alone
count. Different lines are never one finding. Not here: what is done about them; see `triage.py`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import AuditReport, Category, ReportedFinding, ReworkPoint, Severity

SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}

# A gate answers manual_gate without a fix: no other voice may turn a finding into that.
_CATEGORY_RANK: dict[Category, int] = {
    "security": 0,
    "correctness": 1,
    "test_gap": 2,
    "scope": 3,
    "external_dependency": 4,
    "artifact": 5,
    "process": 6,
    "documentation": 7,
    "other": 8,
    "manual_gate": 9,
}
# A bracket or a lone `return` stands on many lines and names none.
_TELLING_LETTERS = 8
_Voice = TypeVar("_Voice")


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that is wrong: its mark and its words, in which nothing is left that a terminal would obey.

    Lists are sorted and without repeats. `line` is 0 where none was named. `also_said` are other titles for it.
    """

    mark: FindingMark
    title: str
    file_paths: tuple[str, ...]
    evidence: tuple[str, ...]
    recommended_actions: tuple[str, ...]
    line: int = 0
    quotes: tuple[str, ...] = ()
    also_said: tuple[str, ...] = ()

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
            line=self.line,
            also_said=self.also_said,
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
    line: int = 0,
    quote: str = "",
) -> Finding:
    """A finding named by what it says: equal title, category, paths, evidence and place give the equal id."""
    paths, seen = tuple(sorted(set(file_paths))), tuple(sorted(set(evidence)))
    said = {"title": title.strip(), "category": category, "file_paths": paths, "evidence": seen}
    finding_id = (
        f"finding_{_digest(said | ({'line': line} if line else {}) | ({'quote': quote} if quote else {}))}"
    )
    place = _place(line, quote, seen)
    mark = FindingMark(
        finding_id=finding_id,
        severity=severity,
        category=category,
        is_blocking=is_blocking,
        sources=(source,),
        keys=_keys(finding_id, title, category, paths, place),
    )
    return Finding(
        mark=mark,
        title=_one_line(title),
        file_paths=_cleaned(paths),
        evidence=_cleaned(seen),
        recommended_actions=_cleaned((action,) if action else ()),
        line=line,
        quotes=_cleaned((quote,) if quote else ()),
    )


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _place(line: int, quote: str, evidence: tuple[str, ...]) -> tuple[str, object]:
    """Where in its files the defect lies, as well as it was told."""
    if line:
        return "line", line
    if code := normal_code(quote):
        return "quote", code
    return "numbers", sorted(
        {int(number[:18]) for text in evidence for number in re.findall(r"[0-9]+", text)}
    )


def _keys(
    finding_id: str, title: str, category: Category, paths: tuple[str, ...], place: tuple[str, object]
) -> tuple[str, ...]:
    keys = {finding_id.removeprefix("finding_")}
    if paths:
        keys.add(_digest(("title", paths, place, normal_title(title))))
        if place[0] == "line" or (place[0] == "quote" and _is_telling(str(place[1]))):
            keys.add(_digest(("category", paths, place, category)))
    return tuple(sorted(keys))


def normal_title(title: str) -> str:
    """The words of a title, whatever their case, spacing and punctuation."""
    return " ".join(re.findall(r"\w+", title.casefold())) or title.strip()


def normal_code(quote: str) -> str:
    """Quoted code, whatever its indentation, spacing and empty lines."""
    return "\n".join(filter(None, (" ".join(line.split()) for line in quote.splitlines())))


def _is_telling(code: str) -> bool:
    return len(re.findall(r"\w", code)) >= _TELLING_LETTERS


def _one_line(text: str) -> str:
    return " ".join(_cleaned(text.split()))


def _cleaned(texts: Iterable[str]) -> tuple[str, ...]:
    """`texts` in their order, with what a terminal would obey written as its escape; evidence may have lines."""
    return tuple(
        "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
        for text in texts
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
        line=reported.line,
        quote=reported.quote,
    )


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each defect once, most severe first, then by id; the order given does not matter.

    Id and title are those of the gravest voice, the other titles are kept beside. One blocking voice blocks, the
    category that asks for most stands, and sources, evidence and actions unite.
    """
    merged = map(_united, _groups(findings, lambda one: one.mark))
    return tuple(sorted(merged, key=lambda one: _order(one.mark)))


def merge_marks(marks: Iterable[FindingMark]) -> tuple[FindingMark, ...]:
    """`merge`, for findings of which only the marks are at hand."""
    return tuple(sorted(map(_united_marks, _groups(marks, lambda mark: mark)), key=_order))


def _groups(voices: Iterable[_Voice], mark_of: Callable[[_Voice], FindingMark]) -> Iterable[list[_Voice]]:
    """The voices, together when they share a key, directly or through others."""
    above: dict[str, str] = {}

    def top(key: str) -> str:
        while above[key] != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    listed = list(voices)
    for mark in map(mark_of, listed):
        above.setdefault(mark.finding_id, mark.finding_id)
        for key in mark.keys:
            above[top(above.setdefault(key, key))] = top(mark.finding_id)
    groups: dict[str, list[_Voice]] = {}
    for voice in listed:
        groups.setdefault(top(mark_of(voice).finding_id), []).append(voice)
    return groups.values()


def _united(group: list[Finding]) -> Finding:
    lead = min(group, key=lambda one: _order(one.mark))
    titles = {one.title for one in group}.union(*(one.also_said for one in group))
    return msgspec.structs.replace(
        lead,
        mark=_united_marks([one.mark for one in group]),
        evidence=_sorted(one.evidence for one in group),
        recommended_actions=_sorted(one.recommended_actions for one in group),
        quotes=_sorted(one.quotes for one in group),
        also_said=tuple(sorted(titles - {lead.title})),
    )


def _united_marks(group: list[FindingMark]) -> FindingMark:
    return msgspec.structs.replace(
        min(group, key=_order),
        category=min((mark.category for mark in group), key=_CATEGORY_RANK.__getitem__),
        is_blocking=any(mark.is_blocking for mark in group),
        sources=_sorted(mark.sources for mark in group),
        keys=_sorted(mark.keys for mark in group),
    )


def _sorted(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(set[str]().union(*lists)))


def _order(mark: FindingMark) -> tuple[int, str]:
    return SEVERITY_RANK[mark.severity], mark.finding_id
