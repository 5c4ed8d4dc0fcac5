"""Verification: the kernel's own eyes decide, in a tree that no agent touched, within limits.

Not here: what a result means as a rule; see tests/kernel/rules/test_verification.py.
"""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from tests.doubles.trials import (
    GOOD,
    RUN,
    attempt_of,
    calls_of,
    escalated,
    is_running,
    passed,
    processes_of,
    replay,
    shell,
    trial,
    work,
)
from tests.doubles.workplace import Workplace

from verger_kernel.perform.reports import VerificationReport

TRIAGE = """
triage = "reader-c"

[agents]
reader-c = { kind = "scripted", scenario = "scenario.toml" }
"""


def report_of(place: Workplace, round_: int = 0, attempt: int = 1) -> VerificationReport:
    data = attempt_of(place, attempt).verification(round_).read_bytes()
    return msgspec.json.decode(data, type=VerificationReport)


def log_of(place: Workplace, name: str, round_: int = 0, attempt: int = 1) -> str:
    return (attempt_of(place, attempt).logs(round_) / name).read_text()


def with_triage(place: Workplace) -> Workplace:
    """Lets a triage agent, which waves everything through unless the scenario says else, decide."""
    file = place.repository / "verger.toml"
    file.write_text(file.read_text().replace("\n[agents]\n", TRIAGE))
    place.git("commit", "-qam", "triage")
    return place


@pytest.mark.parametrize("triage", [False, True], ids=["by the rules", "with a triage agent"])
def test_w4_a_failing_required_command_never_passes_whoever_says_so(tmp_path: Path, triage: bool) -> None:
    place = trial(
        tmp_path,
        GOOD,
        'stage = "fix"',
        policy="max_fix_rounds = 1",
        required_verification_commands="`echo no && false`",
    )
    if triage:
        with_triage(place)
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "required verification failed, and the budget of rounds is used up"
    # Nobody who might wave it through is even asked.
    assert calls_of(place) == ["0/execute/t1", "1/fix/t1", "2/remediate/t1"]
    report = report_of(place)
    assert (report.overall_result, report.trials[0].commands[0].status) == ("fail", "fail")
    assert report.trials[0].commands[0].tail == "no\n"


def test_a_failing_suggested_command_passes_and_stands_in_the_report(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD, suggested="`echo hint && exit 3`")
    passed(place, place.verger(*RUN))
    report = report_of(place)
    assert report.overall_result == "partial"
    assert [one.group for one in report.trials] == ["required", "suggested"]
    failed = report.trials[1].commands[0]
    assert (failed.status, failed.exit_code, failed.tail) == ("fail", 3, "hint\n")
    assert "suggested command 1: fail" in attempt_of(place).findings(0).read_text()


GREEDY = """\
setsid sleep 60 &
echo $! > "$HOME/grandchild"
echo begun
sleep 60
"""


def test_w19_w20_a_command_that_runs_too_long_is_ended_with_its_grandchild(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        policy="verification_timeout_s = 1",
        files={"check.sh": GREEDY},
        required_verification_commands="`bash check.sh`",
    )
    escalated(place, place.verger(*RUN))
    result = report_of(place).trials[0].commands[0]
    assert (result.status, result.tail) == ("timeout", "begun\n")
    assert result.swept >= 1
    assert not is_running(int((place.home / "grandchild").read_text()))
    assert processes_of(place) == []


def test_w19_what_a_passing_command_leaves_running_is_ended(tmp_path: Path) -> None:
    script = 'setsid sleep 60 &\necho $! > "$HOME/grandchild"\n'
    place = trial(
        tmp_path, GOOD, files={"check.sh": script}, required_verification_commands="`bash check.sh`"
    )
    passed(place, place.verger(*RUN))
    assert report_of(place).trials[0].commands[0].swept == 1
    assert not is_running(int((place.home / "grandchild").read_text()))


def test_w20_a_command_that_floods_is_ended_and_its_log_is_cut(tmp_path: Path) -> None:
    place = trial(
        tmp_path, GOOD, policy="command_output_mb_max = 1", required_verification_commands="`yes $PWD/$PWD`"
    )
    escalated(place, place.verger(*RUN))
    result = report_of(place).trials[0].commands[0]
    assert result.status == "output"
    assert result.output_bytes > 1 << 20
    assert len(log_of(place, "green-required-01.log")) == 1 << 20


SPOILT = {
    "no report folder": 'rm -r "$VERGER_REPORT_DIR"',
    "a file as report folder": 'rm -r "$VERGER_REPORT_DIR"; echo x > "$VERGER_REPORT_DIR"',
    "a link as report folder": 'rm -r "$VERGER_REPORT_DIR"; ln -s "$HOME/mine" "$VERGER_REPORT_DIR"',
    "a link to nothing": 'rm -r "$VERGER_REPORT_DIR"; ln -s "$PWD/none" "$VERGER_REPORT_DIR"',
    "a pipe as report": 'mkfifo "$VERGER_REPORT_DIR/a.xml"; ln -s /dev/zero "$VERGER_REPORT_DIR/b.xml"',
    "a folder that nobody may write": 'mkdir -p "$VERGER_REPORT_DIR/a/b"; chmod -R a-w "$VERGER_REPORT_DIR"',
    "a pipe as output": 'rm "$output"; mkfifo "$output"',
    "a link as output": 'ln -sf "$HOME/mine/file" "$output"',
    "a folder as output": 'rm "$output"; mkdir "$output"',
}


def test_whatever_a_command_makes_of_its_output_and_reports_the_run_ends_and_nothing_is_followed(
    tmp_path: Path,
) -> None:
    output = 'output="$(dirname "$VERGER_REPORT_DIR")/output.log"'
    scripts = {
        f"{number}.sh": f"{output}\necho said\n{spoil}\necho after\n"
        for number, spoil in enumerate(SPOILT.values())
    }
    # One after the other in one trial: each is spoilt for the next, too.
    each = "; ".join(f"`bash {name}`" for name in (*scripts, *scripts))
    place = trial(tmp_path, GOOD, files=scripts, required_verification_commands=each)
    (place.home / "mine").mkdir()
    (place.home / "mine" / "file").write_text("mine\n")
    passed(place, place.verger(*RUN))
    assert (place.home / "mine" / "file").read_text() == "mine\n"
    for number in range(1, 2 * len(scripts) + 1):
        assert log_of(place, f"green-required-{number:02}.log") == "said\nafter\n"
    assert not any(place.run().verify.iterdir())


@pytest.mark.parametrize("where", ["trial", "trial/work"])
def test_a_command_that_moves_its_own_folder_away_fails_and_the_run_ends(tmp_path: Path, where: str) -> None:
    script = f'cd "$VERGER_REPORT_DIR/../.."; mv {where} away; ln -s "$HOME" {where}\n'
    twice = "`bash check.sh`; `true`"
    place = trial(tmp_path, GOOD, files={"check.sh": script}, required_verification_commands=twice)
    before = sorted(place.home.iterdir())
    escalated(place, place.verger(*RUN))
    assert sorted(place.home.iterdir()) == before


def test_a_setup_that_fails_fails_the_group_and_its_commands_are_not_run(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        policy='setup = ["touch made", "echo broken && exit 4"]',
        required_verification_commands="`touch $HOME/ran`",
    )
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "setup fails on the base as well, without the change"
    assert calls_of(place) == ["0/execute/t1"]
    trials = report_of(place).trials
    assert {one.purpose for one in trials} == {"green", "base"}
    for one in trials:
        assert [(result.status, result.exit_code) for result in one.setup] == [("pass", 0), ("fail", 4)]
        assert one.commands == ()
    assert not (place.home / "ran").exists()


def test_what_setup_makes_is_there_for_every_group_and_never_part_of_the_result(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        policy='setup = ["mkdir -p deps && touch deps/made"]',
        required_verification_commands="`test -e deps/made && rm -r deps`",
        suggested="`test -e deps/made`",
    )
    passed(place, place.verger(*RUN))
    assert report_of(place).overall_result == "pass"
    assert place.git("diff", "--name-only", "main", place.run_branch()) == "docs/01.md"


ARTIFACTS = {
    "committed": ("docs/01.md", "true", "pass"),
    "built": ("build/book.pdf", "mkdir build && touch build/book.pdf", "pass"),
    "missing": ("build/book.pdf", "true", "fail"),
}


@pytest.mark.parametrize("status", ARTIFACTS)
def test_a_required_artifact_is_committed_built_or_missing(tmp_path: Path, status: str) -> None:
    path, command, result = ARTIFACTS[status]
    place = trial(
        tmp_path, GOOD, required_verification_commands=f"`{command}`", artifacts=f"`docs/01.md`; `{path}`"
    )
    ended = place.verger(*RUN)
    report = report_of(place)
    assert report.overall_result == result
    assert {one.path: one.status for one in report.trials[0].artifacts}[path] == status
    assert ended.code == (0 if result == "pass" else 22)


def test_a_deliverable_that_a_command_only_builds_is_not_delivered(tmp_path: Path) -> None:
    place = trial(tmp_path, 'stage = "execute"', required_verification_commands="`touch docs/01.md`")
    stage = escalated(place, place.verger(*RUN))
    assert stage.why.startswith("required verification failed")
    (artifact,) = report_of(place).trials[0].artifacts
    assert (artifact.path, artifact.status, artifact.must_be_committed) == ("docs/01.md", "built", True)


def test_junit_says_the_same_and_any_reader_can_read_it(tmp_path: Path) -> None:
    printed = "printf '\\x1b[31mred\\x00<&>]]>\\xff' && false"
    place = trial(tmp_path, GOOD, suggested=f"`{printed}`", policy='setup = ["true"]')
    passed(place, place.verger(*RUN))
    root = ElementTree.parse(attempt_of(place).junit(0)).getroot()
    suites = {suite.get("name"): suite for suite in root}
    assert {name: (suite.get("tests"), suite.get("failures")) for name, suite in suites.items()} == {
        "green-required": ("3", "0"),
        "green-suggested": ("1", "1"),
    }
    (failure,) = root.iter("failure")
    assert failure.get("message") == "fail, exit code 1"
    assert "red" in (failure.text or "")
    assert [case.get("name") for case in suites["green-required"]] == [
        "true",
        "test -s docs/01.md",
        "docs/01.md",
    ]


def test_logs_and_reports_are_kept_for_each_attempt_and_round(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        work("first"),
        work("second", "fix"),
        policy="max_fix_rounds = 1",
        required_verification_commands="`cat docs/01.md && grep -q third docs/01.md`",
    )
    escalated(place, place.verger(*RUN))
    replay(place, work("third"))
    passed(place, place.verger("resume"), text="third")
    where = {"first\n": (0, 1), "second\n": (1, 1), "third\n": (0, 2)}
    for text, (round_, attempt) in where.items():
        assert log_of(place, "green-required-01.log", round_, attempt) == text
        report = report_of(place, round_, attempt)
        assert (report.round, report.attempt) == (round_, attempt)
        assert report.trials[0].commands[0].tail == text


PLANTING = """
mkdir -p docs/__pycache__ .venv
touch docs/__pycache__/check.pyc docs/go.flag .venv/pyvenv.cfg
exec $AGENT write docs/01.md 'a note'
"""


def test_nothing_that_the_agent_left_unrecorded_is_there_when_its_work_is_verified(tmp_path: Path) -> None:
    seen = "find . -name .git -prune -o -type f -print"
    place = trial(
        tmp_path,
        agents={"worker": shell(PLANTING)},
        files={".gitignore": ".local/\n*.flag\n__pycache__/\n.venv/\n", "check.sh": f"{seen} | sort\n"},
        required_verification_commands="`bash check.sh`; `touch docs/later.flag`; `test -e docs/later.flag`",
        suggested="`test ! -e docs/later.flag`",
    )
    passed(place, place.verger(*RUN))
    files = log_of(place, "green-required-01.log").split()
    assert "./docs/01.md" in files
    assert sorted(files) == sorted(
        f"./{path}" for path in place.git("ls-tree", "-r", "--name-only", place.run_branch()).split()
    )
    assert report_of(place).overall_result == "pass"


def test_a_command_that_spoils_its_tree_spoils_nothing_else(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        required_verification_commands="`rm -rf docs .git && mkdir -m 0 docs`",
        suggested="`test -s docs/01.md && git status --short`",
        artifacts="`docs/01.md`",
    )
    passed(place, place.verger(*RUN))
    assert report_of(place).overall_result == "pass"
