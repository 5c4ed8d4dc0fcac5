"""Who opens a watched file to write to it is noticed, however it is done; who only reads, or holds it already, is not.

Not here: what comes of it for an agent; see tests/journeys/test_lying_agents.py.
"""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from verger_kernel.process.openings import openings_watched
from verger_kernel.process.runner import Job, run

ADDING = "echo mine; echo forged >> /proc/$$/fd/1"
OF_A_CHILD = 'setsid sh -c "echo forged >> /proc/$$/fd/1" & wait'
STAYING = """
{ exec 9> /proc/$$/fd/1; echo forged >&9; echo opened >&2; exec sleep 300; } &
until [ -s /proc/$$/fd/2 ]; do sleep 0.01; done
"""
HONEST = "echo mine; sh -c 'echo theirs'; cat < /proc/$$/fd/1 > /dev/null"


@pytest.mark.parametrize("box", ["bare", "boxed"])
@pytest.mark.parametrize(
    ("program", "expected"), [(ADDING, True), (OF_A_CHILD, True), (STAYING, True), (HONEST, False)]
)
def test_a_second_hand_on_the_output_of_a_job_is_noticed(
    make_job: Callable[..., Job], boxed: Callable[..., Job], box: str, program: str, expected: bool
) -> None:
    job = (boxed if box == "boxed" else make_job)("bash", "-c", program)
    ended = anyio.run(run, job)
    assert (ended.exit_code, ended.reopened) == (0, expected)


def test_a_file_that_nobody_can_watch_is_not_known_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere:
        pass

    monkeypatch.setattr("ctypes.CDLL", lambda _name: Elsewhere())
    with (tmp_path / "file").open("w") as file, openings_watched(file.fileno()) as found:
        assert found.to_write() is None


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with (tmp_path / "file").open("w") as file, openings_watched(file.fileno()) as found:
        assert found.to_write() is False
        (tmp_path / "file").write_text("x")
        assert found.to_write() is True
    assert len(list(Path("/proc/self/fd").iterdir())) == before
