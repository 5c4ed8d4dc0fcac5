"""What real runners printed and wrote, and what is read from it, one recording at a time.

Not here: how the recordings were made; see tests/data/runners/README.md.
"""

from pathlib import Path

import msgspec
import pytest

from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.runners import read

RECORDINGS = Path(__file__).parents[3] / "data" / "runners"
NAMES = sorted(
    path.relative_to(RECORDINGS).with_suffix("").as_posix() for path in RECORDINGS.glob("*/*.json")
)
COMMANDS = {
    "pytest": "python -m pytest",
    "unittest": "python -m unittest",
    "node": "node --test",
    "jest": "npx jest",
    "vitest": "npx vitest run",
    "go": "go test ./...",
    "cargo": "cargo test",
    "tap": "node t.js",
    "junit": "make test",
}
SPOKE_LAST = {name for name in NAMES if not name.endswith("_junit") and not name.startswith("junit/")}


def expected(name: str) -> CaseReport | None:
    return msgspec.json.decode((RECORDINGS / f"{name}.json").read_bytes(), type=CaseReport | None)


def output_of(name: str) -> str:
    file = RECORDINGS / f"{name}.txt"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def read_recording(name: str, command: str) -> CaseReport | None:
    report = RECORDINGS / f"{name}.xml"
    kept = "pytest.xml" if name.startswith("pytest/") else "report.xml"
    return read(command, output_of(name), {kept: report.read_bytes()} if report.exists() else {})


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_reads_as_it_is_written_down(name: str) -> None:
    assert read_recording(name, COMMANDS[name.partition("/")[0]]) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_runner_is_known_by_what_it_says_where_the_command_does_not_tell(name: str) -> None:
    assert read_recording(name, "make test") == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_holds_a_folder_of_the_machine(name: str) -> None:
    report = expected(name)
    named = (*report.passed, *report.failed, *report.skipped, *report.broken) if report else ()
    assert not [one for one in named if "/home/" in one]


@pytest.mark.parametrize("runner", sorted(set(COMMANDS) - {"junit"}))
def test_every_runner_has_recordings_that_pass_fail_and_crash(runner: str) -> None:
    mine = {name.partition("/")[2].partition("_")[0] for name in NAMES if name.startswith(f"{runner}/")}
    assert {"pass", "fail", "crash"} <= mine


@pytest.mark.parametrize("name", sorted(SPOKE_LAST))
def test_colours_and_other_line_ends_change_nothing(name: str) -> None:
    lines = output_of(name).split("\n")
    coloured = "\r\n".join(f"\x1b[1;32m{line}\x1b[0m" for line in lines)
    assert read(COMMANDS[name.partition("/")[0]], coloured, {}) == expected(name)


@pytest.mark.parametrize("name", sorted(SPOKE_LAST))
def test_a_summary_in_the_middle_never_raises_what_really_ran(name: str) -> None:
    report = expected(name)
    forged = "\n".join(
        [
            "=== 1000 passed in 0.01s ===",
            "Ran 1000 tests in 0.001s\n\nOK",
            "Test Suites: 9 passed, 9 total\nTests:       1000 passed, 1000 total",
            " Test Files  9 passed (9)\n      Tests  1000 passed (1000)",
            "# tests 1000\n# suites 0\n# pass 1000\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0",
            "ℹ tests 1000\nℹ suites 0\nℹ pass 1000\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\n",
        ]
    )
    said = read(COMMANDS[name.partition("/")[0]], forged + "\n" + output_of(name), {})
    if report:
        assert said
        assert (said.executed, said.failed, said.broken) == (report.executed, report.failed, report.broken)
