"""The merged findings of a round as SARIF 2.1.0, for GitHub code scanning and other viewers.

Not here: writing it, and merging; see `perform/projections.py` and `findings.py`.

There is one run object, with the sources of each finding in its properties. A run a source would say a finding of
both lanes twice, and GitHub refuses an upload that holds several runs of one tool and category. `baselineState` is
left out: whoever compares two files decides what is new.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, get_args

from verger_kernel.rules.findings import Finding, normal_code, normal_title
from verger_kernel.rules.packs import Category, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
CATEGORIES: tuple[Category, ...] = get_args(Category)

_LEVELS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# RFC 3986, without the colon: before the first slash it would end a scheme.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def sarif(
    findings: Iterable[Finding], *, version: str, run_id: str, item: str, attempt: int, round_: int
) -> dict[str, Any]:
    """The log as JSON values, a result a finding, in the order given; `version` is that of Verger."""
    driver = {"name": "Verger", "version": version, "rules": [_rule(category) for category in CATEGORIES]}
    run = {
        "tool": {"driver": driver},
        # Up to the last slash it names what is looked at again and again, the rest this one look.
        "automationDetails": {"id": f"verger/{_uri(item)}/{run_id}.attempt-{attempt}.round-{round_}"},
        "results": [_result(one) for one in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(category: Category) -> dict[str, Any]:
    return {"id": category, "shortDescription": {"text": category.replace("_", " ")}}


def _result(found: Finding) -> dict[str, Any]:
    mark = found.mark
    fingerprint = partial_fingerprint(found)
    return {
        "ruleId": mark.category,
        "ruleIndex": CATEGORIES.index(mark.category),
        "level": _LEVELS[mark.severity],
        "message": {"text": _message(found)},
        "locations": _locations(found),
        # GitHub matches by the second name and by no other.
        "partialFingerprints": {"verger/v1": fingerprint, "primaryLocationLineHash": f"{fingerprint}:1"},
        "properties": {
            "finding_id": mark.finding_id,
            "severity": mark.severity,
            "is_blocking": mark.is_blocking,
            "sources": list(mark.sources),
        },
    }


def _message(found: Finding) -> str:
    said = (found.title or "(no title)", *(f"Also said: {title}" for title in found.also_said))
    wanted = (f"To do: {action}" for action in found.recommended_actions)
    return "\n".join((*said, *found.evidence, *wanted))


def _locations(found: Finding) -> list[dict[str, Any]]:
    places: list[dict[str, Any]] = [
        {"artifactLocation": {"uri": _uri(path), "uriBaseId": "%SRCROOT%"}}
        for path in found.file_paths
        if path
    ]
    # Of several files nobody said in which the line is.
    if found.line and len(places) == 1:
        places[0]["region"] = {"startLine": found.line}
    return [{"physicalLocation": place} for place in places]


def _uri(path: str) -> str:
    """A relative reference that means `path` and nothing else: no scheme, no host, no root."""
    rest = path.lstrip("/")
    data = rest.encode("utf-8", "surrogateescape")
    slashes = "%2F" * (len(path) - len(rest))
    return slashes + "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)


def partial_fingerprint(found: Finding) -> str:
    """What the finding is called however the lines above it move: 16 hex digits of category, title, paths and code."""
    said = (
        found.mark.category,
        normal_title(found.title),
        found.file_paths,
        sorted({normal_code(quote) for quote in found.quotes}),
    )
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
