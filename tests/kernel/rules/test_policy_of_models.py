"""What an agent of each kind must have, and may not have.

Not here: the form of a single value; see tests/kernel/settings.
"""

import pytest

from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy
from verger_kernel.rules.runnable import PolicyRefusal, check

GOOD = {
    "generic": {"command": ("a",)},
    "scripted": {"scenario": "a"},
    "codex": {"model": "m", "key": "K"},
    "claude": {"model": "m", "key": "ANTHROPIC_API_KEY"},
}


def judged(kind: str, **fields: object) -> str:
    """Why a policy with such an agent is refused, empty if it is not."""
    agent = AgentDefinition(kind=kind, **fields)  # type: ignore[arg-type]
    others = {name: AgentDefinition(kind="generic", command=("x",)) for name in "ab"}
    policy = Policy(agents=others | {"w": agent}, lanes=Lanes(worker="w", audit_a="a", audit_b="b"))
    try:
        check(policy)
    except PolicyRefusal as refusal:
        assert refusal.hint
        return str(refusal)
    return ""


@pytest.mark.parametrize("kind", GOOD)
def test_an_agent_that_has_what_its_kind_needs_is_let_through(kind: str) -> None:
    assert judged(kind, **GOOD[kind]) == ""


@pytest.mark.parametrize("kind", GOOD)
def test_what_a_kind_needs_must_be_there(kind: str) -> None:
    needed = next(iter(GOOD[kind]))
    assert judged(kind, **GOOD[kind] | {needed: ""}) == f"agent 'w' of kind {kind} has no {needed}"


@pytest.mark.parametrize(
    ("kind", "idle"),
    [
        ("generic", "model"),
        ("scripted", "key"),
        ("codex", "command"),
        ("claude", "login"),
        ("claude", "resume"),
    ],
)
def test_what_a_kind_does_not_use_is_refused_not_passed_over(kind: str, idle: str) -> None:
    assert judged(kind, **GOOD[kind] | {idle: "x"}) == f"agent 'w' of kind {kind} does not use {idle}"


@pytest.mark.parametrize("fields", [{"key": ""}, {"login": "~/auth.json"}])
def test_codex_has_one_way_in(fields: dict[str, str]) -> None:
    assert "needs either key or login" in judged("codex", **GOOD["codex"] | fields)


@pytest.mark.parametrize("key", ["", "MY_KEY"])
def test_claude_looks_for_its_key_in_its_own_variables_only(key: str) -> None:
    assert "needs key, the variable that lets it in" in judged("claude", **GOOD["claude"] | {"key": key})
