"""Signals, kills and two processes at once, in the midst of the work: nobody is left, nothing is lost or paid twice.

Not here: a kill at every single record; see test_kill.py.
"""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.doubles.notes import writing
from tests.doubles.sweeps import swept
from tests.doubles.trials import (
    GOOD,
    RUN,
    TOLD,
    attempt_of,
    calls_of,
    is_running,
    passed,
    processes_below,
    processes_of,
    quarantined,
    replay,
    shell,
    state_of,
    trial,
)
from tests.doubles.workplace import Workplace, assert_refused, wait_until

HANGING_WORKER = f"""stage = "execute"\n{writing("01", "half", ', { do = "spawn" }, { do = "hang" }')}"""
HANGING_LANES = (
    'stage = "audit"\nsteps = [{ do = "spawn" }, { do = "say", text = "reading" }, { do = "hang" }]'
)
# A grandchild in a session of its own, and a wait that nothing but a signal ends.
CHECK = """\
if test -e "$HOME/hang"; then setsid sleep 60 & touch "$HOME/checking"; sleep 60; fi
test -s docs/01.md
"""


@pytest.fixture(autouse=True)
def nobody_outlives_a_failed_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_below(tmp_path):
        os.kill(pid, signal.SIGKILL)


def has_written(place: Workplace, text: str) -> bool:
    """Whether the worker of attempt 1 has got so far."""
    if not place.has_run():
        return False
    note = attempt_of(place).worktree / "docs" / "01.md"
    return note.exists() and text in note.read_text()


def lanes_are_reading(place: Workplace) -> bool:
    logs = attempt_of(place).root.glob("agents/audit-*/stdout.log")
    return sum("reading" in log.read_text() for log in logs) == 2


def stopped(place: Workplace, number: int, argv: tuple[str, ...], until: Callable[[], bool]) -> int:
    """The exit code of a command that was told to stop in the midst of its work; nobody of its run is left."""
    with place.begun(*argv, until=until) as kernel:
        kernel.send_signal(number)
        code = kernel.wait(30)
    assert processes_of(place) == []
    assert place.verger("status", "--exit-code").code == 75
    assert state_of(place).invocation == ""
    return code


@pytest.mark.parametrize("number", swept([signal.SIGINT, signal.SIGTERM], every=2))
def test_w1_w19_a_signal_in_the_midst_of_each_stage_leaves_nobody_and_resume_ends_as_if_undisturbed(
    tmp_path: Path, number: signal.Signals
) -> None:
    place = trial(
        tmp_path,
        HANGING_WORKER,
        agents=TOLD,
        files={"check.sh": CHECK},
        required_verification_commands="`bash check.sh`",
    )
    code = stopped(place, number, RUN, lambda: has_written(place, "half"))
    replay(place, GOOD)
    hang = place.home / "hang"
    hang.touch()
    codes = [code, stopped(place, number, ("resume",), (place.home / "checking").exists)]
    hang.unlink()
    replay(place, HANGING_LANES)
    codes.append(stopped(place, number, ("resume",), lambda: lanes_are_reading(place)))
    replay(place, GOOD)
    assert codes == [128 + number] * 3
    passed(place, place.verger("resume"))
    # As undisturbed, but for the calls that each signal cut short: no attempt and no round was spent.
    (entry,) = state_of(place).passed
    assert (entry.attempt, entry.round) == (1, 0)
    assert place.git("diff", "--name-only", "main", place.run_branch()) == "docs/01.md"
    assert sorted(calls_of(place)) == [
        *("0/audit-a/t1", "0/audit-a/t2", "0/audit-b/t1", "0/audit-b/t2"),
        *("0/execute/t1", "0/execute/t2"),
    ]
    assert quarantined(place) == {"01/1/execute-round-0-try-1": "docs/01.md"}


@pytest.mark.sweep
def test_w19_who_is_impatient_and_signals_twice_leaves_nobody_either(tmp_path: Path) -> None:
    stubborn = (
        "mkdir -p docs; trap 'touch $HOME/asked' TERM; echo half > docs/01.md; while :; do sleep 0.05; done"
    )
    place = trial(tmp_path, agents={"worker": shell(stubborn)})
    with place.begun(*RUN, until=lambda: has_written(place, "half")) as kernel:
        kernel.send_signal(signal.SIGINT)
        # Asked to end, the agent goes on, and the kernel waits a moment before it kills.
        wait_until((place.home / "asked").exists)
        kernel.send_signal(signal.SIGINT)
        kernel.send_signal(signal.SIGTERM)
        assert kernel.wait(30) == 130
    assert processes_of(place) == []


def test_w19_an_agent_that_outlived_its_kernel_is_ended_first_and_its_later_writes_never_count(
    tmp_path: Path,
) -> None:
    on = "echo $$ > $HOME/pid; mkdir -p docs; while :; do echo late >> docs/late.md; sleep 0.01; done"
    place = trial(tmp_path, agents={"worker": shell(f'test -e "$HOME/go" || {{ {on}; }}\n{WRITE}')})
    with place.begun(*RUN, until=lambda: late(place).exists()) as kernel:
        kernel.kill()
        kernel.wait()
    orphan = int((place.home / "pid").read_text())
    assert is_running(orphan)
    (place.home / "go").touch()
    passed(place, place.verger("resume"))
    assert not is_running(orphan)
    assert place.git("diff", "--name-only", "main", place.run_branch()) == "docs/01.md"
    assert quarantined(place) == {"01/1/execute-round-0-try-1": "docs/late.md"}


WRITE = "exec $AGENT write docs/01.md 'a note'"


def late(place: Workplace) -> Path:
    """What the worker of attempt 1 writes once it has written its note."""
    return (attempt_of(place).worktree if place.has_run() else place.root) / "docs" / "late.md"


def killed_after_report(root: Path, report: str) -> Workplace:
    """The kernel is killed while its worker, which wrote `report`, goes on."""
    call = f"""{HANGING_WORKER.replace('{ do = "hang" }', '{ do = "report" }, { do = "hang" }')}{report}"""
    place = trial(root, call)
    with place.begun(*RUN, until=lambda: bool(reports(place))) as kernel:
        kernel.kill()
        kernel.wait()
    return place


def reports(place: Workplace) -> list[Path]:
    found: list[Path] = []
    for around in attempt_of(place).reports.glob("execute*") if place.has_run() else ():
        # While the call lasts not even its owner may list it.
        mode = around.stat().st_mode
        around.chmod(0o700)
        found += around.glob("*/report.json")
        around.chmod(mode)
    return found


def test_w1_an_agent_that_had_answered_completely_is_not_called_again(tmp_path: Path) -> None:
    place = killed_after_report(tmp_path, "")
    replay(place)
    passed(place, place.verger("resume"), text="half")
    assert calls_of(place).count("0/execute/t1") == 1
    assert len(calls_of(place)) == 3
    assert processes_of(place) == []


@pytest.mark.sweep
def test_w17_an_answer_from_before_a_power_loss_is_not_used_as_its_files_may_be_lost(tmp_path: Path) -> None:
    place = killed_after_report(tmp_path, "")
    (attempt_of(place).root / "agents" / "execute.round-0.try-1" / "boot_id").write_text("another boot")
    replay(place, GOOD)
    passed(place, place.verger("resume"))
    assert "0/execute/t2" in calls_of(place)


@pytest.mark.parametrize("lie", swept(['item_id = "02"', "attempt = 2"], every=2))
def test_w8_what_a_killed_try_answered_to_another_call_is_never_used(tmp_path: Path, lie: str) -> None:
    place = killed_after_report(tmp_path, f"\nreport = {{ {lie} }}")
    replay(place, GOOD)
    passed(place, place.verger("resume"))
    assert [call for call in calls_of(place) if "execute" in call] == ["0/execute/t1", "0/execute/t2"]


def test_w16_of_two_resumes_at_once_one_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    place = trial(tmp_path, HANGING_WORKER)
    with place.begun(*RUN, until=lambda: has_written(place, "half")) as kernel:
        kernel.kill()
        kernel.wait()

    def second_try_began() -> bool:
        return "0/execute/t2" in calls_of(place) and has_written(place, "half")

    with place.begun("resume", until=second_try_began) as first:
        assert_refused(place.verger("resume"), 5, f"is held by pid {first.pid}", "wait until it is done")
        assert first.poll() is None
        assert len(calls_of(place)) == 2
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) == 143
    replay(place, GOOD)
    passed(place, place.verger("resume"))


def test_w17_a_journal_that_takes_no_more_ends_the_process_with_6_and_resume_goes_on(tmp_path: Path) -> None:
    waiting = f'touch "$HOME/there"; until test -e "$HOME/go"; do sleep 0.01; done; {WRITE}'
    place = trial(tmp_path, agents={"worker": shell(waiting)})
    with place.begun(*RUN, until=(place.home / "there").exists) as kernel:
        # From here on no file of the kernel grows beyond what the journal has and a little: a full disk.
        journal = place.run().journal
        size = journal.stat().st_size + 100
        resource.prlimit(kernel.pid, resource.RLIMIT_FSIZE, (size, size))
        (place.home / "go").touch()
        assert kernel.wait(30) == 6
    assert journal.stat().st_size == size
    assert processes_of(place) == []
    assert place.verger("status", "--exit-code").code == 75
    result = place.verger("resume")
    passed(place, result)
    assert "100 bytes at the end of the journal were no record and were cut" in result.stderr
    # The answer was there before the disk was full: it is used, not paid again.
    assert calls_of(place).count("0/execute/t1") == 1
    assert "0/execute/t2" not in calls_of(place)


def test_w17_an_index_that_a_power_loss_emptied_keeps_nobody_from_going_on(tmp_path: Path) -> None:
    place = trial(tmp_path, HANGING_WORKER)
    with place.begun(*RUN, until=lambda: has_written(place, "half")) as kernel:
        kernel.kill()
        kernel.wait()
    attempt_of(place).index.write_bytes(b"")
    replay(place, GOOD)
    passed(place, place.verger("resume"))
    assert quarantined(place) == {"01/1/execute-round-0-try-1": "docs/01.md"}
