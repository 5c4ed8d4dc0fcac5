"""Findings as SARIF: valid where it matters, each finding once, and fingerprints that outlive moved lines.

Not here: how findings are merged; see test_findings.py.
"""

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.findings import Finding, finding, merge
from verger_kernel.rules.packs import Category, Severity
from verger_kernel.rules.sarif import CATEGORIES, partial_fingerprint, sarif

words = st.text(max_size=8)
found = st.builds(
    finding,
    source=st.sampled_from(["audit-a", "audit-b", "verification"]),
    title=words,
    severity=st.sampled_from(Severity.__args__),
    category=st.sampled_from(Category.__args__),
    is_blocking=st.booleans(),
    file_paths=st.lists(words, max_size=2),
    evidence=st.lists(words, max_size=2),
    action=words,
    line=st.integers(0, 3),
    quote=words,
)


def log(*findings: Finding) -> dict[str, Any]:
    """The SARIF log of these findings, read back from its bytes."""
    made = sarif(findings, version="0.1.0", run_id="RUN_1", item="01", attempt=1, round_=0)
    read: dict[str, Any] = json.loads(json.dumps(made))
    return read


def one(**changed: Any) -> Finding:
    """A finding of lane a."""
    told: dict[str, Any] = {
        "source": "audit-a",
        "title": "Off by one",
        "severity": "high",
        "category": "correctness",
        "is_blocking": True,
        "file_paths": ("src/a.py",),
        "line": 7,
        "quote": "if total > limit:",
    }
    return finding(**{**told, **changed})


def result(*findings: Finding) -> dict[str, Any]:
    (made,) = log(*findings)["runs"][0]["results"]
    return dict(made)


def assert_valid(made: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 asks of the parts that are written, and no part that is not written here."""
    assert set(made) == {"$schema", "version", "runs"}
    assert made["version"] == "2.1.0"
    (run,) = made["runs"]
    assert set(run) == {"tool", "automationDetails", "results"}
    driver = run["tool"]["driver"]
    assert set(driver) == {"name", "version", "rules"} and driver["name"]
    assert all(
        set(rule) == {"id", "shortDescription"} and rule["shortDescription"]["text"]
        for rule in driver["rules"]
    )
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for told in run["results"]:
        assert driver["rules"][told["ruleIndex"]]["id"] == told["ruleId"]
        assert told["level"] in ("none", "note", "warning", "error")
        assert set(told["message"]) == {"text"} and told["message"]["text"]
        assert all(isinstance(value, str) for value in told["partialFingerprints"].values())
        assert isinstance(told["properties"], dict)
        for location in told["locations"]:
            place = location["physicalLocation"]
            assert set(location) == {"physicalLocation"} and set(place) <= {"artifactLocation", "region"}
            assert set(place["artifactLocation"]) == {"uri", "uriBaseId"}
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
            assert place.get("region", {"startLine": 1})["startLine"] >= 1


@given(st.lists(found, max_size=8))
def test_every_merged_finding_is_one_result_of_a_valid_log(findings: list[Finding]) -> None:
    merged = merge(findings)
    made = log(*merged)
    assert_valid(made)
    told = [one["properties"]["finding_id"] for one in made["runs"][0]["results"]]
    assert told == [one.mark.finding_id for one in merged]
    assert len(set(told)) == len(told)


@given(st.lists(found, max_size=6), st.lists(found, max_size=6))
def test_which_lane_comes_first_changes_no_byte(left: list[Finding], right: list[Finding]) -> None:
    assert json.dumps(log(*merge(left + right))) == json.dumps(log(*merge(right + left)))


@given(st.text(min_size=1))
def test_a_path_is_a_relative_reference_to_nothing_but_itself(path: str) -> None:
    told = one(file_paths=(path,))
    uri = result(told)["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert not uri.startswith("/")
    assert unquote(uri) == told.file_paths[0]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("src/a.py", "src/a.py"),
        ("docs/a b#c?.md", "docs/a%20b%23c%3F.md"),
        ("größe.md", "gr%C3%B6%C3%9Fe.md"),
        ("c:/x", "c%3A/x"),
        ("//host/x", "%2F%2Fhost/x"),
        ("100%.md", "100%25.md"),
    ],
)
def test_a_path_is_percent_encoded(path: str, uri: str) -> None:
    place = result(one(file_paths=(path,)))["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "note"), ("info", "note")],
)
def test_the_level_follows_the_severity(severity: str, level: str) -> None:
    assert result(one(severity=severity))["level"] == level


def test_a_finding_of_both_lanes_is_one_result_with_two_sources() -> None:
    told = result(*merge((one(), one(source="audit-b", title="Wrong bound", severity="critical"))))
    assert told["properties"]["sources"] == ["audit-a", "audit-b"]
    assert told["message"]["text"].splitlines()[:2] == ["Wrong bound", "Also said: Off by one"]
    assert told["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}


def test_of_several_files_none_is_given_the_line() -> None:
    places = result(one(file_paths=("a.py", "b.py")))["locations"]
    assert [set(place["physicalLocation"]) for place in places] == [{"artifactLocation"}] * 2


def test_a_fingerprint_stays_when_lines_move_and_differs_where_the_defect_does() -> None:
    before = partial_fingerprint(one())
    assert partial_fingerprint(one(line=93)) == before
    assert partial_fingerprint(one(title=" off BY one! ", quote="  if  total > limit:\n\n")) == before
    others = [
        {"title": "Off by two"},
        {"file_paths": ("b.py",)},
        {"quote": "x = 1"},
        {"category": "security"},
    ]
    assert before not in {partial_fingerprint(one(**other)) for other in others}
    assert result(one())["partialFingerprints"] == {
        "verger/v1": before,
        "primaryLocationLineHash": f"{before}:1",
    }


def test_every_category_is_a_rule() -> None:
    rules = log()["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CATEGORIES) == list(Category.__args__)
