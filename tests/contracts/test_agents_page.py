"""The examples of docs/agents.md run as they stand, and its tables name what there is.

Not here: what any agent must keep; see test_agents.py.
"""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from tests.doubles.tasks import task, turn

from verger_kernel.agents import generic
from verger_kernel.agents.outcome import Answered, Failure, outcome
from verger_kernel.agents.scenario import read_scenario
from verger_kernel.agents.steps import Step
from verger_kernel.rules.packs import REPORT_TYPES, TaskSpecification, WorkerReport
from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy
from verger_kernel.rules.runnable import check

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def _section(title: str) -> str:
    found = re.search(rf"^(##+) {title}\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/agents.md has no section {title!r}"
    return found[2]


def _first_cells(section: str) -> set[str]:
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("language", ["python", "bash"])
def test_the_examples_run_as_they_stand(tmp_path: Path, language: str) -> None:
    program = tmp_path / "tools" / "painter"
    for folder in (program.parent, tmp_path / "reports", tmp_path / "worktree" / "docs"):
        folder.mkdir(parents=True)
    program.write_text(_blocks(language)[0], encoding="utf-8")
    program.chmod(0o755)
    agent, asked = AgentDefinition(kind="generic", command=("tools/painter",)), task(folder=tmp_path)
    assert generic.missing(agent, tmp_path, os.defpath) is None
    start = turn(agent, asked, tmp_path)
    environment = {"PATH": os.environ["PATH"]} | generic.environment(start)
    argv, fed = generic.argv(start), generic.stdin(start)
    ended = subprocess.run(argv, cwd=asked.worktree, env=environment, input=fed, timeout=30, check=False)
    report = Path(asked.report_path)
    found = outcome(asked, report, exit_code=ended.returncode, breach=None, start_error="")
    assert isinstance(found, Answered) and isinstance(found.report, WorkerReport)
    assert (found.report.verdict, found.report.summary) == ("implemented", "The fence is painted.")
    assert (tmp_path / "worktree" / "docs" / "fence.md").read_text() == "# Paint the fence\n"


def test_the_policy_example_defines_two_agents() -> None:
    agents = msgspec.toml.decode(_blocks("toml")[0])["agents"]
    kinds = {name: msgspec.convert(agent, AgentDefinition).kind for name, agent in agents.items()}
    assert kinds == {"painter": "generic", "rehearsal": "scripted"}


def test_the_scenario_example_is_a_scenario() -> None:
    scenario = read_scenario(_blocks("toml")[1].encode())
    played = scenario.call_for(task("audit", item_id="01", lane="b"))
    assert played.report["findings"][0]["title"] == "The gate is still grey"


def test_the_page_names_every_key_of_the_task() -> None:
    assert set(TaskSpecification.__struct_fields__) == _first_cells(_section("The task specification"))


def test_the_page_names_every_key_of_the_reports() -> None:
    text = _section("The three reports")
    for kind in set(REPORT_TYPES.values()):
        for name in kind.__struct_fields__:
            assert f"`{name}`" in text, f"docs/agents.md does not name {kind.__name__}.{name}"


def test_the_page_names_every_step_and_every_outcome() -> None:
    steps = {step.__struct_config__.tag: step for step in get_args(Step)}
    assert _first_cells(_section("Scenarios")) - {"do"} == set(steps)
    ends = _section("What comes of a call") + _section("What comes of a call of codex or claude")
    for name in get_args(Failure):
        assert f"`{name}`" in ends


def test_the_examples_of_models_and_of_sessions_are_agents() -> None:
    for block in _blocks("toml")[2:]:
        for name, table in msgspec.toml.decode(block)["agents"].items():
            agents = {name: msgspec.convert(table, AgentDefinition)}
            agents |= {other: AgentDefinition(kind="generic", command=("x",)) for other in ("one", "two")}
            check(Policy(agents=agents, lanes=Lanes(worker=name, audit_a="one", audit_b="two")))


def test_the_shim_is_told_to_create_and_to_resume() -> None:
    table = msgspec.toml.decode(_blocks("toml")[3])["agents"]["shim"]
    start = turn(msgspec.convert(table, AgentDefinition), task(), Path("/repository"))
    same = ("--run-id", start.task.run_id, "--task-id", "02", "--step-id", "execute")
    assert generic.argv(start) == ("/repository/tools/shim", "create", *same)
    line = b'{"type": "thread.started", "thread": {"id": "s-7"}}\n'
    again = replace(start, session=generic.heard(start, line).session, continues=True)
    assert generic.argv(again) == ("/repository/tools/shim", "resume", "s-7", *same)


FAKE = """\
#!/bin/sh
printf '%s\\n' "$@" > "$(dirname "$0")/../argv"
mkdir -p docs && echo "# Paint the fence" > docs/fence.md
"""
EXPECTED = {
    "gemini": ["-p", "PROMPT", "-o", "stream-json", "--approval-mode", "auto_edit", "--skip-trust"],
    "opencode": ["run", "--format", "json", "--pure", "PROMPT"],
    "aider": [
        *("--message-file", "FILE", "--yes-always", "--no-auto-commits", "--no-dirty-commits"),
        *("--no-check-update", "--no-stream"),
    ],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_other_agents_are_driven_by_the_program_of_the_page(tmp_path: Path, name: str) -> None:
    for folder in ("tools", "bin", "reports", "worktree"):
        (tmp_path / folder).mkdir()
    for place, text in (("tools/through", _blocks("python")[2]), (f"bin/{name}", FAKE)):
        (tmp_path / place).write_text(text, encoding="utf-8")
        (tmp_path / place).chmod(0o755)
    table = msgspec.toml.decode(_blocks("toml")[4])["agents"][name]
    start = turn(msgspec.convert(table, AgentDefinition), task(folder=tmp_path), tmp_path)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        generic.argv(start),
        cwd=start.task.worktree,
        env={"PATH": path} | generic.environment(start),
        input=generic.stdin(start),
        timeout=30,
        check=False,
    )
    report = Path(start.task.report_path)
    found = outcome(start.task, report, exit_code=ended.returncode, breach=None, start_error="")
    assert isinstance(found, Answered)
    prompt = Path(f"{report}.prompt").read_text()
    given = (tmp_path / "argv").read_text().replace(prompt, "PROMPT").replace(f"{report}.prompt", "FILE")
    assert given.splitlines() == EXPECTED[name]
    assert "Paint the fence" in prompt and '"allowed_write_roots"' in prompt
