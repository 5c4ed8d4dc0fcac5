"""What is typed after `verger supervise` is taken apart: what is ours, what is the kernel's, and what is nobody's."""

import os
from pathlib import Path

import pytest

from verger_client.words import Usage, Words


def words(*argv: str) -> Words:
    return Words(["supervise", *argv])


@pytest.mark.parametrize(
    ("argv", "run", "rest"),
    [
        (["run", "p.md", "--next", "--detach"], "", ["p.md", "--next"]),
        (["run", "--item", "--wait", "p.md"], "", ["--item", "--wait", "p.md"]),
        (["run", "p.md", "--detached", "--waiting=1"], "", ["p.md", "--detached", "--waiting=1"]),
        (["run", "--next", "--", "-p.md"], "", ["--next", "./-p.md"]),
        (["run", "p.md", "--run-id", "RUN_1"], "", ["p.md", "--run-id", "RUN_1"]),
        (["resume"], "", []),
        (["resume", "RUN_1", "--wait", "--auto-advance"], "RUN_1", ["--auto-advance"]),
        (["resume", "--max-items", "3", "RUN_1"], "RUN_1", ["--max-items", "3"]),
        (["resume", "--run-id=RUN_1", "--max-items=3"], "RUN_1", ["--max-items=3"]),
        (["resume", "--external-evidence-dir", "latest"], "", ["--external-evidence-dir", "latest"]),
        (["resume", "--", "RUN_1"], "RUN_1", []),
        (["status", "--run-id", "RUN_1"], "RUN_1", []),
    ],
)
def test_our_options_are_taken_and_all_else_is_the_kernels(argv: list[str], run: str, rest: list[str]):
    found = words(*argv)
    assert (found.run, found.rest) == (run, rest)


def test_a_folder_may_stand_before_and_after_and_be_called_as_the_command_is(tmp_path: Path):
    (tmp_path / "supervise" / "inner").mkdir(parents=True)
    argv = ["-C", str(tmp_path), "-C", "supervise", "supervise", "status", "-C", "inner"]
    assert Words(argv).directory == str(tmp_path / "supervise" / "inner")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "one of run, resume, status"),
        (["walk"], "'walk' is no verb"),
        (["status", "one", "two"], "name one run"),
        (["status", "--runs"], "does not know '--runs'"),
        (["status", "--format", "xml"], "text or json, not 'xml'"),
        (["status", "--format"], "--format needs a value"),
        (["status", "-C"], "no folder"),
        (["list", "RUN_1"], "takes no run"),
        (["run", "p.md", "--detach=no"], "--detach takes no value"),
        (["run", "p.md", os.fsdecode(b"--item=\xff")], "UTF-8"),
        (["run", "p.md", "--heartbeat-interval-sec", "3"], "VERGERD_PROBE_INTERVAL_MS"),
        (["resume", "--live-probe-interval-sec=3"], "probe_interval_ms in daemon.toml"),
        (["run", "p.md", "--probe-ack-deadline-sec", "1"], "VERGERD_ACK_DEADLINE_MS"),
        (["resume", "--max-auto-resume-attempts", "2"], "recoveries_max in daemon.toml"),
        (["run", "p.md", "--evidence-inbox-dir", "in"], "inbox/ITEM below it"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(argv: list[str], why: str):
    with pytest.raises(Usage) as refused:
        words(*argv)
    assert why in str(refused.value)
