"""Each line that docs/protocol.md tells people to type is answered by a real daemon, as the page says.

Not here: that the page is that of the types; see tests/daemon/protocol/test_published.py.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import gated, item
from tests.doubles.sessions import steps
from tests.doubles.workplace import wait_until

from verger_daemon.protocol.methods import METHODS
from verger_probes.identity import start_ticks

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    not shutil.which("socat"), reason="socat is not installed: apt-get install socat"
)


def at_work(seat: Seat) -> None:
    """The run that was begun is in the midst of its item."""
    seat.standing("latest")


def stopped(seat: Seat) -> None:
    """The run can be resumed."""
    at_work(seat)
    seat.ask("run.stop", directory=str(seat.place.repository), run="latest")
    seat.until("snapshot_only")


def waiting(seat: Seat) -> None:
    """A run waits for a person."""
    seat.begin("playbook.md", "--item", "02")
    seat.until("waiting_state_observed")


BEFORE: dict[str, Callable[[Seat], None]] = {
    "run.resume": stopped,
    "run.status": at_work,
    "gate.list": waiting,
}
"""What must be so before the line of a method is typed, where the lines above did not make it so."""


def test_every_line_of_the_page_is_answered_with_what_the_page_describes(tmp_path: Path) -> None:
    # A runtime folder and a repository with the names that the page uses; the second item waits for a person.
    rows = (
        item("01", required_verification_commands=f"`sh wait.sh {tmp_path / 'place' / 'release'}`"),
        gated("02"),
    )
    with seated(tmp_path, rows=rows) as seat:
        daemon = seat.start()
        lines = [step.command for step in steps(PAGE)]
        for method, line in zip(METHODS.values(), lines, strict=True):
            BEFORE.get(method.name, lambda _: None)(seat)
            said = typed(seat, line)
            answer = said[0]
            assert "result" in answer, (method.name, answer)
            msgspec.convert(answer["result"], method.result)
            if method.subscribes:
                assert [one["method"] for one in said[1:]] == ["event"] * len(said[1:])
                assert said[1:], method.name
        # The last line was to make it leave.
        wait_until(lambda: seat.process is not None and seat.process.poll() is not None)
        assert not start_ticks(daemon)


def typed(seat: Seat, line: str) -> list[dict[str, object]]:
    """What is said when a person types `line` in the repository."""
    done = subprocess.run(
        ("sh", "-c", line),
        cwd=seat.place.repository,
        env=seat.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [json.loads(one) for one in done.stdout.splitlines()]


def test_the_page_has_a_line_of_its_own_for_each_method() -> None:
    assert re.findall(r"^### (.*\..*|initialize)$", PAGE, re.MULTILINE) == list(METHODS)
    assert all(step.command.count("\n") == 0 for step in steps(PAGE))
