"""A supervised kernel carries a run as any other does, and its loop answers all the time.

Not here: single answers and peers (test_answering.py), the greeting (test_greeting.py).
"""

import hashlib
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles import watched_loop
from tests.doubles.asking import Asker, Delays, Line, asker, ended, supervised
from tests.doubles.notes import item
from tests.doubles.sweeps import swept
from tests.doubles.trials import (
    GOOD,
    PASSING,
    is_running,
    passed,
    processes_below,
    processes_of,
    replay,
    shell,
    state_of,
    trial,
)
from tests.doubles.workplace import Result, Workplace, wait_until, workplace

from verger_kernel.rules.events import InvocationEnded, InvocationStarted
from verger_probes.rules.probe import Ack, ask

ASKED_EACH_S = 0.005
LAG_MS_MAX = 20.0
HANGING = 'stage = "execute"\nsteps = [{ do = "spawn" }, { do = "hang" }]'
SLOW_GIT = """\
#!/bin/sh
touch "$HOME/there"
until test -e "$HOME/go"; do sleep 0.01; done
exec {git} "$@"
"""


@pytest.fixture(autouse=True)
def nobody_outlives_a_failed_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_below(tmp_path):
        os.kill(pid, signal.SIGKILL)


def result(kernel: Asker) -> Result:
    assert kernel.process
    code, err = ended(kernel.process)
    return Result(code, "", err)


def asked_to_the_end(kernel: Asker) -> Iterator[tuple[Ack, float]]:
    """Answers until the kernel ends, with their milliseconds; less those for which a processor was waited for."""
    line = Line(kernel.path)
    while True:
        ours, theirs = Delays(os.getpid()), Delays(kernel.pid)
        began = time.perf_counter_ns()
        try:
            ack = kernel.asked(line)
        except Exception:
            assert line.closed
            return
        took = time.perf_counter_ns() - began
        yield ack, (took - ours.since_ns() - theirs.since_ns()) / 1e6
        # Nobody to wait for: this is how often is asked.
        select.select((), (), (), ASKED_EACH_S)


def slow_moments(root: Path) -> list[str]:
    """What kept the loop of a whole run, or its answers, for too long; asserts that the run was answered for."""
    place, told = workplace(root, rows=[item("01"), item("02")]), root / "loop"
    program = (watched_loop.__file__,)
    with asker() as orders:
        words = (*orders.words[:-2], "--items", "01,02")
        kernel_of = supervised(place, *words, orders=orders, program=program, WATCHED_LOOP=str(told))
        with kernel_of as kernel:
            answers, code = list(asked_to_the_end(kernel)), result(kernel).code
            assert not kernel.path.exists()
    assert code == 0
    assert len(answers) > 50
    stages = [ack.active_stage.stage_name for ack, _ in answers if ack.active_stage]
    # Its end is so short that it may fall between two questions.
    assert {"execute", "verify", "audit"} <= set(stages)
    assert [one.journal_seq for one, _ in answers] == sorted(one.journal_seq for one, _ in answers)
    (started,) = place.events(InvocationStarted)
    assert (started.invocation, started.pid) == (kernel.invocation, kernel.pid)
    assert place.events(InvocationEnded)[0].invocation == kernel.invocation
    # A wait for a processor counts for nothing, here as well.
    steps = [json.loads(line) for line in told.read_text().splitlines()]
    return [
        *(f"answer {one.journal_seq}: {ms:.1f} ms" for one, ms in answers if ms >= LAG_MS_MAX),
        *(f"step {step}" for step in steps if step[0] - step[1] > LAG_MS_MAX),
    ]


def test_a_whole_run_is_answered_for_and_nothing_keeps_the_loop(tmp_path: Path) -> None:
    # What the kernel does keeps its loop in every run; what a hypervisor takes from this machine, in one or another.
    slow = [slow_moments(tmp_path / "0")]
    while slow[-1] and len(slow) < 6:
        slow.append(slow_moments(tmp_path / str(len(slow))))
    assert not slow[-1], slow


def test_an_answer_is_about_the_very_files_and_each_record_is_hinted_at(tmp_path: Path) -> None:
    waits = 'until test -e "$HOME/go"; do sleep 0.01; done; exec $AGENT write docs/01.md "a note"'
    place = trial(tmp_path, agents=PASSING | {"worker": shell(waits)})
    with supervised(place) as kernel:
        line = Line(kernel.path)
        wait_until(lambda: bool(kernel.asked(line).doing) and kernel.asked(line).journal_seq == 5)
        ack, folder = kernel.asked(line), place.run()
        assert folder.root.name == kernel.run_id
        assert ack.run_root == str(folder.root)
        assert ack.run_state_sha256 == hashlib.sha256(folder.run_state.read_bytes()).hexdigest()
        assert (ack.journal_seq, ack.journal_head) == (
            state_of(place).journal_seq,
            state_of(place).journal_head,
        )
        (place.home / "go").touch()
        hints = []
        while said := line.line():
            hints.append(said)
        passed(place, result(kernel))
        last = state_of(place).journal_seq
        assert hints == [b"moved %d\n" % seq for seq in range(6, last + 1)]


@pytest.mark.sweep
def test_who_never_proved_itself_gets_no_hint(tmp_path: Path) -> None:
    place = trial(tmp_path)
    with supervised(place) as kernel:
        line = Line(kernel.path)
        passed(place, result(kernel))
        assert line.line() == b""


def test_a_kernel_that_is_stopped_answers_nobody_and_goes_on_when_it_is_continued(tmp_path: Path) -> None:
    place = trial(tmp_path, HANGING)
    with supervised(place) as kernel:
        line = Line(kernel.path)
        wait_until(lambda: bool(kernel.asked(line).doing))
        os.kill(kernel.pid, signal.SIGSTOP)
        challenge = kernel.challenge()
        line.send(ask(kernel.key, challenge))
        line.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.answer()
        os.kill(kernel.pid, signal.SIGCONT)
        line.socket.settimeout(20)
        assert challenge.nonce.encode() in line.answer()


@pytest.mark.parametrize(("number", "code"), swept([(signal.SIGTERM, 143), (signal.SIGINT, 130)], every=2))
def test_a_signal_ends_its_agents_and_resume_goes_on_supervised(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    place = trial(tmp_path, HANGING)
    with supervised(place) as kernel:
        line = Line(kernel.path)
        wait_until(lambda: bool(kernel.asked(line).doing) and kernel.asked(line).journal_seq == 5)
        os.kill(kernel.pid, number)
        assert result(kernel).code == code
        assert not kernel.path.exists()
        assert processes_of(place) == []
        assert state_of(place).invocation == ""
        replay(place, GOOD)
        with supervised(place, "resume", kernel.run_id, orders=kernel) as again:
            assert list(asked_to_the_end(again))
            passed(place, result(again))


def test_a_kernel_that_was_killed_leaves_a_dead_socket_and_resume_ends_its_agents(tmp_path: Path) -> None:
    place = trial(tmp_path, HANGING)
    with supervised(place) as kernel:
        line = Line(kernel.path)
        wait_until(lambda: bool(kernel.asked(line).doing) and kernel.asked(line).journal_seq == 5)
        # On record before it is executed: only now there is somebody to survive.
        wait_until(lambda: bool(processes_of(place)))
        os.kill(kernel.pid, signal.SIGKILL)
        assert line.closed
        assert result(kernel).code == -9
        assert kernel.path.is_socket()
        survivors = processes_of(place)
        assert survivors
        replay(place, GOOD)
        with supervised(place, "resume", kernel.run_id, orders=kernel) as again:
            passed(place, result(again))
    assert not any(map(is_running, survivors))


def slow_git(root: Path) -> str:
    """A PATH whose git says in HOME that it is there, and waits until it may go on."""
    programs = root / "programs"
    programs.mkdir()
    (programs / "git").write_text(SLOW_GIT.format(git=shutil.which("git")))
    (programs / "git").chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


@pytest.mark.parametrize(("number", "code"), swept([(signal.SIGTERM, -15), (signal.SIGINT, 130)], every=2))
def test_a_signal_before_there_is_a_run_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    place = trial(tmp_path)
    with supervised(place, PATH=slow_git(tmp_path)) as kernel:
        line = Line(kernel.path)
        wait_until((place.home / "there").exists)
        # While git works, the loop answers: it has no run to tell of.
        assert kernel.asked(line).run_root == ""
        os.kill(kernel.pid, number)
        (place.home / "go").touch()
        ended_so = result(kernel)
    assert (ended_so.code, ended_so.stderr) == (code, "interrupted\n" if code == 130 else "")
    assert not place.has_run()
    assert not place.state.exists()


@pytest.mark.sweep
def test_an_interrupt_before_a_resume_has_the_run_in_hand_leaves_it_as_it_was(tmp_path: Path) -> None:
    place = trial(tmp_path)
    with supervised(place) as kernel:
        passed(place, result(kernel))
        before = state_of(place)
        resume = ("resume", kernel.run_id)
        with supervised(place, *resume, orders=kernel, PATH=slow_git(tmp_path)) as again:
            wait_until((place.home / "there").exists)
            os.kill(again.pid, signal.SIGINT)
            (place.home / "go").touch()
            ended_so = result(again)
    assert (ended_so.code, ended_so.stderr) == (130, "interrupted\n")
    assert state_of(place) == before


@pytest.mark.sweep
def test_a_run_id_that_is_there_already_is_refused(tmp_path: Path) -> None:
    place = trial(tmp_path)
    with supervised(place) as kernel:
        passed(place, result(kernel))
        with supervised(place, orders=kernel) as again:
            refused = result(again)
    assert refused.code == 4
    assert f"run {kernel.run_id} exists already" in refused.stderr


@pytest.mark.sweep
def test_a_supervised_run_says_what_any_run_says(tmp_path: Path) -> None:
    said = []
    for name in ("alone", "supervised"):
        place: Workplace = trial(tmp_path / name)
        if name == "alone":
            told = place.verger("run", "playbook.md", "--item", "01").stderr
        else:
            with supervised(place) as kernel:
                told = result(kernel).stderr
        # Lanes come back in any order, and a digest is of its own run.
        said.append(sorted(line for line in told.splitlines() if "packet" not in line))
    assert said[0] == said[1]
