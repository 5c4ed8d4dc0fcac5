"""Which output belongs to what: of a trial at work above all, whose commands all write to one place in turn."""

import os
from pathlib import Path

import pytest
from tests.doubles.saved_run import save_run
from tests.doubles.walk import Walk, facts, walk

from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.lines import Step
from verger_kernel.following.sources import LIVE, Commands, Sources
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s

COMMANDS = Commands(setup=("npm ci",), required=("one", "two"), suggested=())
PLAIN = COMMANDS._replace(setup=())


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return save_run(tmp_path)


def at_work(folder: RunFolder, commands: Commands) -> Sources:
    """The sources of item 01 while its first trial is at work."""
    sources = Sources(folder, "01", commands)
    sources.take(step(walk(facts("01")).until(s.Verifying)))
    return sources


def step(walked: Walk) -> Step:
    event = e.InvocationStarted(
        invocation="two", pid=1, start_ticks=1, request=e.Request(kind="resume"), swept=0
    )
    return Step(walked.state, event, walked.state)


def kept(folder: RunFolder, name: str, at_s: int) -> None:
    wrote(folder.attempt("01", 1).logs(0) / f"green-required-{name}.log", at_s)


def live(folder: RunFolder, at_s: int) -> None:
    wrote(folder.trial / LIVE, at_s)


def wrote(path: Path, at_s: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("words\n")
    os.utime(path, (at_s, at_s))


def who(sources: Sources) -> list[str]:
    return [source.who for source in sources.found()]


def test_what_is_written_now_belongs_to_the_first_command_without_a_log(folder: RunFolder) -> None:
    sources = at_work(folder, PLAIN)
    live(folder, 10)
    first = sources.found()
    assert [source.who for source in first] == ["one"]
    kept(folder, "01", 20)
    live(folder, 30)
    assert who(sources) == ["one", "two"]
    # What was live is kept now, under the same key: it is not told twice.
    assert sources.found()[0].key == first[0].key
    assert sources.found()[0].path != first[0].path


def test_what_was_kept_a_moment_ago_is_not_taken_for_the_next_command(folder: RunFolder) -> None:
    sources = at_work(folder, PLAIN)
    live(folder, 10)
    kept(folder, "01", 20)
    assert who(sources) == ["one"]


def test_setup_comes_before_the_commands_unless_a_layer_spared_it(folder: RunFolder) -> None:
    sources = at_work(folder, COMMANDS)
    live(folder, 10)
    assert who(sources) == ["the first command"]
    kept(folder, "setup-01", 20)
    live(folder, 30)
    assert who(sources) == ["setup npm ci", "one"]
    (folder.attempt("01", 1).logs(0) / "green-required-setup-01.log").unlink()
    kept(folder, "01", 40)
    live(folder, 50)
    assert who(sources) == ["one", "two"]


def test_an_attempt_hides_the_one_before_unless_it_was_asked_for(folder: RunFolder) -> None:
    at = walk(facts("01")).until(s.Working)
    (effect,) = at.state.outstanding
    for wanted, expected in ((None, 2), (1, 1)):
        sources = Sources(folder, "01", PLAIN, wanted)
        for attempt in (1, 2):
            name = type(effect.id)(effect.id.replace("/a1/", f"/a{attempt}/"))
            began = e.AgentStarted(effect=name, agent="worker", session="", files="")
            sources.take(Step(at.state, began, at.state))
        assert sources.attempt == expected


def test_a_trial_of_another_item_is_not_taken(folder: RunFolder) -> None:
    at = walk(facts("02")).until(s.Verifying)
    assert any(isinstance(effect, f.RunCommands) for effect in at.state.outstanding)
    sources = Sources(folder, "01", PLAIN)
    sources.take(step(at))
    assert (sources.attempt, sources.found()) == (0, [])
