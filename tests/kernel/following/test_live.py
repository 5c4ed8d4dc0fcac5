"""What is written to a terminal of one kind or another, and what the loop never waits for.

Not here: whole runs at a terminal; see tests/journeys/test_live_line.py.
"""

import os
import pty
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest
from tests.doubles.saved_run import save_run
from tests.doubles.walk import facts, walk

from verger_kernel.following.live import LiveLine
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s

AT_WORK = walk(facts("01")).until(s.Working).state
STARTED = e.AgentStarted(effect=AT_WORK.outstanding[0].id, agent="claude", session="", files="")
_MARK = "¦"


@dataclass
class Screen:
    """A terminal; `stream` is the program's end of it."""

    master: int
    stream: TextIO

    def shown(self) -> str:
        """What was written since the last look."""
        # A terminal passes on what it got a moment later, but in order.
        self.stream.write(_MARK)
        self.stream.flush()
        found = b""
        while not found.endswith(_MARK.encode()):
            found += os.read(self.master, 1 << 16)
        return found.decode().removesuffix(_MARK)


@pytest.fixture
def screen() -> Iterator[Screen]:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream:
        yield Screen(master, stream)
    os.close(master)


def live(screen: Screen, root: Path, **environ: str) -> LiveLine:
    """A live line that waits for the worker of item 01."""
    line = LiveLine(screen.stream, {"TERM": "xterm", **environ})
    line.watch(save_run(root), STARTED, AT_WORK)
    return line


def test_what_stays_is_written_where_the_live_line_stood_and_that_below_it_again(
    screen: Screen, tmp_path: Path
) -> None:
    line = live(screen, tmp_path)
    waits = screen.shown()
    assert waits == "01  round 0  execute: claude, 0 s, no output yet"
    line.tell("first\nsecond")
    assert screen.shown() == f"\r\x1b[Kfirst\r\nsecond\r\n{waits}"
    line.end()
    assert screen.shown() == "\r\x1b[K"
    line.tell("last")
    assert screen.shown() == "last\r\n"


ENDS = {
    "01  passed": "32",
    "01  awaits a person": "33",
    "01  blocked: no evidence": "33",
    "01  escalated: too bad": "31",
}


@pytest.mark.parametrize(("said", "colour"), ENDS.items())
def test_how_an_item_ended_has_a_colour_unless_the_user_wants_none(
    screen: Screen, tmp_path: Path, said: str, colour: str
) -> None:
    live(screen, tmp_path).tell(said)
    assert f"\x1b[{colour}m{said}\x1b[0m\r\n" in screen.shown()
    live(screen, tmp_path, NO_COLOR="1").tell(said)
    assert f"\x1b[K{said}\r\n" in screen.shown()
    live(screen, tmp_path, NO_COLOR="").tell(said)
    assert f"\x1b[{colour}m" in screen.shown()


def test_what_an_agent_says_has_none(screen: Screen, tmp_path: Path) -> None:
    live(screen, tmp_path).tell("01  round 0  passed")
    assert "\x1b[3" not in screen.shown()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_gets_lines_alone(screen: Screen, tmp_path: Path, term: str) -> None:
    environ = {"TERM": term} if term else {}
    line = LiveLine(screen.stream, environ)
    line.watch(save_run(tmp_path), STARTED, AT_WORK)
    line.tell("01  passed")
    line.end()
    assert screen.shown() == "01  passed\r\n"


def test_a_terminal_that_its_user_stopped_is_not_waited_for(screen: Screen, tmp_path: Path) -> None:
    line = live(screen, tmp_path)
    assert screen.shown()
    termios.tcflow(screen.stream.fileno(), termios.TCOOFF)
    line.watch(save_run(tmp_path), STARTED, AT_WORK)
    termios.tcflow(screen.stream.fileno(), termios.TCOON)
    assert screen.shown() == ""
    line.watch(save_run(tmp_path), STARTED, AT_WORK)
    assert screen.shown().startswith("\r\x1b[K01  round 0  execute")


def test_nobody_who_looks_any_more_ends_no_run(screen: Screen, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        LiveLine(stream, {"TERM": "xterm"}).tell("words")
        os.dup2(screen.stream.fileno(), writing)
