"""What `go test` prints, in words or as JSON.

Not here: the flag that makes it name every test; see `report_environment` in `__init__.py`.
"""

import json
from collections.abc import Iterable

from verger_kernel.rules.cases import Case, CaseReport, Grade, case_report
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.runners.text import GROUP_MAX

_CASE = lazy(r" *--- (PASS|FAIL|SKIP): (\S+) \([\d.]{1,20}s\)")
_PACKAGE = lazy(r"(ok  |FAIL|\?   )\t(\S+)(?:\t| )(.*)")
_GRADES: dict[str, Grade] = {
    "PASS": "passed",
    "FAIL": "failed",
    "SKIP": "skipped",
    "pass": "passed",
    "fail": "failed",
    "skip": "skipped",
}
_UNBUILT = ("[build failed]", "[setup failed]")


def read_go(lines: list[str]) -> CaseReport | None:
    """The tests of each package, named `package.Test`; None when no package was told of.

    Without `-v` go names failures alone, and a package whose tests all passed counts as one unnamed case.
    A package that failed with no failed test is itself a failed case.
    """
    events = [event for line in lines if (event := _event(line))]
    packages = _Packages()
    if events:
        packages.read_events(events)
    packages.read_lines(line for line in lines if not line.startswith("{"))
    if not packages.seen:
        return None
    return case_report("go", packages.cases, packages.broken, passed_unnamed=len(packages.unnamed))


class _Packages:
    """What has been read: cases of packages that ended, and the open cases, whose package is named after them."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.broken: list[str] = []
        self.unnamed: set[str] = set()
        self.seen = False

    def read_lines(self, lines: Iterable[str]) -> None:
        waiting: list[Case] = []
        for line in lines:
            if case := _CASE.fullmatch(line):
                waiting.append((case[2], _GRADES[case[1]]))
            elif package := _PACKAGE.fullmatch(line):
                self._end(package[2], package[1], package[3], waiting)
                waiting = []

    def read_events(self, events: list[dict[str, str]]) -> None:
        waiting: dict[str, list[Case]] = {}
        for event in events:
            package, action = event["Package"], event["Action"]
            waiting.setdefault(package, [])
            if action not in _GRADES:
                continue
            if test := event.get("Test"):
                waiting[package].append((test, _GRADES[action]))
            elif action != "skip" or waiting[package]:
                word = "FAIL" if action == "fail" else "ok  "
                nothing = "" if waiting[package] or action == "fail" else "[no tests to run]"
                unbuilt = _UNBUILT[0] if event.get("FailedBuild") else nothing
                self._end(package, word, unbuilt, waiting.pop(package))
            self.seen = True

    def _end(self, package: str, word: str, remark: str, cases: list[Case]) -> None:
        self.seen = True
        # A test may print such a line too; what go itself says of the package comes later.
        self.unnamed.discard(package)
        self.cases += [(f"{package[:GROUP_MAX]}.{name}", grade) for name, grade in cases]
        if remark.startswith(_UNBUILT):
            self.broken.append(package)
        elif word == "FAIL" and not any(grade == "failed" for _, grade in cases):
            self.cases.append((package, "failed"))
        elif word == "ok  " and not cases and "[no tests to run]" not in remark:
            self.unnamed.add(package)


def _event(line: str) -> dict[str, str] | None:
    """A line of `go test -json`; None for any other."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    told = {name: value for name, value in event.items() if isinstance(value, str)}
    return told if {"Action", "Package"} <= set(told) else None
