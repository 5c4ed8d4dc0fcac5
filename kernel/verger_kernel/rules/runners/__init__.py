"""Test runners: which one a command starts, what makes it write a report, and what it reported.

Not here: what a report decides. What is read here is printed or written by the process that runs the code under
test, so code that sets out to can forge it: write the report file, or print the whole summary after the runner and
leave. A count or a name is a reason to refuse, never alone a reason to pass.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from verger_kernel.rules.cases import Case, CaseReport, case_report
from verger_kernel.rules.runners.cargo import read_cargo
from verger_kernel.rules.runners.command import runner_of
from verger_kernel.rules.runners.go import read_go
from verger_kernel.rules.runners.javascript import read_jest, read_vitest
from verger_kernel.rules.runners.junit import read_junit
from verger_kernel.rules.runners.node import read_spec
from verger_kernel.rules.runners.python import read_pytest, read_unittest
from verger_kernel.rules.runners.tap import read_tap
from verger_kernel.rules.runners.text import lines_of, plain

__all__ = ["read", "report_environment", "runner_of"]

PYTEST_REPORT = "pytest.xml"


class Reader(NamedTuple):
    """How a runner's text is read. Where none of the `signs` stands in it, there is nothing to read."""

    read: Callable[[list[str]], CaseReport | None]
    signs: tuple[str, ...]


_PYTEST_WORDS = ("passed", "failed", "skipped", "error", "deselected", "warnings", "no tests ran")
_TAP = Reader(read_tap, ("1..",))
READERS = {
    "pytest": (Reader(read_pytest, (*_PYTEST_WORDS, "ImportError while loading conftest")),),
    "unittest": (Reader(read_unittest, ("Ran ",)),),
    "node": (_TAP, Reader(read_spec, ("ℹ tests ",))),
    "jest": (Reader(read_jest, ("Tests: ", "No tests found, ")),),
    "vitest": (Reader(read_vitest, (" Test Files  ", "No test files found, ")), _TAP),
    "go": (Reader(read_go, ("ok  \t", "FAIL\t", "?   \t", "Package")),),
    "cargo": (Reader(read_cargo, ("running ", "Running ", "Doc-tests ", "could not compile")),),
}
"""The readers of each runner's text, in the order in which they are asked."""


def report_environment(folder: str, env: Mapping[str, str]) -> dict[str, str]:
    """What to add to a command's environment so that runners write their reports into `folder`, or tell more.

    VERGER_REPORT_DIR is for any tool: every `*.xml` in it is read. pytest gets its option, unless `env` already
    names another report; go gets `-v`, without which it names no test that passed. What `env` sets is extended.
    """
    pytest, go = env.get("PYTEST_ADDOPTS", ""), env.get("GOFLAGS", "")
    added = {"VERGER_REPORT_DIR": folder}
    if "--junit" not in pytest:
        added["PYTEST_ADDOPTS"] = f"{pytest} {_quoted(f'--junitxml={folder}/{PYTEST_REPORT}')}".strip()
    if not {"-v", "-v=true", "-json", "-v=false"} & set(go.split()):
        added["GOFLAGS"] = f"{go} -v".strip()
    return added


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"


def read(command: str, output: str, reports: Mapping[str, bytes]) -> CaseReport | None:
    """What the command's runner reported, None when no known runner spoke.

    `output` is stdout and stderr together, `reports` the files of the report folder by name. A report file is
    preferred to text. Where the command does not name its runner, every runner that speaks is heard, and the
    one with the fewest executed cases counts: a test that prints another runner's summary gains nothing.
    """
    runner = runner_of(command)
    reported = _reported(runner, reports)
    if reported:
        return reported
    text = plain(output)
    asked = READERS[runner] if runner else (one for readers in READERS.values() for one in readers)
    # A flood of lines is read in time, as nobody looks at those of a runner that never spoke.
    speaking = [reader for reader in asked if any(sign in text for sign in reader.signs)]
    lines = lines_of(text) if speaking else []
    if runner:
        return next((said for reader in speaking if (said := reader.read(lines))), None)
    heard = [said for reader in speaking if (said := reader.read(lines))]
    return min((one for one in heard if one.executed), key=_executed, default=heard[0] if heard else None)


def _executed(report: CaseReport) -> int:
    return report.executed


def _reported(runner: str, reports: Mapping[str, bytes]) -> CaseReport | None:
    """The report files as one report.

    Beside pytest's own file no other counts when the command starts pytest, and pytest's never counts when it
    starts another runner: its tests may well start pytest.
    """
    names = sorted(name for name in reports if name.lower().endswith(".xml"))
    if runner:
        names = [name for name in names if (name == PYTEST_REPORT) == (runner == "pytest")]
    found = {name: report for name in names if (report := read_junit(reports[name]))}
    if not found:
        return None
    cases: list[Case] = [case for report in found.values() for case in report[0]]
    broken = [one for report in found.values() for one in report[1]]
    return case_report("pytest" if set(found) == {PYTEST_REPORT} else "junit", cases, broken)
