"""`make test-agents` says what it could not try, and why, and never that it passed.

Not here: what it tries; see tests/agents.
"""

import json
from pathlib import Path

import pytest
from tests.agents import run


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it writes down what came of it; nothing is installed there."""
    monkeypatch.setattr(run, "INTO", tmp_path / "agents")
    monkeypatch.setattr(run, "RESULT", tmp_path / "agents.json")
    return tmp_path / "agents.json"


def test_without_npm_it_says_so(
    result: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run.main([]) == 0
    assert "skipped: @openai/codex and @anthropic-ai/claude-code were not tried: npm is not on PATH" in (
        capsys.readouterr().out
    )
    told = json.loads(result.read_bytes())
    assert (told["passed"], told["failed"], told["skipped"]) == (0, 0, 2)
    assert "npm is not on PATH" in told["why"]


def test_without_a_network_namespace_it_says_so(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "version_in", run.PACKAGES.__getitem__)
    monkeypatch.setattr(run, "NAMESPACE", ("false",))
    assert run.main([]) == 0
    assert "makes no network namespace" in json.loads(result.read_bytes())["why"]


def test_every_failure_and_error_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = "<testcase/><testcase><failure/></testcase><testcase><error/></testcase><testcase><skipped/></testcase>"
    monkeypatch.setattr(run, "JUNIT", tmp_path / "junit.xml")
    run.JUNIT.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert run.counted() == {"passed": 1, "failed": 2, "skipped": 1}
