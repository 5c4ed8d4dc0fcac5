"""`supervise run` and `resume` as a person or a script has them: attached, detached, followed, refused, at a gate."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import evidenced, gated, item
from tests.doubles.workplace import wait_until

DECIDE = (
    "mark-manual-gate",
    "latest",
    "--item",
    "02",
    "--decision",
    "approved",
    "--by",
    "Ada",
    "--note",
    "ok",
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    """Items that pass, ask a person and ask for evidence."""
    rows = (item("01"), gated("02"), evidenced("03"), item("04", prerequisites="02"))
    with seated(tmp_path_factory.mktemp("plain"), rows=rows) as seat:
        seat.start()
        yield seat


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Seat]:
    """An item that goes on until it is released."""
    with seated(tmp_path) as seat:
        seat.start()
        yield seat


@contextmanager
def typed(seat: Seat, *argv: str) -> "Iterator[subprocess.Popen[str]]":
    """A command that goes on in the background, as a shell starts it."""
    process = subprocess.Popen(
        (sys.executable, "-P", "-m", "verger_client", "supervise", *argv),
        cwd=seat.place.repository,
        env=seat.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: "subprocess.Popen[str]", words: str) -> list[str]:
    """The lines of standard error up to the one that holds `words`."""
    assert process.stderr
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], f"{words!r} was never said: {lines}"
    return lines


def test_an_attached_run_shows_its_steps_and_ends_as_the_kernel_did(plain: Seat):
    done = plain.verger("supervise", "run", "playbook.md", "--item", "01", "--json")
    said = done.stderr.splitlines()
    assert (done.returncode, json.loads(done.stdout)["passed"]) == (0, ["01"])
    assert said[0].endswith("is at work, and watched")
    assert said[1:] == [line for line in said if line.startswith("01  ")]
    assert said[-1] == "01  passed"
    # The same again would show what happened before as well, were it not for where this began.
    again = plain.verger("supervise", "resume", "--follow")
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert lines[0]["type"] == "invocation.started"
    assert lines[-1]["type"] == "result"
    followed = plain.place.verger("status", "latest", "--follow").stdout.splitlines()
    assert again.stdout.splitlines() == followed[-len(lines) :]
    assert (again.returncode, lines[-1]["exit_code"]) == (20, 20)


@pytest.mark.sweep
def test_a_waiting_run_answers_with_its_code_while_the_daemon_stays(plain: Seat):
    done = plain.verger("supervise", "run", "playbook.md", "--item", "03")
    assert (done.returncode, "blocked_external" in done.stdout) == (21, True)
    assert plain.verger("supervise", "status", "--exit-code").returncode == 10
    # Nothing is stayed for longer than was said.
    parked = plain.verger("supervise", "resume", "--max-wait-seconds", "0.2")
    assert (parked.returncode, parked.stdout) == (75, "")
    assert "waited for 0.2 s" in parked.stderr


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("nowhere.md", "--next"), 4, "nowhere.md"),
        (("playbook.md", "--item", "nope"), 4, "has no item 'nope'"),
        (("playbook.md", "--item", "04"), 3, "waits for 02"),
        (("playbook.md",), 2, "--item --items --next"),
        (("playbook.md", "--next", "--detached"), 2, "does not know '--detached'"),
        (("playbook.md", "--item", "nope", "--detach"), 4, "has no item 'nope'"),
    ],
)
def test_what_the_kernel_refuses_leaves_nothing_and_is_said_in_its_words(
    plain: Seat, argv: tuple[str, ...], code: int, words: str
):
    def there() -> set[str]:
        folders = (plain.place.state, plain.runtime)
        return {str(path) for folder in folders for path in folder.rglob("*")}

    before = there()
    done = plain.verger("supervise", "run", *argv)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert "; hint: " in line
    wait_until(lambda: there() <= before)


def test_a_detached_run_can_be_come_back_to_and_ctrl_c_leaves_it_at_work(waiting: Seat):
    begun = waiting.verger("supervise", "run", "playbook.md", "--item", "01", "--detach")
    run = begun.stdout.strip()
    assert begun.returncode == 0
    assert f"verger supervise status {run}" in begun.stderr
    assert f"verger supervise resume {run}" in begun.stderr
    kernel = waiting.standing(run) and waiting.kernel()
    with typed(waiting, "resume", run) as attached:
        read_until(attached, f"attached to kernel {kernel}")
        attached.send_signal(signal.SIGINT)
        _, said = attached.communicate(timeout=20)
        assert attached.returncode == 130
        assert f"detached: run {run} goes on" in said
    assert waiting.kernel() == kernel
    # A kernel that is at work cannot be told more, and is not told it.
    more = waiting.verger("supervise", "resume", run, "--auto-advance")
    assert (more.returncode, "cannot be told --auto-advance any more" in more.stderr) == (3, True)
    with typed(waiting, "resume", run[:30]) as one, typed(waiting, "resume", "latest", "--follow") as other:
        read_until(one, "attached")
        read_until(other, "attached")
        waiting.release.touch()
        assert (one.wait(20), other.wait(20)) == (0, 0)
        assert one.stdout
        assert other.stdout
        assert "passed      01" in one.stdout.read()
        assert json.loads(other.stdout.read().splitlines()[-1])["state"] == "idle"


def test_who_waits_is_shown_the_question_and_the_end_once_somebody_decided_and_went_on(plain: Seat):
    with typed(plain, "run", "playbook.md", "--item", "02", "--wait") as waiting:
        asked = "".join(read_until(waiting, "to go on at once"))
        run = plain.place.run().root.name
        gate = plain.ask("gate.show", directory=str(plain.place.repository), run=run)
        assert gate["item_id"] == "02"
        assert f"look     git diff {gate['old']} {gate['new']}" in asked
        assert all(command in asked for command in gate["commands"])
        assert plain.place.verger(*DECIDE).code == 0
        gone_on = plain.verger(
            "supervise", "resume", run, "--external-evidence-dir", str(plain.place.evidence())
        )
        assert gone_on.returncode in (0, 21)
        assert waiting.wait(20) == gone_on.returncode


@pytest.mark.sweep
def test_a_gate_is_shown_to_a_person_at_a_terminal_who_then_has_the_prompt_again(plain: Seat):
    master, slave = os.openpty()
    with subprocess.Popen(
        (sys.executable, "-P", "-m", "verger_client", "supervise", "run", "playbook.md", "--item", "02"),
        cwd=plain.place.repository,
        env=plain.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=slave,
    ) as process:
        os.close(slave)
        shown = b""
        while b"--decision rejected" not in shown:
            shown += os.read(master, 4096)
        assert process.wait(20) == 20
    os.close(master)
    assert b"asks about item 02" in shown
    assert shown.count(b"verger mark-manual-gate") == 2
