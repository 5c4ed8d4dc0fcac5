"""Any text and any bytes are read as a report or as none, without an exception and in time that grows with the length.

Not here: what a runner's own words mean; see tests/kernel/rules/runners.
"""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.cases import CaseReport, case_report
from verger_kernel.rules.runners import READERS, read, runner_of
from verger_kernel.rules.runners.text import lines_of, plain

COMMANDS = (
    "make test",
    "pytest",
    "python -m unittest",
    "node --test",
    "jest",
    "vitest",
    "go test ./...",
    "cargo test",
)
# fmt: off
WORDS = (
    "\n", " ", "    ", "\t", "\x1b[1m", "\x1b[", "1", "999999999", "99999999999", "a", "é", "\ud800", "\0",
    " - ", " > ", "== 1 passed, 2 failed in 0.1s ==", "no tests ran in 0.1s", "FAILED a.py::b[c] - d",
    "ERROR a.py", "_ ERROR collecting a _", "Ran 3 tests in 0.1s", "OK", "FAILED (failures=1, errors=9)",
    "=" * 70, "FAIL: a (m.C.a)", "ERROR: m (unittest.loader._FailedTest.m)", "a (m.C.a) ... ok",
    "TAP version 13", "1..2", "ok 1 - a", "not ok 2 - b # TODO c", "---", "...", "type: 'suite'",
    "# Subtest: a", "Bail out!", "# tests 1\n# pass 1\n# fail 0\n# cancelled 0",
    "ℹ tests 1\nℹ pass 1\nℹ fail 0\nℹ cancelled 0", "✔ a (1ms)", "✖ /a/b.js (1ms)", "▶ a", "PASS ./a.js",
    "FAIL a.js", "  ● a › b", "  ● Test suite failed to run", "  ✓ a (1 ms)",
    "Tests:       1 failed, 2 passed, 3 total", " Test Files  1 failed (1)",
    "      Tests  1 failed | 2 passed (3)", " FAIL  a.js > b", " FAIL  a.js [ a.js ]", " ✓ a.js > b 1ms",
    "=== RUN   T", "--- FAIL: T (0.00s)", "--- PASS: T/a (0.00s)", "ok  \ta\t0.1s", "FAIL\ta\t[build failed]",
    '{"Action":"fail","Package":"a","Test":"T"}', '{"Action":"fail","Package":"a"}', "{", "[",
    "running 2 tests", "test a::b ... ok", "test a::c ... FAILED", "failures:", "    a::c",
    "     Running tests/a.rs (target/a-0123456789abcdef)",
    "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured",
    "error: could not compile `a` (lib test) due to 1 error",
)
# fmt: on
LONG = (
    " " * 3999,
    "=" * 3999,
    "ab " * 1333,
    "# Subtest: " + "a" * 3000,
    "test " + "... ok " * 500,
    " ✓ " + "a > " * 900 + "1ms",
    " ✓ a > b" + " 1ms" * 900 + "x",
    " FAIL  " + " [ " * 900,
    "PASS " + " (1" * 1200,
    "     Running " + "a/" * 900 + " (" + "a-" * 900,
    "ok 1 " + " #" * 1900,
    "_ ERROR collecting " + "_ " * 1900,
    "FAILED a.py::b" + "[ - ] - " * 400,
    "=" * 20 + "\nFAIL: " + "a (" * 900,
    "{" * 3000,
    "error: could not compile `" + "(" * 3000,
)
"""Lines on which a careless pattern goes back and forth."""
TEXT = st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=40).map("".join)
LINES = st.lists(st.sampled_from(WORDS), max_size=40).map("\n".join)
TAGS = ("testsuites", "testsuite", "testcase", "failure", "error", "skipped", "other")
XML = st.recursive(
    st.text(alphabet="a&<;é \0", max_size=4),
    lambda inner: st.builds(
        lambda tag, name, body: f'<{tag} name="{name}" classname="{name}">{"".join(body)}</{tag}>',
        st.sampled_from(TAGS),
        st.text(alphabet="ab/ &é", max_size=4),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


def is_whole(report: CaseReport | None) -> bool:
    """Whether the report keeps its promises, and can be kept."""
    if report is None:
        return True
    names = (*report.passed, *report.failed, *report.skipped)
    assert msgspec.json.decode(msgspec.json.encode(report), type=CaseReport) == report
    assert len(set(names)) == len(names)
    assert all(
        group == tuple(sorted(set(group)))
        for group in (report.passed, report.failed, report.skipped, report.broken)
    )
    assert report.passed_unnamed >= 0
    assert report.skipped_unnamed >= 0
    assert all(name and "\n" not in name for name in (*names, *report.broken))
    return True


@given(command=st.sampled_from(COMMANDS), output=TEXT | LINES)
def test_any_output_is_a_report_or_none(command: str, output: str) -> None:
    assert is_whole(read(command, output, {}))


@given(output=TEXT | LINES)
def test_where_a_reader_finds_no_sign_it_would_have_read_nothing(output: str) -> None:
    text = plain(output)
    for one in (one for readers in READERS.values() for one in readers):
        assert any(sign in text for sign in one.signs) or one.read(lines_of(text)) is None


@given(
    data=st.binary() | XML.map(lambda text: text.encode("utf-8", "replace")),
    name=st.sampled_from(("pytest.xml", "a.xml")),
)
def test_any_bytes_are_a_report_or_none(data: bytes, name: str) -> None:
    for whole in (data, b"<testsuites>" + data + b"</testsuites>"):
        assert is_whole(read("make test", "", {name: whole}))


@given(
    command=st.lists(
        st.sampled_from(("bash", "-c", "'", '"', "\\", " ", "pytest", "npx", "env", "-m", ";", "(", "="))
        | st.text()
    )
)
def test_any_command_names_a_runner_or_none(command: list[str]) -> None:
    assert runner_of("".join(command)) in ("", "pytest")


@given(names=st.lists(st.sampled_from(("a", "a #2", "a #3", "b")), max_size=12), grades=st.data())
def test_no_case_is_ever_lost(names: list[str], grades: st.DataObject) -> None:
    graded = [(name, grades.draw(st.sampled_from(("passed", "failed", "skipped")))) for name in names]
    report = case_report("junit", graded)
    assert is_whole(report)
    assert len(report.passed) + len(report.failed) + len(report.skipped) == len(names)


@pytest.mark.parametrize("unit", [" ", "=", "-", "\n", "a", "\x1b[", "\x1b]", "(", "/"], ids=repr)
def test_five_megabytes_of_one_character_are_read_at_once(unit: str) -> None:
    began = time.process_time()
    assert read("pytest", unit * (5_000_000 // len(unit)), {}) is None
    assert time.process_time() - began < 20


@pytest.mark.parametrize("line", [*WORDS, *LONG], ids=lambda line: repr(line[:20]))
def test_the_same_line_again_and_again_is_read_in_one_go(line: str) -> None:
    # A pattern that goes back and forth needs minutes for this much.
    output = (line + "\n") * (100_000 // (len(line) + 1))
    began = time.process_time()
    assert is_whole(read("make test", output, {}))
    assert time.process_time() - began < 20


def test_tests_within_tests_without_end_are_read_in_one_go() -> None:
    groups = "".join(" " * depth + "# Subtest: " + "b" * 2000 + "\n" for depth in range(900))
    began = time.process_time()
    report = read("node --test", groups + (" " * 900 + "ok 1 - a\n") * 1000 + "1..1\n", {})
    assert report and is_whole(report)
    assert sum(map(len, report.passed)) < 1_000_000
    assert time.process_time() - began < 20
