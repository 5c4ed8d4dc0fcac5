"""Who may be at work beside whom, from what is at work and what its frozen policy says.

Not here: that a daemon keeps to it; see tests/journeys/test_parallel_runs.py.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from verger_daemon.company import allows_company, hindrance
from verger_kernel.rules.policy import AgentDefinition, Intention, Lanes, Policy
from verger_kernel.rules.policy_snapshot import Resolved, policy_snapshot


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Makes a run at work whose base commit allows company, or not; of a run that is being made nothing is known."""

    def made(name: str, allows: bool | None) -> Any:
        root = tmp_path / "repository" / "runs" / f"RUN_20260101T000000Z_{name * 32}"
        if allows is None:
            return SimpleNamespace(run_id=root.name, watch=SimpleNamespace(run_root=""))
        root.mkdir(parents=True)
        (root / "runtime_policy.json").write_bytes(frozen(allows))
        return SimpleNamespace(run_id=root.name, watch=SimpleNamespace(run_root=str(root)))

    return made


def frozen(allows: bool) -> bytes:
    """A frozen policy."""
    agent = AgentDefinition(kind="generic", command=("agent",))
    policy = Policy(
        agents={"a": agent, "b": agent},
        lanes=Lanes(worker="a", audit_a="a", audit_b="b"),
        intention=Intention(parallel_runs_allowed=allows, isolation="four_layer"),
    )
    resolved = Resolved(policy=policy, sources={}, ignored_environment=())
    return policy_snapshot(resolved, resolved_at_utc="", repository_file=None, overlay_file=None)


def root(run: Any) -> Path:
    return Path(run.watch.run_root)


def test_nobody_hinders_where_nobody_is_at_work(run: Any) -> None:
    assert hindrance([], None, parallel=1) == ""
    assert hindrance([], root(run("a", False)), parallel=1) == ""


def test_more_than_may_be_are_never_at_work(run: Any) -> None:
    both = [run("a", True), run("b", True)]
    assert hindrance(both, None, parallel=2).endswith("is at work")
    assert hindrance(both, None, parallel=3) == ""


@pytest.mark.parametrize(
    ("at_work", "joins", "why"),
    [
        ((True,), True, ""),
        ((True, True), True, ""),
        ((False,), True, "and its policy allows no company"),
        ((True, False), True, "and its policy allows no company"),
        ((True,), False, "allows no company"),
        ((None,), True, "is being made"),
    ],
)
def test_every_one_of_them_must_allow_company(
    run: Any, at_work: tuple[bool | None, ...], joins: bool, why: str
) -> None:
    others = [run(name, allows) for name, allows in zip("abc", at_work, strict=False)]
    said = hindrance(others, root(run("d", joins)), parallel=9)
    assert said.endswith(why) and bool(said) == bool(why)


@pytest.mark.parametrize("text", [b"", b"{", b'{"policy": {}}', b"\xff\xfe"])
def test_a_policy_that_cannot_be_read_allows_nothing(run: Any, text: bytes) -> None:
    made = run("a", True)
    assert allows_company(root(made))
    (root(made) / "runtime_policy.json").write_bytes(text)
    assert not allows_company(root(made))
    (root(made) / "runtime_policy.json").unlink()
    assert not allows_company(root(made))
