"""What `cargo test` prints.

Not here: `cargo nextest`, which prints otherwise.
"""

from verger_kernel.rules.cases import Case, CaseReport, Grade, counted_report
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.runners.text import GROUP_MAX

_TARGET = lazy(r" +Running (?:unittests )?(\S+) \((?:.*/)?([\w-]+?)(?:-[0-9a-f]{16})?\)")
_DOCS = lazy(r" +Doc-tests (\S+)")
_RUNNING = lazy(r"running (\d{1,9}) tests?")
_CASE = lazy(r"test (\S.*) \.\.\. (ok|FAILED|ignored)(?:, .*)?")
_RESULT = lazy(r"test result: (?:ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored\b.*")
_UNBUILT = lazy(r"error: could not compile `([^`]{1,200})`(?: \(([^()]{1,200})\))?.*")
_KIND = lazy(r" - (?:should panic|compile fail|compile|ignore)$")
_PLACE = lazy(r" \(line \d+\)")
_GRADES: dict[str, Grade] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
_LIST = "failures:"


def read_cargo(lines: list[str]) -> CaseReport | None:
    """The tests of every test program, each named after its program; None when none ran and none failed to build.

    A program's last result counts. A program that ended without one is itself a failed case.
    A doc test is named without its line, which moves with every edit above it.
    """
    broken = [
        f"{match[1]} ({match[2]})" if match[2] else match[1]
        for line in lines
        if (match := _UNBUILT.fullmatch(line))
    ]
    programs = _programs(lines)
    if not programs and not broken:
        return None
    cases: list[Case] = []
    passed = failed = skipped = 0
    for name, said in programs:
        found, numbers = _program(name, said)
        cases += found
        passed, failed, skipped = passed + numbers[0], failed + numbers[1], skipped + numbers[2]
    return counted_report("cargo", cases, broken, passed=passed, failed=failed, skipped=skipped)


def _programs(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Each test program with its lines. `cargo test -q` names none, so a second start begins one too."""
    found: list[tuple[str, list[str]]] = []
    started = ended = False
    for line in lines:
        target, docs = _TARGET.fullmatch(line), _DOCS.fullmatch(line)
        if target or docs:
            name = f"{target[2]} {target[1]}" if target else f"{docs[1]} docs" if docs else ""
            found.append((name, []))
            started = ended = False
        elif _RUNNING.fullmatch(line):
            if not found or (started and ended):
                found.append(("", []))
            started, ended = True, False
        ended |= _RESULT.fullmatch(line) is not None
        if found:
            found[-1][1].append(line)
    return found


def _program(name: str, lines: list[str]) -> tuple[list[Case], tuple[int, int, int]]:
    """The cases of one program and its numbers: passed, failed, skipped."""
    told = [match for line in lines if (match := _CASE.fullmatch(line))]
    cases = [(_named(name, match[1]), _GRADES[match[2]]) for match in told if match[2] != "FAILED"]
    results = [(place, match) for place, line in enumerate(lines) if (match := _RESULT.fullmatch(line))]
    if not results:
        fallen = [_named(name, match[1]) for match in told if match[2] == "FAILED"]
        fallen.append(name or "a test program without a name")
        passed = sum(1 for _, grade in cases if grade == "passed")
        cases += [(one, "failed") for one in fallen]
        return cases, (passed, len(fallen), len(told) - passed - len(fallen) + 1)
    place, result = results[-1]
    numbers = int(result[1]), int(result[2]), int(result[3])
    cases += [(_named(name, one), "failed") for one in _listed(lines[:place])][: numbers[1]]
    return cases, numbers


def _listed(lines: list[str]) -> list[str]:
    """The names of the last list of failures, which stands right above the result."""
    heads = [place for place, line in enumerate(lines) if line == _LIST]
    below = lines[heads[-1] + 1 :] if heads else []
    return [line.strip() for line in below if line.startswith("    ")]


def _named(program: str, test: str) -> str:
    name = _PLACE.sub("", _KIND.sub("", test))
    return f"{program[:GROUP_MAX]} {name}".strip()
