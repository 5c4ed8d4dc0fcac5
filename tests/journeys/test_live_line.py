"""The line at the foot of a terminal: what it says, that it never breaks anything, and that it is gone afterwards."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.doubles.terminal import at_terminal
from tests.doubles.trials import RUN, processes_below, shell, trial
from tests.doubles.workplace import Workplace

from verger_kernel.width import width

TALKING = 'echo words; until test -e "$HOME/go"; do sleep 0.01; done; exec $AGENT write docs/01.md "a note"'
_UNLIKE = re.compile(r"[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def nobody_outlives_a_failed_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_below(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def talking(root: Path) -> Workplace:
    return trial(root, agents={"worker": shell(TALKING)})


def same(lines: list[str]) -> list[str]:
    """The lines without what differs from run to run; the lanes' own in a fixed order."""
    return sorted(_UNLIKE.sub("…", line) for line in lines if line)


def test_it_says_what_is_waited_for_is_redrawn_and_leaves_only_what_stays(tmp_path: Path) -> None:
    place = talking(tmp_path)
    with at_terminal(place, *RUN, columns=40) as terminal:
        terminal.until("execute: worker, 1 s, out…")
        (place.home / "go").touch()
        assert terminal.end() == 0
    assert any("audit a, b: reader-" in frame for frame in terminal.frames())
    stays = trial(tmp_path / "plain", agents={"worker": shell(TALKING)})
    (stays.home / "go").touch()
    plain = stays.verger(*RUN, TERM="xterm")
    # Without a terminal no control character is ever written.
    assert not re.search(r"[^\x20-\x7e\n]", plain.stderr)
    assert same(terminal.screen()) == same(plain.stderr.splitlines())
    redrawn = [frame for frame in terminal.frames() if _UNLIKE.sub("…", frame) not in same(terminal.screen())]
    assert redrawn
    assert all(width(frame) < 40 for frame in redrawn)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with at_terminal(talking(tmp_path), *RUN) as terminal:
        terminal.until("execute: worker, ")
        terminal.process.send_signal(number)
        assert terminal.end() == code
    assert terminal.screen()[-1] == ""
    assert "execute: worker, " in terminal.frames()[-2]


def test_what_a_program_reads_on_the_same_terminal_is_not_broken_by_it(tmp_path: Path) -> None:
    with at_terminal(trial(tmp_path), *RUN, "--follow", out=True) as terminal:
        assert terminal.end() == 0
    assert "\x1b[K" not in terminal.shown
    assert '{"type":"result"' in terminal.shown
