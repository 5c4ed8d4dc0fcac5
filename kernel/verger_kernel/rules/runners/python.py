"""What pytest and unittest print. A report that pytest wrote is preferred to this; see `junit.py`.

Not here: JUnit.
"""

from itertools import pairwise

from verger_kernel.rules.cases import Case, CaseReport, counted_report
from verger_kernel.rules.pattern import lazy

_SUMMARY = lazy(r"(?:=+ )?(.{1,300}) in [\d.]{1,20}s(?: \([\d:, days]{1,40}\))?(?: =+)?")
_COUNT = lazy(r"(\d{1,9}) ([a-z ]{1,40})")
_WORDS = {"passed", "failed", "skipped", "xfailed", "xpassed", "error", "errors", "deselected", "warnings"}
_COLLECTING = lazy(r"_+ ERROR collecting (.+?) _+")
_CONFTEST = "ImportError while loading conftest '"

_RAN = lazy(r"Ran (\d{1,9}) tests? in [\d.]{1,20}s")
_END = lazy(r"(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?")
_NUMBER = lazy(r"([a-z ]{1,40})=(\d{1,9})")
_HEADER = lazy(r"(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+) \(([^()]*)\)")
_SPOKEN = lazy(r"(\S+) \(([\w.]+)\)(?: \.\.\. (?:ok|skipped .*|expected failure))?")
_HARMLESS = lazy(r"ok|expected failure|skipped .*")
_FIXTURES = ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule")


def read_pytest(lines: list[str]) -> CaseReport | None:
    """What the last summary line of pytest says, and the names around it; None without one."""
    ends = [
        (place, counts) for place, line in enumerate(lines) if (counts := _pytest_counts(line)) is not None
    ]
    broken = {line.removeprefix(_CONFTEST) for line in lines if line.startswith(_CONFTEST)}
    broken = {path.partition("'")[0] for path in broken}
    if not ends:
        return counted_report("pytest", [], broken, passed=0, failed=0, skipped=0) if broken else None
    place, counts = ends[-1]
    cases: list[Case] = []
    for line in lines[:place]:
        fallen = _fallen(line)
        if collecting := _COLLECTING.fullmatch(line):
            broken.add(collecting[1])
        elif "::" in fallen:
            cases.append((fallen, "failed"))
        elif fallen:
            broken.add(fallen)
        elif line.endswith("%]") and line[: line.rfind("[")].rstrip().endswith(" PASSED"):
            cases.append((line[: line.rfind(" PASSED ")], "passed"))
    errors = counts.get("error", 0) + counts.get("errors", 0)
    return counted_report(
        "pytest",
        cases,
        broken if errors else (),
        passed=counts.get("passed", 0) + counts.get("xpassed", 0),
        failed=counts.get("failed", 0) + max(0, errors - len(broken)),
        skipped=counts.get("skipped", 0) + counts.get("xfailed", 0),
    )


def _pytest_counts(line: str) -> dict[str, int] | None:
    whole = _SUMMARY.fullmatch(line)
    if not whole:
        return None
    if whole[1].startswith("no tests ran"):
        return {}
    found = [_COUNT.fullmatch(part) for part in whole[1].split(", ")]
    counts = {match[2]: int(match[1]) for match in found if match}
    return counts if len(counts) == len(found) and _WORDS & set(counts) else None


def _fallen(line: str) -> str:
    """The test or file that a line of the short summary accuses; empty when it is no such line."""
    word, _, rest = line.partition(" ")
    if word.startswith("SUBFAILED"):
        return next((part for part in line.split(" ") if "::" in part), "")
    if word not in ("FAILED", "ERROR") or ".py" not in rest:
        return ""
    # A parameter may hold the separator itself.
    closing = "] - " if "[" in rest.partition(" - ")[0] else " - "
    name, found, _ = rest.partition(closing)
    return name + "]" if found and closing != " - " else name


def read_unittest(lines: list[str]) -> CaseReport | None:
    """What the summary of unittest says; None without one.

    What tests print is often flushed only after the summary, so the last is not the runner's for sure:
    of several the one with the fewest tests counts.
    """
    ends = [end for place in range(len(lines)) if (end := _unittest_end(lines, place))]
    if not ends:
        return None
    ran, numbers = min(ends, key=lambda end: end[0])
    bad = sum(numbers.get(word, 0) for word in ("failures", "errors", "unexpected successes"))
    headers = _unittest_headers(lines) if bad else []
    broken = {name for name, is_broken in headers if is_broken}
    # One case may be accused twice, for its parts or its tear-down, and was one test all the same.
    fallen = {name for name, is_broken in headers if not is_broken}
    # Before Python 3.12 an unexpected success has no header.
    nameless = max(0, bad - len(headers))
    inside = sum(1 for name in fallen if not name.endswith(_FIXTURES)) + nameless
    skipped = numbers.get("skipped", 0) + numbers.get("expected failures", 0)
    return counted_report(
        "unittest",
        [*((name, "failed") for name in fallen), *_unittest_spoken(lines)],
        broken,
        passed=max(0, ran - len(broken) - inside - skipped),
        failed=len(fallen) + nameless,
        skipped=skipped,
    )


def _unittest_end(lines: list[str], place: int) -> tuple[int, dict[str, int]] | None:
    ran = _RAN.fullmatch(lines[place])
    rest = next((line for line in lines[place + 1 : place + 4] if line), "") if ran else ""
    end = _END.fullmatch(rest)
    if not (ran and end):
        return None
    found = (_NUMBER.fullmatch(part) for part in (end[2] or "").split(", "))
    return int(ran[1]), {match[1]: int(match[2]) for match in found if match}


def _unittest_headers(lines: list[str]) -> list[tuple[str, bool]]:
    """What each header accuses, and whether that is a module that could not be loaded."""
    found: list[tuple[str, bool]] = []
    for rule, line in pairwise(lines):
        header = _HEADER.match(line) if rule.startswith("=" * 20) else None
        if header and "_FailedTest" in header[2]:
            found.append((header[1], True))
        elif header:
            found.append((_dotted(header[1], header[2]), False))
    return found


def _unittest_spoken(lines: list[str]) -> list[Case]:
    """What `-v` says of each case that did not fail. A docstring stands between the name and the word."""
    cases: list[Case] = []
    for before, line in pairwise(["", *lines]):
        word = line.rpartition(" ... ")[2]
        if word == line or not _HARMLESS.fullmatch(word):
            continue
        spoken = _SPOKEN.fullmatch(line) or _SPOKEN.fullmatch(before)
        if spoken:
            cases.append((_dotted(spoken[1], spoken[2]), "passed" if word == "ok" else "skipped"))
    return cases


def _dotted(name: str, where: str) -> str:
    # Since Python 3.11 the place names the method too.
    return where if where.rpartition(".")[2] == name else f"{where}.{name}"
