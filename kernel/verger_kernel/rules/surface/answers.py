"""What of a report on the test surface somebody must answer, as findings.

Not here: the report; see `report.py`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from verger_kernel.rules.findings import Finding, finding, merge
from verger_kernel.rules.packs import Category, Severity
from verger_kernel.rules.pattern import lazy


class _Question(NamedTuple):
    title: str
    severity: Severity
    category: Category
    is_blocking: bool
    action: str


_RESTORE = "Restore it, or name it in the item's deliverable."
_REMOVE = "Remove it. Code about tests lies in a file that is named for testing and that the item's deliverable names."


def _blocks(title: str, severity: Severity, category: Category, action: str = _RESTORE) -> _Question:
    return _Question(title, severity, category, True, action)


def _tells(title: str, severity: Severity, category: Category) -> _Question:
    return _Question(title, severity, category, False, _RESTORE)


_QUESTIONS = {
    "shadowing": _blocks("takes the place of what a test run starts or imports", "high", "process"),
    "startup": _blocks("runs in every Python process before the tests", "high", "process"),
    "bytecode": _blocks("is bytecode, which may be run in the place of its source", "high", "process"),
    "tampering": _blocks("reaches into the test runner", "critical", "process", _REMOVE),
    "sniffing": _blocks("asks whether a test is running", "high", "test_gap", _REMOVE),
    "package_scripts": _blocks("changes what a test command starts", "high", "process"),
    "runner_configuration": _blocks("changes how tests are run", "high", "process"),
    "newly_excluded": _blocks("may leave out tests", "high", "test_gap"),
    "weakened": _tells("tests less than before", "medium", "test_gap"),
    "newly_skipped": _tells("skips a test", "medium", "test_gap"),
    "unread": _blocks("is too large to be read", "high", "process", "Keep sources and settings below 1 MiB."),
    "command_files": _tells("decides what a required command or setup does", "medium", "process"),
    "ci": _tells("changes continuous integration", "low", "process"),
    "snapshots": _tells("changes what tests compare with", "low", "test_gap"),
}
_OF_PRODUCT = frozenset(("sniffing", "tampering", "unread"))
AS_BEFORE = "as before"
"""The end of an entry about what was so before the change: an approval answers it."""
_LINE = lazy(r"(?P<path>.*?):(?:\d+:)? ", re.DOTALL)
_NAMED_FOR_TESTING = lazy(r"(^|[/_.-])(py)?tests?(ing|er|ers|kit|utils?|tools?)?($|[/_.-])|conftest")


def answers(report: Mapping[str, Any], approved: Collection[str]) -> tuple[Finding, ...]:
    """One finding for each path and question of the report that no approval answers, most severe first."""
    return merge(found for name in _QUESTIONS for found in _asked(name, report[name], approved))


def asserts_nothing(paths: Collection[str]) -> Finding:
    """Tests were added to show red, and not one assertion with them."""
    return finding(
        source="verification",
        title="the new tests assert nothing",
        severity="high",
        category="test_gap",
        is_blocking=True,
        file_paths=paths,
        action="Assert what the item asks for: a test that only calls the product is red for want of a name.",
    )


def _asked(name: str, entries: Collection[str], approved: Collection[str]) -> Iterator[Finding]:
    question = _QUESTIONS[name]
    by_path: dict[str, list[str]] = {}
    for entry in entries:
        by_path.setdefault(_path_of(entry, approved), []).append(entry)
    for path, lines in by_path.items():
        if path in approved and _is_answered(name, path, lines):
            continue
        yield finding(
            source="verification",
            title=f"{path} {question.title}",
            severity=question.severity,
            category=question.category,
            is_blocking=question.is_blocking,
            file_paths=(path,),
            evidence=lines,
            action=question.action,
        )


def _is_answered(name: str, path: str, lines: Collection[str]) -> bool:
    if name == "unread":
        return all(line.endswith(AS_BEFORE) for line in lines)
    return name not in _OF_PRODUCT or bool(_NAMED_FOR_TESTING.search(path))


def _path_of(entry: str, approved: Collection[str]) -> str:
    # An odd path may hold what ends a path here; one that is approved is known whole.
    match = _LINE.match(entry)
    return next(
        (path for path in approved if entry.startswith(f"{path}:")), match["path"] if match else entry
    )
