"""What jest and vitest print.

Not here: node's own runner; see `node.py`.
"""

from verger_kernel.rules.cases import Case, CaseReport, Grade, counted_report
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.runners.text import GROUP_MAX, Levels, indent_of

_COUNT = lazy(r"(\d{1,9}) (passed|failed|skipped|todo|pending)")
_SKIPPED = ("skipped", "todo", "pending")

_JEST_FILE = lazy(r"(PASS|FAIL) +(\S.*?)(?: \(\d[^()]*\))?")
_JEST_CASE = lazy(r"([✓✕○✎]) (?:skipped |todo )?(.+?)(?: \(\d[\d.]{0,12} m?s\))?")
_JEST_GRADES: dict[str, Grade] = {"✓": "passed", "○": "skipped", "✎": "skipped"}
_JEST_UNRUNNABLE = "Test suite failed to run"

_VITEST_CASE = lazy(r" ([✓↓□]) (\S.*? > .*?)(?: \d[\d.]{0,12}m?s){0,9}")
_VITEST_GRADES: dict[str, Grade] = {"✓": "passed", "↓": "skipped", "□": "skipped"}
_VITEST_FAIL = " FAIL  "
_VITEST_FILE = lazy(r"(\S.*) \[ .* \]")


def read_jest(lines: list[str]) -> CaseReport | None:
    """What jest's last numbers say, with the names above them; None without such numbers.

    `No tests found` is such a number: zero. jest names passed cases when there is one file, or with `--verbose`.
    """
    ends = [place for place, line in enumerate(lines) if line.startswith(("Tests: ", "No tests found, "))]
    if not ends:
        return None
    counts = _counts(lines[ends[-1]].removeprefix("Tests:"), ", ")
    cases, broken = _jest_cases(lines[: ends[-1]])
    return _report("jest", counts, cases, broken)


def _jest_cases(lines: list[str]) -> tuple[list[Case], list[str]]:
    cases: list[Case] = []
    # Failures are told again in a summary at the end.
    fallen: set[tuple[str, str]] = set()
    file = ""
    # The cases of a file stand right below its name; what its tests printed comes after a blank line.
    is_list = False
    levels = Levels(" › ")
    for line in lines:
        depth, text = indent_of(line), line.strip()
        header = _JEST_FILE.fullmatch(line)
        if header:
            file, is_list = header[2].removeprefix("./")[:GROUP_MAX], True
            levels.leave()
        elif depth == 2 and text.startswith("● "):
            fallen.add((file, text[2:]))
            is_list = False
        elif not (is_list and depth and text):
            is_list = False
        elif not (spoken := _JEST_CASE.fullmatch(text)):
            levels.enter(depth, text)
        elif spoken[1] in _JEST_GRADES:
            cases.append((f"{file} › {levels.name(depth, spoken[2])}", _JEST_GRADES[spoken[1]]))
    broken = [where for where, what in fallen if what == _JEST_UNRUNNABLE]
    told = sorted(one for one in fallen if one[0] and one[1] not in ("Console", _JEST_UNRUNNABLE))
    return [*cases, *((f"{where} › {what}", "failed") for where, what in told)], broken


def read_vitest(lines: list[str]) -> CaseReport | None:
    """What vitest's last numbers say, with the names above them; None without such numbers.

    vitest names passed cases with `--reporter=verbose` only, failed ones always.
    """
    ends = [
        place
        for place, line in enumerate(lines)
        if line.startswith((" Test Files  ", "No test files found, "))
    ]
    if not ends:
        return None
    rest = (line.strip() for line in lines[ends[-1] + 1 : ends[-1] + 3])
    told = next((line for line in rest if line.startswith("Tests  ")), "")
    cases: list[Case] = []
    accused = {line.removeprefix(_VITEST_FAIL) for line in lines[: ends[-1]] if line.startswith(_VITEST_FAIL)}
    broken = [file[1] for one in accused if (file := _VITEST_FILE.fullmatch(one))]
    cases += [(one, "failed") for one in sorted(accused) if not _VITEST_FILE.fullmatch(one)]
    for line in lines[: ends[-1]]:
        if spoken := _VITEST_CASE.fullmatch(line):
            cases.append((spoken[2], _VITEST_GRADES[spoken[1]]))
    return _report("vitest", _counts(told.removeprefix("Tests"), " | "), cases, broken)


def _counts(text: str, separator: str) -> dict[str, int]:
    found = (_COUNT.match(part.strip()) for part in text.split(separator))
    return {match[2]: int(match[1]) for match in found if match}


def _report(runner: str, counts: dict[str, int], cases: list[Case], broken: list[str]) -> CaseReport:
    return counted_report(
        runner,
        cases,
        broken,
        passed=counts.get("passed", 0),
        failed=counts.get("failed", 0),
        skipped=sum(counts.get(word, 0) for word in _SKIPPED),
    )
