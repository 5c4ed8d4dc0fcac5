"""How findings are named and merged, whatever the order in which two lanes report them.

Not here: what is done about them; see test_triage.py.
"""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verger_kernel.rules.findings import SEVERITY_RANK, Finding, finding, from_audit, merge, merge_marks
from verger_kernel.rules.packs import AuditReport, Category, Lane, ReportedFinding, Severity

# Few words, so that lanes often mean the same thing.
words = st.sampled_from(["a", "b", "c"])
quotes = st.sampled_from(["", "return None", "  return   None  ", "}"])
lists = st.lists(words, max_size=2).map(tuple)
reported = st.builds(
    ReportedFinding,
    title=words,
    severity=st.sampled_from(Severity.__args__),
    category=st.sampled_from(Category.__args__[:2]),
    file_paths=lists,
    evidence=st.lists(words, max_size=1).map(tuple),
    recommended_action=st.sampled_from(["", "x", "y"]),
    is_blocking=st.booleans(),
    line=st.integers(0, 2),
    quote=quotes,
)
reports = st.lists(reported, max_size=6).map(tuple)


def made(lane: Lane, *found: ReportedFinding) -> AuditReport:
    """A lane's report of these findings."""
    return AuditReport(
        schema_version="verger.audit_report.v1",
        run_id="1",
        item_id="01",
        attempt=1,
        round=0,
        agent="auditor",
        summary="",
        stage="audit",
        lane=lane,
        packet_sha256="0",
        overall_verdict="issues_found",
        findings=found,
    )


def one(**changed: Any) -> Finding:
    """A finding of lane a."""
    told: dict[str, Any] = {
        "source": "audit-a",
        "title": "no test",
        "severity": "high",
        "category": "test_gap",
        "is_blocking": False,
        "file_paths": ("b.py", "a.py"),
        "evidence": ("line 3",),
    }
    return finding(**{**told, **changed})


@st.composite
def findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    """The findings of both lanes, one lane after the other."""
    return from_audit(made("a", *draw(reports))) + from_audit(made("b", *draw(reports)))


@given(findings(), st.randoms())
def test_the_order_of_findings_does_not_matter(found: tuple[Finding, ...], order: Any) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    assert merge(shuffled) == merge(found)


@given(findings())
def test_merging_again_changes_nothing(found: tuple[Finding, ...]) -> None:
    assert merge(merge(found)) == merge(found)
    assert merge(found + found) == merge(found)


@given(findings(), findings(), findings())
def test_it_does_not_matter_what_is_merged_first(
    first: tuple[Finding, ...], second: tuple[Finding, ...], third: tuple[Finding, ...]
) -> None:
    together = merge(first + second + third)
    assert merge(merge(first + second) + third) == together
    assert merge(first + merge(second + third)) == together


@given(reports, reports)
def test_swapping_the_lanes_swaps_only_their_names(
    left: tuple[ReportedFinding, ...], right: tuple[ReportedFinding, ...]
) -> None:
    as_is = merge(from_audit(made("a", *left)) + from_audit(made("b", *right)))
    swapped = merge(from_audit(made("a", *right)) + from_audit(made("b", *left)))
    assert tuple(renamed(one) for one in as_is) == swapped


def renamed(found: Finding) -> Finding:
    other = {"audit-a": "audit-b", "audit-b": "audit-a"}
    sources = tuple(sorted(other[name] for name in found.mark.sources))
    return replace(found, mark=replace(found.mark, sources=sources))


@given(findings())
def test_marks_merge_as_their_findings_do(found: tuple[Finding, ...]) -> None:
    assert merge_marks(one.mark for one in found) == tuple(one.mark for one in merge(found))


def voices(found: Finding) -> set[str]:
    return set(found.mark.keys)


@given(findings())
def test_nothing_is_lost_and_nothing_grows_milder(found: tuple[Finding, ...]) -> None:
    merged = merge(found)
    for single in found:
        (kept,) = (one for one in merged if voices(one) & voices(single))
        assert voices(kept) >= voices(single)
        assert SEVERITY_RANK[kept.mark.severity] <= SEVERITY_RANK[single.mark.severity]
        assert kept.mark.is_blocking >= single.mark.is_blocking
        assert set(kept.mark.sources) >= set(single.mark.sources)
        assert set(kept.recommended_actions) >= set(single.recommended_actions)
        assert set(kept.evidence) >= set(single.evidence)
        assert set(kept.quotes) >= set(single.quotes)
        assert single.title in (kept.title, *kept.also_said)


@given(findings())
def test_findings_of_different_files_or_lines_are_never_one(found: tuple[Finding, ...]) -> None:
    merged = merge(found)
    for single in found:
        (kept,) = (one for one in merged if voices(one) & voices(single))
        assert (kept.file_paths, kept.line) == (single.file_paths, single.line)


@given(findings())
def test_the_gravest_come_first_then_by_id(found: tuple[Finding, ...]) -> None:
    order = [(SEVERITY_RANK[one.mark.severity], one.mark.finding_id) for one in merge(found)]
    assert order == sorted(order)
    assert len({name for _, name in order}) == len(order)


def test_an_id_stays_what_it_always_was() -> None:
    # SHA-256, cut to 16 digits, of the JSON with sorted keys: a change would rename every finding on record.
    said = (
        '{"category": "test_gap", "evidence": ["line 3"], "file_paths": ["a.py", "b.py"], "title": "no test"}'
    )
    assert one().mark.finding_id == f"finding_{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    assert one().mark.finding_id == "finding_e1fd1d3d339ef417"


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "audit-b"},
        {"severity": "info"},
        {"is_blocking": True},
        {"action": "write one"},
        {"title": "  no test\n"},
        {"file_paths": ("a.py", "b.py", "a.py")},
        {"evidence": ("line 3", "line 3")},
    ],
)
def test_who_says_it_and_how_grave_it_is_are_no_part_of_the_id(changed: dict[str, Any]) -> None:
    assert one(**changed).mark.finding_id == one().mark.finding_id


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "no tests"},
        {"category": "scope"},
        {"file_paths": ("a.py",)},
        {"evidence": ("line 4",)},
        {"line": 3},
        {"quote": "x"},
    ],
)
def test_what_is_said_of_what_makes_the_id(changed: dict[str, Any]) -> None:
    assert one(**changed).mark.finding_id != one().mark.finding_id


def test_the_gravest_severity_stands_and_one_blocking_voice_blocks() -> None:
    (merged,) = merge(
        (
            one(severity="low", is_blocking=True, action="write one"),
            one(source="audit-b", severity="critical", action="test it"),
        )
    )
    assert (merged.mark.severity, merged.mark.is_blocking) == ("critical", True)
    assert merged.mark.sources == ("audit-a", "audit-b")
    assert merged.recommended_actions == ("test it", "write one")


def test_the_next_round_is_told_the_words() -> None:
    (merged,) = merge((one(action="write one"), one(source="audit-b", action="test it")))
    point = merged.rework_point()
    assert (point.finding_id, point.title) == (merged.mark.finding_id, "no test")
    assert (point.severity, point.category) == ("high", "test_gap")
    assert (point.file_paths, point.evidence) == (("a.py", "b.py"), ("line 3",))
    assert point.recommended_action == "test it\nwrite one"


TWINS: dict[str, dict[str, Any]] = {
    "another title": {"title": "Nothing tests this"},
    "another category": {"category": "correctness"},
    "another spelling": {"title": "NO  test!", "category": "process"},
    "other evidence": {"evidence": ("seen while reading",)},
    "another quote": {"quote": "def other(): ..."},
}
STRANGERS: dict[str, dict[str, Any]] = {
    "another line": {"line": 8},
    "no line": {"line": 0},
    "another file": {"file_paths": ("a.py",)},
    "one file more": {"file_paths": ("a.py", "b.py", "c.py")},
    "another title and category": {"title": "shell injection", "category": "security"},
}


@pytest.mark.parametrize("twin", TWINS)
def test_two_lanes_that_word_one_defect_differently_are_two_sources_of_one_finding(twin: str) -> None:
    (merged,) = merge((one(line=7), one(source="audit-b", line=7, **TWINS[twin])))
    assert merged.mark.sources == ("audit-a", "audit-b")
    assert merged.line == 7


@pytest.mark.parametrize("stranger", STRANGERS)
def test_two_defects_stay_two_findings(stranger: str) -> None:
    assert len(merge((one(line=7), one(**{"source": "audit-b", "line": 7} | STRANGERS[stranger])))) == 2


def test_without_a_line_the_quoted_code_is_the_place() -> None:
    code = "if total > limit:\n    return None"
    said = one(quote=code, evidence=())
    again = one(
        source="audit-b", title="off by one", quote="if total  > limit:\n\n  return None\n", evidence=()
    )
    assert len(merge((said, again))) == 1
    assert len(merge((said, one(title="off by one", quote="if total >= limit:", evidence=())))) == 2


def test_code_that_stands_everywhere_is_no_place() -> None:
    assert len(merge((one(quote="}", evidence=()), one(title="off by one", quote="}", evidence=())))) == 2


def test_equal_titles_with_other_numbers_in_the_evidence_are_two_findings() -> None:
    assert len(merge((one(evidence=("b.py:3 is open",)), one(evidence=("b.py:9 is open",))))) == 2
    assert len(merge((one(evidence=("b.py:3 is open",)), one(evidence=("line 3",))))) == 1


def test_without_a_file_only_the_same_words_are_one_finding() -> None:
    assert len(merge((one(file_paths=()), one(file_paths=(), evidence=("line 3, again",))))) == 2
    assert len(merge((one(file_paths=()), one(file_paths=(), source="audit-b")))) == 1


def test_no_voice_turns_a_finding_into_one_that_a_gate_answers() -> None:
    grave = one(line=7, is_blocking=True)
    (merged,) = merge((grave, one(source="audit-b", line=7, category="manual_gate", severity="critical")))
    assert (merged.mark.category, merged.mark.is_blocking) == ("test_gap", True)


def test_the_title_is_the_gravest_voices_and_the_other_is_kept_beside_it() -> None:
    (merged,) = merge((one(line=7), one(source="audit-b", line=7, title="untested", severity="critical")))
    assert (merged.title, merged.also_said) == ("untested", ("no test",))
    assert merged.rework_point().also_said == ("no test",)
    assert merged.rework_point().line == 7


def test_a_title_is_one_line_that_no_terminal_obeys() -> None:
    said = one(
        title="\x1b[2J gone\n\x9b31m\u202e",
        evidence=("a\x07\n\tb",),
        action="\x1b]0;x\x07",
        file_paths=("a\x1bb",),
        quote="\x9b",
    )
    assert said.title == "\\x1b[2J gone \\x9b31m\\u202e"
    assert said.evidence == ("a\\x07\n\tb",)
    assert said.recommended_actions == ("\\x1b]0;x\\x07",)
    assert (said.file_paths, said.quotes) == (("a\\x1bb",), ("\\x9b",))
