"""How each adapter builds its command line, and what keeps it from being started.

Not here: what every kind must do when it runs; see tests/contracts/test_agents.py.
"""

import sys
from pathlib import Path

import pytest
from tests.doubles.tasks import task, turn

from verger_kernel.agents import generic, scripted
from verger_kernel.agents.base import Adapter
from verger_kernel.agents.registry import KINDS, adapter_of
from verger_kernel.rules.policy import AgentDefinition


def _generic(*command: str) -> AgentDefinition:
    return AgentDefinition(kind="generic", command=command)


def _executable(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_every_kind_is_served_by_the_module_of_its_name() -> None:
    assert {kind: adapter_of(kind).KIND for kind in KINDS} == {kind: kind for kind in KINDS}
    assert set(KINDS) == {"generic", "scripted", "codex", "claude"}


def test_a_program_with_a_slash_lies_in_the_repository_and_a_bare_one_on_path() -> None:
    root = Path("/repository")
    assert generic.argv(turn(_generic("tools/agent", "-v", "a/b"), task(), root)) == (
        "/repository/tools/agent",
        "-v",
        "a/b",
    )
    assert generic.argv(turn(_generic("/opt/agent"), task(), root)) == ("/opt/agent",)
    assert generic.argv(turn(_generic("agent"), task(), root)) == ("agent",)


def test_a_program_in_the_repository_must_be_an_executable_file(tmp_path: Path) -> None:
    missing = generic.missing(_generic("tools/agent"), tmp_path, "")
    assert missing is not None and "does not exist" in missing
    _executable(tmp_path / "tools" / "agent").chmod(0o644)
    missing = generic.missing(_generic("tools/agent"), tmp_path, "")
    assert missing is not None and "chmod +x" in missing
    (tmp_path / "tools" / "agent").chmod(0o755)
    assert generic.missing(_generic("tools/agent"), tmp_path, "") is None


def test_a_bare_program_is_looked_for_on_the_path_it_will_get(tmp_path: Path) -> None:
    _executable(tmp_path / "bin" / "agent")
    path = f"{tmp_path / 'empty'}:{tmp_path / 'bin'}"
    assert generic.missing(_generic("agent"), tmp_path, path) is None
    assert generic.missing(_generic("agent"), tmp_path, str(tmp_path / "empty")) == (
        "program 'agent' is not on PATH; install it, or write its absolute path"
    )


@pytest.mark.parametrize("entry", [".", "", "bin"])
def test_a_worktree_can_never_supply_the_program(tmp_path: Path, entry: str) -> None:
    found = _executable(tmp_path / "bin" / "agent").parent
    missing = generic.missing(_generic("agent"), tmp_path, f"{entry}:{found}")
    assert missing is not None and f"relative entry '{entry}'" in missing
    assert generic.missing(_generic("agent"), tmp_path, f"{found}:{entry}") is None


def test_a_scenario_must_be_there_and_valid(tmp_path: Path) -> None:
    agent = AgentDefinition(kind="scripted", scenario="demo/scenario.toml")
    missing = scripted.missing(agent, tmp_path, "")
    assert missing is not None and "No such file" in missing
    file = tmp_path / "demo" / "scenario.toml"
    file.parent.mkdir()
    file.write_text('schema_version = "verger.scenario.v1"\n[[call]]\nsteps = [{ do = "fly" }]\n')
    missing = scripted.missing(agent, tmp_path, "")
    assert missing is not None and "[[call]] 1, line 2: Invalid value 'fly'" in missing
    file.write_text('schema_version = "verger.scenario.v1"\n')
    assert scripted.missing(agent, tmp_path, "") is None


def test_a_scripted_agent_is_this_python_with_the_scenario_of_the_checkout() -> None:
    agent = AgentDefinition(kind="scripted", scenario="demo.toml")
    argv = scripted.argv(turn(agent, task()))
    assert argv == (sys.executable, "-P", "-m", "verger_kernel.agents.player", "/repository/demo.toml")


@pytest.mark.parametrize("adapter", [generic, scripted])
def test_the_environment_names_what_a_shell_script_needs(adapter: Adapter) -> None:
    agent = AgentDefinition(kind="generic", command=("agent",), scenario="demo.toml")
    environment = adapter.environment(turn(agent, task("fix")))
    assert {name: value for name, value in environment.items() if name.startswith("VERGER_")} == {
        "VERGER_ITEM_ID": "02",
        "VERGER_REPORT_PATH": "/nowhere/reports/report.json",
        "VERGER_TASK_STAGE": "fix",
    }
