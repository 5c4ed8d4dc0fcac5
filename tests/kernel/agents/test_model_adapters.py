"""How codex and claude are started: everything of their own, nothing of anybody else's.

Not here: that the real programs take it; see tests/contracts/test_agents.py in `make test-agents`.
"""

import json
import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from tests.doubles.model_agents import replaying
from tests.doubles.tasks import STAGES, task, turn

from verger_kernel.agents import claude, codex, programs
from verger_kernel.agents.base import Turn
from verger_kernel.rules.answers import answer_schema
from verger_kernel.rules.packs import Stage
from verger_kernel.rules.policy import AgentDefinition

CODEX = AgentDefinition(kind="codex", model="gpt-5.5", key="OPENAI_API_KEY")
CLAUDE = AgentDefinition(kind="claude", model="claude-sonnet-4-5", key="ANTHROPIC_API_KEY")
READING: tuple[Stage, ...] = ("audit", "triage")


def start(agent: AgentDefinition, folder: Path, stage: Stage = "execute", **changed: object) -> Turn:
    """A start in `stage`, its session known."""
    return replace(turn(agent, task(stage, folder=folder), folder), session="s-1", **changed)  # type: ignore[arg-type]


def settings(argv: tuple[str, ...]) -> list[str]:
    """What codex is given with -c."""
    return [word for flag, word in pairwise(argv) if flag == "-c"]


def value(argv: tuple[str, ...], flag: str) -> str:
    """What follows `flag`."""
    return argv[argv.index(flag) + 1]


@pytest.mark.parametrize("stage", STAGES)
def test_codex_reads_only_unless_it_works(tmp_path: Path, stage: Stage) -> None:
    said = settings(codex.argv(start(CODEX, tmp_path, stage)))
    wanted = "read-only" if stage in READING else "workspace-write"
    assert [one for one in said if one.startswith("sandbox_mode")] == [f'sandbox_mode="{wanted}"']
    writing = [one for one in said if one.startswith("sandbox_workspace_write")]
    assert bool(writing) is (stage not in READING)
    assert all("network_access=false" in one and "writable_roots=[]" in one for one in writing)


def test_codex_takes_nothing_from_its_surroundings(tmp_path: Path) -> None:
    argv = codex.argv(start(CODEX, tmp_path))
    assert {"--ignore-user-config", "--ignore-rules", "--strict-config", "--json"} <= set(argv)
    off = [word for flag, word in pairwise(argv) if flag == "--disable"]
    assert {"plugins", "apps", "hooks", "multi_agent", "unbounded_connection_retries"} <= set(off)
    assert {'approval_policy="never"', "project_doc_max_bytes=0", 'web_search="disabled"'} <= set(
        settings(argv)
    )
    assert any('shell_environment_policy={inherit="core"' in one for one in settings(argv))
    assert argv[-1] == "-"


def test_codex_goes_on_with_the_same_words_and_the_name_of_its_thread(tmp_path: Path) -> None:
    first = codex.argv(start(CODEX, tmp_path))
    again = codex.argv(start(CODEX, tmp_path, continues=True))
    assert again[1:3] == ("exec", "resume") and again[-2:] == ("s-1", "-")
    assert [word for word in again if word not in ("resume", "s-1")] == list(first)


def test_codex_asks_where_the_policy_says_with_the_key_it_names(tmp_path: Path) -> None:
    agent = AgentDefinition(
        kind="codex", model="m", key="MINE", base_url="http://127.0.0.1:4000/v1", effort="high"
    )
    said = settings(codex.argv(start(agent, tmp_path)))
    (provider,) = [one for one in said if one.startswith("model_providers.verger")]
    assert 'base_url="http://127.0.0.1:4000/v1",env_key="MINE"' in provider
    assert 'model_reasoning_effort="high"' in said
    vendor = settings(codex.argv(start(CODEX, tmp_path)))
    assert any('base_url="https://api.openai.com/v1",env_key="OPENAI_API_KEY"' in one for one in vendor)


def test_codex_with_a_login_asks_its_vendor_and_finds_it_by_a_link(tmp_path: Path) -> None:
    login = tmp_path / "auth.json"
    login.write_text("{}")
    begun = start(AgentDefinition(kind="codex", model="m", login=str(login)), tmp_path)
    assert not [one for one in settings(codex.argv(begun)) if "model_provider" in one]
    codex.lay(begun)
    codex.lay(begun)
    assert (begun.folder / "codex" / "auth.json").readlink() == login


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("is_enclosed", [True, False])
def test_claude_has_the_tools_of_its_stage_and_a_shell_only_to_write_in_a_sandbox(
    tmp_path: Path, stage: Stage, is_enclosed: bool
) -> None:
    argv = claude.argv(replace(start(CLAUDE, tmp_path, stage), is_enclosed=is_enclosed))
    tools = set(value(argv, "--tools").split(","))
    assert ("Edit" in tools) is (stage not in READING)
    assert ("Bash" in tools) is (stage not in READING and is_enclosed)
    allowed = value(argv, "--allowedTools")
    assert ("Bash" in allowed.split(",")) is ("Bash" in tools)
    assert ("Edit(./**)" in allowed) is (stage not in READING)
    assert (f"Read(/{tmp_path}/packet/**)" in allowed) is (stage in READING)
    assert "Edit(./.git)" in value(argv, "--disallowedTools")


def test_claude_takes_nothing_from_its_surroundings(tmp_path: Path) -> None:
    argv = claude.argv(start(CLAUDE, tmp_path))
    assert value(argv, "--setting-sources") == ""
    assert "--strict-mcp-config" in argv
    assert value(argv, "--permission-mode") == "dontAsk"
    assert json.loads(value(argv, "--json-schema")) == answer_schema("execute")


def test_claude_has_a_name_for_its_session_before_it_starts(tmp_path: Path) -> None:
    assert claude.new_session() != claude.new_session()
    assert value(claude.argv(start(CLAUDE, tmp_path)), "--session-id") == "s-1"
    again = claude.argv(start(CLAUDE, tmp_path, continues=True))
    assert value(again, "--resume") == "s-1" and "--session-id" not in again


@pytest.mark.parametrize(("adapter", "agent"), [(codex, CODEX), (claude, CLAUDE)])
def test_its_home_is_the_calls_own_and_empty(tmp_path: Path, adapter: object, agent: AgentDefinition) -> None:
    begun = start(agent, tmp_path)
    chosen = codex if adapter is codex else claude
    chosen.lay(begun)
    folders = [value for value in chosen.environment(begun).values() if value.startswith("/")]
    assert len(folders) == 3
    for folder in map(Path, folders):
        assert folder.parent == begun.folder
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("adapter", "agent"), [(codex, CODEX), (claude, CLAUDE)])
@pytest.mark.parametrize("planted", ["links", "loose links", "folders", "files", "locked"])
def test_what_an_agent_left_where_its_next_start_is_laid_leads_nowhere_and_hinders_nothing(
    tmp_path: Path, adapter: object, agent: AgentDefinition, planted: str
) -> None:
    chosen = codex if adapter is codex else claude
    login, victim = tmp_path / "login", tmp_path / "victim"
    for name in ("state.sqlite", "auth.json", "answer_schema.json", "answer.json"):
        (victim / name).parent.mkdir(exist_ok=True)
        (victim / name).write_text("the user's")
    begun = start(msgspec.structs.replace(agent, key="", login=str(login)), tmp_path)
    chosen.lay(begun)
    homes = [Path(value) for value in chosen.environment(begun).values() if value.startswith("/")]
    plant(planted, homes, begun.folder, victim)
    chosen.lay(begun)
    assert {file.name: file.read_text() for file in victim.iterdir()} == dict.fromkeys(
        ("state.sqlite", "auth.json", "answer_schema.json", "answer.json"), "the user's"
    )
    assert all(home.is_dir() and not home.is_symlink() for home in homes)
    if chosen is codex:
        assert json.loads((begun.folder / "answer_schema.json").read_text()) == answer_schema("execute")
        assert (begun.folder / "codex/auth.json").readlink() == login
        assert (
            not [*(begun.folder / "codex").glob("*.sqlite")] and not (begun.folder / "answer.json").exists()
        )


def plant(what: str, homes: list[Path], folder: Path, victim: Path) -> None:
    """Puts something else into every place that a next start uses."""
    if what in ("folders", "locked"):
        for name in ("answer_schema.json", "answer.json", "codex/auth.json", "codex/x.sqlite"):
            (folder / name).unlink(missing_ok=True)
            (folder / name / "deep").mkdir(parents=True)
        if what == "locked":
            for home in homes:
                home.chmod(0)
        return
    for home in homes:
        shutil.rmtree(home)
        home.write_text("no home") if what == "files" else home.symlink_to(
            victim if what == "links" else "nowhere"
        )
    for name in ("answer_schema.json", "answer.json"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(victim / name if what == "links" else "nowhere")


def test_only_the_agent_that_names_a_key_gets_it() -> None:
    assert CODEX.variables() == ("OPENAI_API_KEY",)
    assert AgentDefinition(kind="generic", command=("a",), env=("CI",)).variables() == ("CI",)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("kind", "wrapper", "native"),
    [
        ("codex", "@openai/codex/bin/codex.js", "@openai/codex-linux-x64/vendor/x86_64/bin/codex"),
        ("claude", "@anthropic-ai/claude-code/cli-wrapper.cjs", "@anthropic-ai/claude-code-linux-x64/claude"),
        ("claude", "@anthropic-ai/claude-code/bin/claude.exe", "@anthropic-ai/claude-code-linux-x64/claude"),
    ],
)
def test_the_program_is_the_one_behind_npms_wrapper(
    tmp_path: Path, kind: str, wrapper: str, native: str, nested: bool
) -> None:
    modules = tmp_path / "lib" / "node_modules"
    package = modules.joinpath(*wrapper.split("/")[:2])
    behind = (package / "node_modules" if nested else modules) / native
    for file in (modules / wrapper, behind):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / kind).symlink_to(modules / wrapper)
    agent = CODEX if kind == "codex" else CLAUDE
    assert programs.found(agent, tmp_path, str(tmp_path / "bin")) == behind
    behind.unlink()
    why = programs.missing(agent, tmp_path, str(tmp_path / "bin"))
    assert why and "is npm's wrapper, and the program behind it is not installed" in why


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_a_version_that_the_policy_does_not_name_is_told_with_the_way_out(tmp_path: Path, kind: str) -> None:
    agent = replaying(tmp_path, kind)
    said = {"codex": "0.169.0", "claude": "2.1.329"}[kind]
    assert programs.version(agent, tmp_path, "") == said
    pinned = AgentDefinition(kind="codex", model="m", key="K", program=agent.program, version="1.0.0")
    assert f"is version {said}, the policy says 1.0.0" in (programs.missing(pinned, tmp_path, "") or "")
    assert programs.missing(agent, tmp_path, "") is None


def test_what_is_not_there_is_told_with_the_way_out(tmp_path: Path) -> None:
    assert "program 'codex' is not on PATH" in (codex.missing(CODEX, tmp_path, str(tmp_path)) or "")
    gone = AgentDefinition(kind="claude", model="m", key="ANTHROPIC_API_KEY", program="/nowhere/claude")
    assert "program /nowhere/claude does not exist" in (claude.missing(gone, tmp_path, "") or "")
    program = replaying(tmp_path, "codex").program
    login = AgentDefinition(kind="codex", model="m", login="/nowhere/auth.json", program=program)
    assert "there is no login at /nowhere/auth.json" in (codex.missing(login, tmp_path, "") or "")


def test_it_needs_its_program_its_key_and_whom_it_asks(tmp_path: Path) -> None:
    program = replaying(tmp_path, "claude").program
    asks = AgentDefinition(kind="claude", model="m", key="ANTHROPIC_API_KEY", program=program, env=("CI",))
    needs = claude.needs(asks)
    assert (needs.hosts, needs.folders) == (("api.anthropic.com:443",), (Path(program),))
    assert (needs.variables, needs.writable) == (("CI", "ANTHROPIC_API_KEY"), ())
    local = AgentDefinition(
        kind="codex", model="m", login="/home/auth.json", base_url="http://127.0.0.1:4000/v1"
    )
    assert codex.needs(local).hosts == ("127.0.0.1:4000",)
    assert codex.needs(local).writable == (Path("/home/auth.json"),)
    beside = tmp_path / "vendor" / "bin" / "codex"
    beside.parent.mkdir(parents=True)
    beside.write_text("#!/bin/sh\n")
    named = AgentDefinition(kind="codex", model="m", key="K", program=str(beside))
    assert codex.needs(named).folders == (tmp_path / "vendor",)


@pytest.mark.parametrize("put", ["pipe", "link", "folder", "flood", "nothing"])
def test_what_lies_in_the_place_of_codexs_answer_is_no_trap(tmp_path: Path, put: str) -> None:
    turn = start(CODEX, tmp_path)
    codex.lay(turn)
    place, stdout = turn.folder / "answer.json", tmp_path / "stdout"
    if put == "pipe":
        os.mkfifo(place)
    elif put == "link":
        place.symlink_to("/dev/zero")
    elif put == "folder":
        place.mkdir()
    elif put == "flood":
        with place.open("wb") as file:
            file.truncate(1 << 40)
    stdout.write_text(
        '{"type":"item.completed","item":{"type":"agent_message","text":"{\\"summary\\":\\"\\"}"}}\n'
        '{"type":"turn.completed"}\n'
    )
    assert codex.read(turn, stdout, 0).answer == {"summary": ""}
