"""The shipped scripted agent plays each step as a process of its own and admits what it is.

Not here: the contract that every kind of agent keeps; see tests/contracts/test_agents.py.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.doubles.tasks import task, turn

from verger_kernel.agents import scripted
from verger_kernel.rules.packs import AuditReport, Stage, TaskSpecification, read_report
from verger_kernel.rules.policy import AgentDefinition

AGENT = AgentDefinition(kind="scripted", scenario="scenario.toml")
Play = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a worktree in it and room for the report."""
    (tmp_path / "worktree").mkdir()
    (tmp_path / "reports").mkdir()
    return tmp_path


@pytest.fixture
def play(place: Path) -> Play:
    def played(
        body: str, asked: TaskSpecification | None = None, fed: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        (place / "scenario.toml").write_text(
            f'schema_version = "verger.scenario.v1"\n{body}', encoding="utf-8"
        )
        asked = asked or task(folder=place)
        return subprocess.run(
            scripted.argv(turn(AGENT, asked, place)),
            cwd=asked.worktree,
            env=scripted.environment(turn(AGENT, asked, place)),
            input=scripted.stdin(turn(AGENT, asked, place)) if fed is None else fed,
            capture_output=True,
            timeout=30,
            check=False,
        )

    return played


def _report(place: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((place / "reports" / "report.json").read_bytes())
    return found


def test_every_change_of_files_is_done_in_order(place: Path, play: Play) -> None:
    tree = place / "worktree"
    (tree / "old").mkdir()
    (tree / "old" / "file").touch()
    (tree / "gone").touch()
    ended = play("""
[[call]]
steps = [
  { do = "write", path = "docs/deep/fence.md", text = "white" },
  { do = "append", path = "docs/deep/fence.md", hex = "00ff" },
  { do = "write", path = "run.sh", text = "#!/bin/sh" },
  { do = "chmod", path = "run.sh", mode = 0o755 },
  { do = "rename", source = "run.sh", target = "paint.sh" },
  { do = "mkdir", path = "empty/folder" },
  { do = "symlink", path = "link", target = "paint.sh" },
  { do = "delete", path = "old" },
  { do = "delete", path = "gone" },
]
""")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert (tree / "docs" / "deep" / "fence.md").read_bytes() == b"white\x00\xff"
    assert (tree / "paint.sh").stat().st_mode & 0o777 == 0o755
    assert (tree / "link").readlink() == Path("paint.sh")
    assert sorted(file.name for file in tree.iterdir()) == ["docs", "empty", "link", "paint.sh"]
    assert _report(place)["files_touched"] == [
        "docs/deep/fence.md",
        "empty/folder",
        "gone",
        "link",
        "old",
        "paint.sh",
        "run.sh",
    ]


def test_a_link_is_deleted_and_not_what_it_leads_to(place: Path, play: Play) -> None:
    (place / "outside").mkdir()
    (place / "worktree" / "link").symlink_to(place / "outside")
    assert play('[[call]]\nsteps = [{ do = "delete", path = "link" }]').returncode == 0
    assert (place / "outside").is_dir() and not (place / "worktree" / "link").is_symlink()


def test_a_liar_reaches_out_of_the_worktree_and_into_the_packet(place: Path, play: Play) -> None:
    (place / "packet").mkdir()
    ended = play(
        '[[call]]\nsteps = [{ do = "write", path = "../escaped", text = "x" }, '
        '{ do = "write", path = "{packet_dir}/{run_id}", text = "x" }]',
        task("audit", folder=place),
    )
    assert ended.returncode == 0
    assert (place / "escaped").exists() and (place / "packet" / task().run_id).exists()


@pytest.mark.parametrize(
    ("stage", "key", "verdict"),
    [
        ("execute", "verdict", "no_change_needed"),
        ("fix", "verdict", "no_change_needed"),
        ("audit", "overall_verdict", "pass"),
        ("triage", "overall_decision", "pass"),
    ],
)
def test_without_a_matching_call_it_answers_honestly(
    place: Path, play: Play, stage: Stage, key: str, verdict: str
) -> None:
    asked = task(stage, folder=place)
    assert play('[[call]]\nitem = "99"\nsteps = [{ do = "crash" }]', asked).returncode == 0
    report = read_report((place / "reports" / "report.json").read_bytes(), asked)
    assert msgspec.to_builtins(report)[key] == verdict
    assert report.summary == "scripted: played without a model"


def test_findings_without_a_verdict_are_issues_found(place: Path, play: Play) -> None:
    asked = task("audit", folder=place)
    play(
        '[[call]]\n[[call.report.findings]]\ntitle = "Grey"\nseverity = "high"\n'
        'category = "correctness"\nis_blocking = true\n',
        asked,
    )
    report = read_report((place / "reports" / "report.json").read_bytes(), asked)
    assert isinstance(report, AuditReport)
    assert (report.overall_verdict, report.findings[0].title) == ("issues_found", "Grey")


def test_a_report_can_lie_about_everything_but_that_it_is_scripted(place: Path, play: Play) -> None:
    play('[[call]]\nreport = { item_id = "99", verdict = 7, summary = "I am a model", more = [1] }')
    report = _report(place)
    assert (report["item_id"], report["verdict"], report["more"]) == ("99", 7, [1])
    assert report["summary"] == "scripted: I am a model"


def test_streams_carry_what_is_said_whispered_and_flooded(play: Play) -> None:
    ended = play(
        '[[call]]\nsteps = [{ do = "say", text = "hello" }, { do = "whisper", text = "psst" }, '
        '{ do = "sleep", seconds = 0.001 }, { do = "flood", mib = 2 }]'
    )
    assert ended.stdout.startswith(b"hello\n") and len(ended.stdout) == 6 + (2 << 20)
    assert ended.stderr == b"psst\n"


@pytest.mark.parametrize(
    ("step", "code"), [('{ do = "exit", code = 7 }', 7), ('{ do = "crash" }', -signal.SIGKILL)]
)
def test_an_early_end_leaves_no_report_unless_one_was_asked_for(
    place: Path, play: Play, step: str, code: int
) -> None:
    assert play(f"[[call]]\nsteps = [{step}]").returncode == code
    assert list((place / "reports").iterdir()) == []
    assert play(f'[[call]]\nsteps = [{{ do = "report" }}, {step}]').returncode == code
    assert _report(place)["verdict"] == "no_change_needed"


def test_garbage_takes_the_place_of_the_report(place: Path, play: Play) -> None:
    assert play('[[call]]\nsteps = [{ do = "garbage", hex = "ff" }]').returncode == 0
    assert (place / "reports" / "report.json").read_bytes() == b"\xff"


def test_a_hang_says_no_more_and_writes_no_report(place: Path, play: Play) -> None:
    scenario = '[[call]]\nsteps = [{ do = "say", text = "here" }, { do = "hang" }]'
    asked = task(folder=place)
    (place / "scenario.toml").write_text(f'schema_version = "verger.scenario.v1"\n{scenario}')
    (place / "task.json").write_bytes(scripted.stdin(turn(AGENT, asked, place)))
    with (
        (place / "task.json").open("rb") as fed,
        subprocess.Popen(
            scripted.argv(turn(AGENT, asked, place)),
            stdin=fed,
            stdout=subprocess.PIPE,
            env=scripted.environment(turn(AGENT, asked, place)),
        ) as agent,
    ):
        assert agent.stdout is not None and agent.stdout.readline() == b"here\n"
        assert agent.poll() is None
        agent.terminate()
        assert agent.wait(30) == -signal.SIGTERM
    assert list((place / "reports").iterdir()) == []


def test_what_it_spawns_outlives_it_in_a_session_of_its_own(place: Path, play: Play) -> None:
    ended = play('[[call]]\nsteps = [{ do = "spawn" }]')
    left = psutil.Process(int(ended.stdout.split()[2]))
    try:
        assert left.is_running() and os.getsid(left.pid) == left.pid
    finally:
        left.kill()
        # It may be ours by now: a test of jobs makes this process the one that gets orphans.
        left.wait(10)
    assert _report(place)["verdict"] == "no_change_needed"


def test_a_step_that_cannot_be_done_is_named(place: Path, play: Play) -> None:
    ended = play('[[call]]\nsteps = [{ do = "say", text = "a" }, { do = "delete", path = "none" }]')
    assert ended.returncode == 4
    assert ended.stderr.startswith(b"scripted agent: cannot play step 2 (delete) of item 02, execute: ")
    assert ended.stderr.endswith(b"; mend the scenario\n")
    assert list((place / "reports").iterdir()) == []
    assert (
        b"step 1 (write)" in play('[[call]]\nsteps = [{ do = "write", path = "\\u0000", text = "" }]').stderr
    )


def test_a_bad_scenario_or_task_ends_with_code_4_and_no_traceback(play: Play) -> None:
    ended = play("[[call]]\nsteps = 3")
    assert (ended.returncode, b"[[call]] 1, line 2: " in ended.stderr) == (4, True)
    for fed in (b"", b"\xff", b"{}"):
        ended = play("", fed=fed)
        assert ended.returncode == 4
        assert ended.stderr.startswith(b"scripted agent: stdin holds no task specification: ")


def test_it_wants_exactly_one_argument() -> None:
    command = [sys.executable, "-P", "-m", "verger_kernel.agents.player"]
    environment = scripted.environment(turn(AGENT, task()))
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
