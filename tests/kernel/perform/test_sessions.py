"""Which session a try goes on in: the newest that began in this boot and that its agent kept.

Not here: whole runs that are cut short; see tests/journeys/test_sessions.py.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.doubles.model_agents import replaying
from tests.doubles.tasks import task, turn

from verger_kernel.agents import codex
from verger_kernel.agents.base import Turn
from verger_kernel.agents.registry import adapter_of
from verger_kernel.disk.layout import CallFolder
from verger_kernel.perform import sessions
from verger_kernel.rules.ids import EffectId


def began(root: Path, name: str, session: str, said: str = "===== BEGIN 0f =====") -> CallFolder:
    """The folder of a try in which codex kept `said` of `session`."""
    folder = CallFolder(root / name, root / f"{name}.json")
    record = folder.agent / "codex" / "sessions" / "2026" / "11" / "22" / f"rollout-x-{session}.jsonl"
    record.parent.mkdir(parents=True)
    record.write_text(said)
    sessions.keep(folder, session)
    return folder


def fresh(root: Path) -> Turn:
    """A start that continues nothing yet."""
    return turn(replaying(root, "codex"), task(folder=root))


def test_the_newest_try_comes_first() -> None:
    assert sessions.earlier(EffectId("01/a1/r0/execute/t3")) == (
        "01/a1/r0/execute/t2",
        "01/a1/r0/execute/t1",
    )
    assert sessions.earlier(EffectId("01/a1/r0/execute/t1")) == ()


def test_it_goes_on_in_the_newest_that_can(tmp_path: Path) -> None:
    old, empty = began(tmp_path, "t1", "s-1"), began(tmp_path, "t2", "s-2", said="")
    found = sessions.continued(codex, fresh(tmp_path), (empty, old))
    assert found and (found.session, found.continues, found.folder) == ("s-1", True, old.agent)
    new = began(tmp_path, "t3", "s-3")
    found = sessions.continued(codex, fresh(tmp_path), (new, empty, old))
    assert found and found.session == "s-3"


def test_a_session_of_an_earlier_boot_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = began(tmp_path, "t1", "s-1")
    monkeypatch.setattr(sessions, "boot_id", lambda: "another")
    assert sessions.continued(codex, fresh(tmp_path), (old,)) is None


def test_nor_is_one_that_was_forgotten_or_garbled(tmp_path: Path) -> None:
    old = began(tmp_path, "t1", "s-1")
    old.session.write_bytes(b"{")
    assert sessions.continued(codex, fresh(tmp_path), (old,)) is None
    sessions.keep(old, "s-1")
    sessions.forget(old)
    assert sessions.continued(codex, fresh(tmp_path), (old,)) is None


def test_what_the_agent_left_goes_along_even_where_the_move_was_cut(tmp_path: Path) -> None:
    old = began(tmp_path, "t1", "s-1")
    new = CallFolder(tmp_path / "t2", tmp_path / "t2.json")
    (new.agent / "half").mkdir(parents=True)
    found = sessions.continued(codex, fresh(tmp_path), (old,))
    assert found
    taken = sessions.take_over(found, new)
    assert taken.folder == new.agent and codex.can_continue(taken)
    assert not old.agent.exists() and not (new.agent / "half").exists()
    # The next try finds it there, though the one that took it over never began.
    again = sessions.continued(codex, fresh(tmp_path), (new, old))
    assert again and again.folder == new.agent


def test_of_what_it_kept_for_itself_nothing_stays_and_no_link_is_followed(tmp_path: Path) -> None:
    folder = began(tmp_path, "t1", "s-1")
    (tmp_path / "outside").mkdir()
    (folder.agent / "away").symlink_to(tmp_path / "outside")
    (folder.agent / "answer.json").write_text("{}")
    sessions.clear(folder.agent)
    assert sorted(path.name for path in folder.agent.iterdir()) == ["answer.json", "away"]
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_a_pipe_in_the_place_of_a_session_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    start = turn(replaying(tmp_path, kind), task(folder=tmp_path))
    place = {
        "codex": "codex/sessions/2026/11/22/rollout-x-s-1.jsonl",
        "claude": "claude/projects/x/s-1.jsonl",
    }
    record = start.folder / place[kind]
    record.parent.mkdir(parents=True)
    os.mkfifo(record)
    assert not adapter_of(kind).can_continue(replace(start, session="s-1"))
