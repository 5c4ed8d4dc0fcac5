"""Agents that have sessions, cut short: by a limit, by a crash, by staying. They go on where they were.

Not here: the real programs; see tests/agents. These replay what was recorded of them.
"""

from pathlib import Path

import msgspec
import pytest
from tests.doubles.model_agents import replaying, table
from tests.doubles.sweeps import swept
from tests.doubles.trials import (
    RUN,
    TOLD,
    attempt_of,
    calls_of,
    escalated,
    passed,
    processes_of,
    state_of,
    trial,
)
from tests.doubles.workplace import Workplace

from verger_kernel.perform import listening
from verger_kernel.rules.events import AgentStarted, EffectParked, SessionBegan, WorkerReturned

KINDS = ("codex", "claude")
WRITE = ("write", "docs/01.md", "a note")
LIMITS = {"codex": "limit_headers", "claude": "limit"}


def place_of(root: Path, kind: str, *words: str) -> Workplace:
    """A place where `kind` does `words` as the worker."""
    root.mkdir(exist_ok=True)
    return trial(root / "place", agents={"worker": table(replaying(root, kind, *words))})


def half_done(place: Workplace) -> bool:
    """Whether the worker changed anything yet."""
    return (attempt_of(place).worktree / "docs" / "half.md").exists()


def said_all(place: Workplace) -> bool:
    """Whether the worker said its last word."""
    logs = attempt_of(place).root.glob("agents/execute*/stdout.log")
    return any(b"turn.completed" in log.read_bytes() or b'"result"' in log.read_bytes() for log in logs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_in_events_is_a_report_like_any_other(tmp_path: Path, kind: str) -> None:
    place = place_of(tmp_path, kind, *WRITE, "play", "ok")
    passed(place, place.verger(*RUN))
    (began,) = place.events(SessionBegan)
    first = place.events(AgentStarted)[0]
    assert began.effect == first.effect
    assert len(first.prompt_sha256) == 64 and first.version in ("0.169.0", "2.1.329")
    assert (first.session == began.session) is (kind == "claude")
    # What it kept for itself may hold secrets; it is over, so that is gone.
    call = attempt_of(place).call(began.effect)
    assert not any(entry.is_dir() for entry in call.agent.iterdir())
    assert not call.session.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_parks_and_the_same_session_goes_on_in_the_same_tree(tmp_path: Path, kind: str) -> None:
    words = ("write", "docs/half.md", "half", "play", LIMITS[kind], "then", *WRITE, "play", "ok")
    place = place_of(tmp_path, kind, *words)
    assert place.verger(*RUN).code == 75
    (parked,) = place.events(EffectParked)
    assert (parked.cause, parked.resets_utc_ms is not None) == ("limit", True)
    passed(place, place.verger("resume"))
    first, second = place.events(SessionBegan)
    assert first.session == second.session
    assert calls_of(place)[:2] == ["0/execute/t1", "0/execute/t2"]
    # Nothing that it did before was set back.
    assert place.git("show", f"{place.run_branch()}:docs/half.md") == "half"


@pytest.mark.parametrize("kind", swept(KINDS, every=2))
def test_after_a_crash_the_session_goes_on_and_no_turn_is_repeated(tmp_path: Path, kind: str) -> None:
    words = (*WRITE, "play", "hang" if kind == "codex" else "kill", "hang", "then", "play", "ok")
    place = place_of(tmp_path, kind, *words)
    with place.begun(*RUN, until=lambda: place.has_run() and bool(place.events(SessionBegan))):
        pass
    passed(place, place.verger("resume"))
    first, second = place.events(SessionBegan)
    assert first.session == second.session
    assert processes_of(place) == []


@pytest.mark.sweep
def test_before_its_session_began_a_call_counts_as_cut(tmp_path: Path) -> None:
    place = place_of(tmp_path, "codex", "write", "docs/half.md", "half", "hang")
    with place.begun(*RUN, until=lambda: place.has_run() and half_done(place)):
        pass
    words = replaying(tmp_path, "codex", *WRITE, "play", "ok")
    Path(tmp_path, "codex-0").write_bytes(Path(words.program).read_bytes())
    passed(place, place.verger("resume"))
    assert len(place.events(SessionBegan)) == 1
    assert "docs/half.md" not in place.git("ls-tree", "-r", "--name-only", place.run_branch())


@pytest.mark.parametrize("kind", swept(KINDS, every=2))
def test_an_answer_that_was_printed_before_a_crash_is_not_paid_again(tmp_path: Path, kind: str) -> None:
    place = place_of(tmp_path, kind, *WRITE, "play", "ok", "hang")
    with place.begun(*RUN, until=lambda: place.has_run() and said_all(place)):
        pass
    passed(place, place.verger("resume"))
    assert calls_of(place).count("0/execute/t1") == 1
    assert "0/execute/t2" not in calls_of(place)
    (returned,) = place.events(WorkerReturned)
    # Whether it was done, and who wrote that, nobody saw.
    assert returned.bill and returned.bill.usage and not returned.bill.whole


@pytest.mark.sweep
@pytest.mark.parametrize("kind", KINDS)
def test_one_that_stays_after_its_last_word_has_answered(tmp_path: Path, kind: str) -> None:
    place = place_of(tmp_path, kind, *WRITE, "play", "ok", "hang")
    assert listening.GRACE_S < 10
    passed(place, place.verger(*RUN))
    assert processes_of(place) == []


@pytest.mark.parametrize(
    ("kind", "case", "words"),
    [
        ("codex", "prose", "schema_bad: the last message is prose"),
        ("claude", "prose", "schema_bad: it ended well, but answered in prose"),
        ("codex", "context", "context_full: Codex ran out of room"),
        ("claude", "refusal", "refused: API Error"),
    ],
)
def test_no_answer_is_named_for_what_it_is(tmp_path: Path, kind: str, case: str, words: str) -> None:
    place = place_of(tmp_path, kind, "play", case)
    result = place.verger(*RUN)
    assert words in escalated(place, result).why


def test_another_version_than_the_policy_names_is_refused_before_anything_begins(tmp_path: Path) -> None:
    agent = table(msgspec.structs.replace(replaying(tmp_path, "codex", "play", "ok"), version="0.1.0"))
    place = trial(tmp_path / "place", agents={"worker": agent})
    result = place.verger(*RUN)
    assert result.code == 6
    assert "is version 0.169.0, the policy says 0.1.0" in result.stderr
    assert not place.has_run()


def test_a_lane_goes_on_in_its_session_and_the_other_is_not_asked_again(tmp_path: Path) -> None:
    reader = table(replaying(tmp_path, "claude", "play", "limit", "then", "play", "ok"))
    place = trial(tmp_path / "place", agents={"reader-a": reader})
    assert place.verger(*RUN).code == 75
    passed(place, place.verger("resume"))
    assert sorted(calls_of(place)) == ["0/audit-a/t1", "0/audit-a/t2", "0/audit-b/t1", "0/execute/t1"]
    assert len({began.session for began in place.events(SessionBegan)}) == 1
    assert state_of(place).park is None


def test_the_users_own_configuration_is_not_read_and_so_not_refused(tmp_path: Path) -> None:
    replayed = table(replaying(tmp_path, "codex", *WRITE, "play", "ok"))
    place = trial(tmp_path / "place", 'stage = "audit"', agents={"worker": replayed} | TOLD)
    (place.home / ".codex").mkdir()
    (place.home / ".codex" / "config.toml").write_text("sandbox_mode = 'danger-full-access'\n")
    passed(place, place.verger(*RUN))


def test_nothing_of_the_agents_home_is_the_users(tmp_path: Path) -> None:
    place = place_of(tmp_path, "claude", *WRITE, "play", "ok")
    passed(place, place.verger(*RUN))
    assert not (place.home / ".claude").exists() and not (place.home / "projects").exists()
