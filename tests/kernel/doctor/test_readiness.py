"""What is looked at before a night: logins and secrets of agents, and the clock.

Not here: what a kind of agent says of its login; see tests/kernel/agents.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from verger_kernel.agents import generic
from verger_kernel.clock import now
from verger_kernel.disk.layout import StateFolder
from verger_kernel.doctor.readiness import readiness
from verger_kernel.process import redaction
from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy
from verger_kernel.rules.prices import Price


def policy(**secrets: str) -> Policy:
    agent = AgentDefinition(kind="generic", command=("coder",), env=("ACCOUNT",), secrets=secrets)
    reader = AgentDefinition(kind="scripted", scenario="s.toml")
    return Policy(
        agents={"coder": agent, "reader": reader, "critic": reader},
        lanes=Lanes(worker="coder", audit_a="reader", audit_b="critic"),
    )


def found(policy: Policy, environ: dict[str, str], state: Path | None = None) -> dict[str, str]:
    """What is wrong, by check."""
    folder = StateFolder(state) if state else None
    return {one.name: one.detail for one in readiness(policy, environ, folder) if one.status != "ok"}


@pytest.fixture(autouse=True)
def nothing_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_passed", {})


def test_what_is_ready_is_not_mentioned() -> None:
    assert found(policy(CODER_KEY="env:MINE"), {"MINE": "long enough"}) == {}


def test_a_secret_that_cannot_be_had_is_named_and_its_value_never(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff" * 9)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    told = {
        "env:MINE": "the variable MINE is not set; set it, then resume",
        "env:SHORT": "it has not 8 to 16384 bytes; mend env:SHORT",
        f"file:{tmp_path}/none": "No such file or directory; put it there",
        f"file:{tmp_path}/link": "Too many levels of symbolic links; put it there",
        f"file:{tmp_path}": "run `chmod 600` on it",
        f"file:{tmp_path}/key": "is no UTF-8 text",
    }
    for reference, words in told.items():
        said = found(policy(CODER_KEY=reference), {"SHORT": "pw12345"})
        assert list(said) == ["agent_secrets"]
        assert said["agent_secrets"].startswith("agent 'coder': secret CODER_KEY ")
        assert said["agent_secrets"].endswith(words)
        assert "pw12345" not in said["agent_secrets"]


def test_a_lost_login_is_told_by_the_agents_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    def login(agent: AgentDefinition, environment: dict[str, str]) -> str:
        asked.append(dict(environment))
        return "its key has expired"

    monkeypatch.setattr(generic, "login", login)
    environ = {"MINE": "long enough", "ACCOUNT": "a", "OTHER": "b", "PATH": "/bin"}
    said = found(policy(CODER_KEY="env:MINE"), environ)
    assert said == {"agent_logins": "agent 'coder' would not be let in: its key has expired"}
    assert asked == [{"ACCOUNT": "a", "CODER_KEY": "long enough", "PATH": "/bin"}]


@pytest.mark.parametrize(("ahead_s", "is_behind"), [(-5, False), (30, False), (90, True)])
def test_a_clock_behind_what_was_recorded_is_told(tmp_path: Path, ahead_s: int, is_behind: bool) -> None:
    for name, text in (
        ("RUN_1", f'{{"updated_utc_ms": {now().utc_ms + ahead_s * 1000}}}'),
        ("RUN_2", "half"),
    ):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run_state.json").write_text(text)
    said = found(policy(), {}, tmp_path)
    assert list(said) == (["clock"] if is_behind else [])
    assert not is_behind or "s behind the newest record" in said["clock"]


@pytest.mark.parametrize("budget", [{"budget_usd": "20.00"}, {"item_budget_usd": "5.00"}])
def test_a_model_without_a_price_is_named_where_dollars_are_bounded(budget: dict[str, str]) -> None:
    agent = AgentDefinition(kind="codex", model="gpt-of-tomorrow", key="KEY")
    plain = replace(policy(), agents=policy().agents | {"coder": agent})
    environ = {"KEY": "long enough"}
    assert found(plain, environ) == {}
    said = found(replace(plain, **budget), environ)
    assert said == {
        "agent_prices": "agent 'coder': nobody knows what 'gpt-of-tomorrow' costs; "
        "each call counts as what is held back for it"
    }
    price = Price(input_usd="1.00", cached_usd="0.10", output_usd="2.00")
    assert found(replace(plain, prices={"gpt-of-*": price}, **budget), environ) == {}
