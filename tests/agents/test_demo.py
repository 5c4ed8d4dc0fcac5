"""The demo's playbook, carried out by the real codex and claude, which ask a model that plays the demo.

Not here: the scripted demo; see examples/. Run by `make test-agents`.
"""

import json
from pathlib import Path

import pytest
from tests.doubles.model_agents import KEYS, real, table
from tests.doubles.model_server import served
from tests.doubles.model_story import demo
from tests.doubles.repository import run_git
from tests.doubles.sweeps import swept
from tests.doubles.workplace import Workplace

from verger_kernel.demo.show import build
from verger_kernel.rules.events import AgentStarted, AuditReturned, SessionBegan, WorkerReturned

pytestmark = pytest.mark.agents
DUMMY = dict.fromkeys(KEYS.values(), "dummy")


def place_of(root: Path, url: str, worker: str) -> Workplace:
    """The demo's repository, with the real programs for agents."""
    place = Workplace(root)
    place.home.mkdir(parents=True)
    build(place.repository)
    agents = {"worker": real(worker, url), "reader-a": real("codex", url), "reader-b": real("claude", url)}
    policy = (place.repository / "verger.toml").read_text(encoding="utf-8").partition("[agents.")[0]
    policy += "[agents]\n" + "".join(f"{name} = {table(agent)}\n" for name, agent in agents.items())
    (place.repository / "verger.toml").write_text(policy, encoding="utf-8")
    run_git(place.repository, "commit", "--quiet", "--all", "--message", "real agents")
    evidence = root / "evidence"
    evidence.mkdir()
    (evidence / "status.txt").write_text("all systems up\n", encoding="utf-8")
    return place


@pytest.mark.parametrize("sandbox", swept(["required", "none"], every=2))
@pytest.mark.parametrize("worker", ["codex", "claude"])
def test_the_demo_ends_as_told_with_real_agents(tmp_path: Path, worker: str, sandbox: str) -> None:
    with served(demo) as server:
        more = {**DUMMY, "VERGER_SANDBOX": sandbox}
        place = place_of(tmp_path, server.url, worker)
        codes = [place.verger("run", "playbook.md", "--next", **more).code]
        gate = ("--item", "03", "--decision", "approved", "--by", "a test", "--note", "read it")
        codes.append(place.verger("mark-manual-gate", "latest", *gate).code)
        codes.append(place.verger("resume", **more).code)
        evidence = str(tmp_path / "evidence")
        codes.append(place.verger("resume", "--external-evidence-dir", evidence, **more).code)
    assert codes == [20, 0, 21, 22], place.verger("status").stdout
    show = f"{place.run_branch()}:src/adder.py"
    assert place.git("show", show) == "def add(a, b):\n    return a + b"
    lanes = {event.effect: event for event in place.events(AuditReturned)}
    assert not [event.problem for event in lanes.values() if event.problem]
    # Both found it, each by its own reading of the patch, and a fix round mended it.
    found = {effect: len(event.findings) for effect, event in lanes.items() if effect.startswith("02/a1/r0")}
    assert sorted(found.values()) == [1, 1]
    fixes = [event for event in place.events(WorkerReturned) if event.effect.startswith("02/a1/r1/fix")]
    assert [event.verdict for event in fixes] == ["implemented"]
    began = {event.effect for event in place.events(SessionBegan)}
    started = place.events(AgentStarted)
    assert {event.effect for event in started} == began
    assert {event.version for event in started} == {"0.169.0", "2.1.329"}
    cost = json.loads(place.verger("status", "--format", "json").stdout)["cost"]
    assert cost["run"]["tokens"] > 0 and cost["run"]["assumed_tokens"] == 0, cost
    assert cost["run"]["calls"] == len(started), cost
    keys = [asked.headers.get("authorization", asked.headers.get("x-api-key")) for asked in server.asked]
    assert set(keys) <= {"Bearer dummy", "dummy"}


def test_no_key_lies_in_any_file_of_a_run(tmp_path: Path) -> None:
    secret = "sk-a-key-that-nobody-may-keep-0123456789"
    with served(demo) as server:
        place = place_of(tmp_path, server.url, "codex")
        ran = place.verger(
            "run", "playbook.md", "--item", "01", "--max-items", "1", **dict.fromkeys(DUMMY, secret)
        )
    assert ran.code == 0, ran
    holders = [
        file for file in tmp_path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()
    ]
    assert holders == []
    assert json.loads(place.verger("status", "--format", "json").stdout)["passed"] == 1
