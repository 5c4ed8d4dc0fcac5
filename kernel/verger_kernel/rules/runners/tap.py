"""TAP, the Test Anything Protocol, as node's test runner and others print it.

Not here: node's other form of output; see `node.py`.
"""

import re

from verger_kernel.rules.cases import Case, CaseReport, Grade, case_report, counted_report
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.runners.text import Levels, indent_of

_PLAN = lazy(r"1\.\.(\d{1,9})(?: *#.*)?")
_POINT = lazy(r"(not )?ok (\d{1,9})(?: (?:- )?(.*?))?(?: \{)?")
_DIRECTIVE = lazy(r"(?<!\\)#\s*(skip|todo)\b", re.IGNORECASE)
_REMARK = lazy(r" # time=\S+$")
_FOOTER = ("tests", "suites", "pass", "fail", "cancelled", "skipped", "todo")
_SUBTEST = "# Subtest: "
_NOWHERE = -1


def read_tap(lines: list[str]) -> CaseReport | None:
    """The points of all levels, subtests named below what they belong to; None without a plan at the top level.

    node ends its output, below the plan, with numbers of its own: then those count, and the runner is `node`.
    Else more points than planned are believed up to the plan, and planned points that did not come are one
    failed case.
    """
    plans = {place: int(match[1]) for place, line in enumerate(lines) if (match := _PLAN.fullmatch(line))}
    if not plans:
        return None
    cases, top = _points(lines)
    broken = ["Bail out!"] if any(line.startswith("Bail out!") for line in lines) else []
    end, numbers = node_numbers(lines, "# ")
    if end > max(plans):
        return node_report(cases, numbers, broken)
    planned = sum(plans.values())
    if len(plans) == 1 and top < planned:
        cases.append((f"planned as 1..{planned}, but not run", "failed"))
    if top <= planned:
        return case_report("tap", cases, broken)
    others = [case for case in cases if case[1] != "passed"]
    passed = max(0, len(cases) - (top - planned) - len(others))
    return case_report("tap", others, broken, passed_unnamed=passed)


def node_numbers(lines: list[str], mark: str) -> tuple[int, dict[str, int]]:
    """Where the last block of numbers begins that node's runner printed, each line after `mark`; -1 without one."""
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].startswith(mark + "tests "):
            numbers = _numbers(lines[place : place + len(_FOOTER)], mark)
            if {"tests", "pass", "fail", "cancelled"} <= set(numbers):
                return place, numbers
    return _NOWHERE, {}


def _numbers(lines: list[str], mark: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        word, _, number = line.removeprefix(mark).partition(" ")
        if word in _FOOTER and number.isascii() and number.isdigit() and len(number) < 10:
            found[word] = int(number)
    return found


def node_report(cases: list[Case], numbers: dict[str, int], broken: list[str]) -> CaseReport:
    """The report of node's runner: its numbers, and the names that agree with them.

    A file that ended badly outside any test is a failed test to node; here it is `broken`. One that ended well
    without any test is a passed test, named for the file.
    """
    failed = numbers["fail"] + numbers["cancelled"]
    told = [(_without_folder(name), grade, _is_file(name)) for name, grade in cases]
    files = [name for name, grade, is_file in told if is_file and grade == "failed"]
    files = files[max(0, len(files) - failed) :]
    return counted_report(
        "node",
        [(name, grade) for name, grade, is_file in told if not (is_file and grade == "failed")],
        [*files, *broken],
        passed=numbers["pass"],
        failed=failed - len(files),
        skipped=numbers.get("skipped", 0) + numbers.get("todo", 0),
    )


def _without_folder(name: str) -> str:
    # node 20 names a file by its whole path, which may hold blanks.
    return f"…/{name.rpartition('/')[2]}" if _is_file(name) else name


def _is_file(name: str) -> bool:
    return name.startswith("/") and name.rpartition(".")[2] in ("js", "mjs", "cjs", "ts", "mts", "cts")


def _points(lines: list[str]) -> tuple[list[Case], int]:
    """All points as cases, but node's suites, and how many points stand at the top level."""
    cases: list[Case] = []
    levels = Levels(" > ")
    top = 0
    yaml = _NOWHERE
    after = _NOWHERE
    for line in lines:
        depth, text = indent_of(line), line.lstrip(" ")
        if yaml != _NOWHERE and depth >= yaml and text != "...":
            # A suite only groups: node does not count it either.
            if text == "type: 'suite'":
                cases.pop()
        elif text == "---" and depth == after:
            yaml = depth
        elif point := _POINT.fullmatch(text):
            top += depth == 0
            cases.append(_case(point, levels, depth))
            yaml, after = _NOWHERE, depth + 2
            continue
        elif text.startswith(_SUBTEST):
            levels.enter(depth, _plain(text.removeprefix(_SUBTEST)))
            yaml = _NOWHERE
        else:
            yaml = _NOWHERE
        after = _NOWHERE
    return cases, top


def _case(point: re.Match[str], levels: Levels, depth: int) -> Case:
    said = point[3] or ""
    directive = _DIRECTIVE.search(said)
    remark = directive or _REMARK.search(said)
    name = _plain(said[: remark.start()] if remark else said) or f"test {point[2]}"
    grade: Grade = "skipped" if directive else "failed" if point[1] else "passed"
    return levels.name(depth, name), grade


def _plain(name: str) -> str:
    return name.replace("\\#", "#").replace("\\\\", "\\").strip()
