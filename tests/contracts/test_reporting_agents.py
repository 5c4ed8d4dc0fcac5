"""What agents keep that write their own report, seen from outside: the same checks on each kind, with real processes.

Not here: what all kinds keep; see test_agents.py. What only one kind does; see tests/kernel/agents.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.doubles import agent as double
from tests.doubles.tasks import STAGES, task, turn

from verger_kernel.agents.base import Adapter
from verger_kernel.agents.outcome import Answered, Failure, Outcome, Unanswered, complete_answer, outcome
from verger_kernel.agents.registry import adapter_of
from verger_kernel.rules.limits import Breach
from verger_kernel.rules.packs import Stage, TaskSpecification
from verger_kernel.rules.policy import AgentDefinition

BEHAVIOURS: dict[str, tuple[tuple[str, ...], str]] = {
    "honest": ((), ""),
    "painting": (
        ("write", "docs/fence.md", "white"),
        '{ do = "write", path = "docs/fence.md", text = "white" }',
    ),
    "failing": (("exit", "3"), '{ do = "exit", code = 3 }'),
    "silent": (("exit", "0"), '{ do = "exit", code = 0 }'),
    "crashing": (("kill",), '{ do = "crash" }'),
    "hanging": (("say", "here", "hang"), '{ do = "say", text = "here" }, { do = "hang" }'),
    "garbling": (("garbage",), '{ do = "garbage", text = "I am done!" }'),
    "failing late": (("report", "exit", "3"), '{ do = "report" }, { do = "exit", code = 3 }'),
}
"""Each as words for the double and as steps of a scenario."""


@dataclass(frozen=True)
class Stand:
    """A repository with one agent of one kind in it, and a worktree beside."""

    adapter: Adapter
    definition: AgentDefinition
    root: Path

    def argv(self, asked: TaskSpecification) -> tuple[str, ...]:
        return self.adapter.argv(turn(self.definition, asked, self.root))

    def environment(self, asked: TaskSpecification) -> dict[str, str]:
        return {"PATH": os.defpath} | self.adapter.environment(turn(self.definition, asked, self.root))

    def stdin(self, asked: TaskSpecification) -> bytes:
        return self.adapter.stdin(turn(self.definition, asked, self.root))

    def run(self, asked: TaskSpecification, breach: Breach | None = None) -> Outcome:
        ended = subprocess.run(
            self.argv(asked),
            cwd=asked.worktree,
            env=self.environment(asked),
            input=self.stdin(asked),
            timeout=30,
            check=False,
        )
        report = Path(asked.report_path)
        return outcome(asked, report, exit_code=ended.returncode, breach=breach, start_error="")


def _definition(
    kind: str, words: tuple[str, ...], steps: str, lie: dict[str, object], root: Path
) -> AgentDefinition:
    if kind == "generic":
        lies = tuple(word for key, value in lie.items() for word in ("lie", key, json.dumps(value)))
        return AgentDefinition(kind="generic", command=(sys.executable, double.__file__ or "", *lies, *words))
    told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lie.items())
    scenario = f'schema_version = "verger.scenario.v1"\n[[call]]\nsteps = [{steps}]\n[call.report]\n{told}'
    (root / "scenario.toml").write_text(scenario, encoding="utf-8")
    return AgentDefinition(kind="scripted", scenario="scenario.toml")


Make = Callable[..., Stand]


@pytest.fixture(params=["generic", "scripted"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    (tmp_path / "worktree").mkdir()
    (tmp_path / "reports").mkdir()
    (tmp_path / "repository").mkdir()

    def made(behaviour: str = "honest", **lie: object) -> Stand:
        words, steps = BEHAVIOURS[behaviour]
        definition = _definition(request.param, words, steps, lie, tmp_path / "repository")
        return Stand(adapter_of(request.param), definition, tmp_path / "repository")

    return made


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_it_can_be_started_and_says_so(make: Make) -> None:
    stand = make()
    assert stand.adapter.missing(stand.definition, stand.root, os.defpath) is None


@pytest.mark.parametrize("stage", STAGES)
def test_it_answers_every_stage_and_leaves_only_its_report(make: Make, tmp_path: Path, stage: Stage) -> None:
    asked = task(stage, folder=tmp_path)
    found = make().run(asked)
    assert isinstance(found, Answered)
    assert found.report.agent == "painter"
    assert _names(tmp_path / "reports") == ["report.json"]
    assert _names(tmp_path / "worktree") == []
    assert complete_answer(asked, Path(asked.report_path)) == found


def test_it_changes_the_worktree_it_was_given(make: Make, tmp_path: Path) -> None:
    found = make("painting").run(task(folder=tmp_path))
    assert isinstance(found, Answered)
    assert (tmp_path / "worktree" / "docs" / "fence.md").read_text() == "white"


@pytest.mark.parametrize(
    ("behaviour", "kind", "why"),
    [
        ("failing", "failed", "ended with exit code 3, without a report"),
        ("silent", "malformed", "ended with exit code 0, but without a report"),
        ("crashing", "killed", "ended by SIGKILL, without a report"),
    ],
)
def test_an_end_without_a_report_is_no_answer(
    make: Make, tmp_path: Path, behaviour: str, kind: Failure, why: str
) -> None:
    assert make(behaviour).run(task(folder=tmp_path)) == Unanswered(kind, why)


def test_words_where_a_report_belongs_are_malformed(make: Make, tmp_path: Path) -> None:
    found = make("garbling").run(task(folder=tmp_path))
    assert isinstance(found, Unanswered) and found.kind == "malformed"
    assert "JSON is malformed" in found.why


def test_a_report_stands_whatever_the_exit_code(make: Make, tmp_path: Path) -> None:
    assert isinstance(make("failing late").run(task(folder=tmp_path)), Answered)


def test_who_breaks_a_limit_after_its_report_has_answered(make: Make, tmp_path: Path) -> None:
    found = make().run(task(folder=tmp_path), Breach(limit="timeout", used=2, allowed=1))
    assert isinstance(found, Answered)


def test_w8_a_report_for_another_item_is_malformed(make: Make, tmp_path: Path) -> None:
    found = make(item_id="99").run(task(folder=tmp_path))
    assert found == Unanswered(
        "malformed", "the report answers another call: item_id is '99', asked was '02'"
    )


def test_a_report_for_another_packet_is_malformed(make: Make, tmp_path: Path) -> None:
    found = make(packet_sha256="00").run(task("audit", folder=tmp_path))
    assert isinstance(found, Unanswered) and "packet_sha256 is '00'" in found.why


def test_one_that_hangs_ends_when_asked_and_has_not_answered(make: Make, tmp_path: Path) -> None:
    stand, asked = make("hanging"), task(folder=tmp_path)
    (tmp_path / "task.json").write_bytes(stand.stdin(asked))
    with (
        (tmp_path / "task.json").open("rb") as fed,
        subprocess.Popen(
            stand.argv(asked),
            cwd=asked.worktree,
            env=stand.environment(asked),
            stdin=fed,
            stdout=subprocess.PIPE,
        ) as agent,
    ):
        assert agent.stdout is not None and agent.stdout.readline() == b"here\n"
        agent.terminate()
        code = agent.wait(30)
    silence = Breach(limit="silence", used=61, allowed=60)
    report = Path(asked.report_path)
    assert outcome(asked, report, exit_code=code, breach=silence, start_error="") == Unanswered(
        "silent", "said nothing, used no CPU and wrote nothing for 61 s, 60 s are allowed"
    )
    assert _names(tmp_path / "reports") == []


def test_two_lanes_at_once_do_not_meet(make: Make, tmp_path: Path) -> None:
    lanes = [
        task("audit", folder=tmp_path, lane=lane, report_path=str(tmp_path / "reports" / lane))
        for lane in "ab"
    ]
    stand = make()
    running = [
        subprocess.Popen(
            stand.argv(asked), cwd=asked.worktree, env=stand.environment(asked), stdin=subprocess.PIPE
        )
        for asked in lanes
    ]
    for agent, asked in zip(running, lanes, strict=True):
        agent.communicate(stand.stdin(asked), timeout=30)
    assert all(complete_answer(asked, Path(asked.report_path)) for asked in lanes)
