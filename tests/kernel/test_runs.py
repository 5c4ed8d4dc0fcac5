"""Runs that come to be, and runs that are opened after whoever had them is gone.

Not here: how a damaged run is told from a sound one; see tests/kernel/disk/test_store.py.
"""

import fcntl
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace
from tests.doubles.trials import is_running, tree_of_files
from tests.doubles.walk import facts, frame

from verger_kernel.disk.layout import StateFolder
from verger_kernel.errors import CommandError
from verger_kernel.rules.events import Request
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.ids import RunId
from verger_kernel.runs import OpenRun, create, open_run
from verger_probes.exits import Exit

FILES = {"normalized_plan.json": b"{}\n", "runtime_policy.json": b"{}\n"}


def constants(number: int) -> Frame:
    return replace(frame(facts("01")), run_id=RunId(f"RUN_20260101T000000Z_{os.getpid():024x}{number:08x}"))


def made(home: StateFolder, number: int = 1) -> OpenRun:
    return create(home, constants(number), Request(kind="run", items=("01",)), FILES)


@pytest.fixture
def home(tmp_path: Path) -> StateFolder:
    """Where runs are kept."""
    return StateFolder(tmp_path)


@pytest.fixture
def left(home: StateFolder) -> OpenRun:
    """A run that was created and left alone."""
    run = made(home)
    run.close()
    return run


def opened(home: StateFolder, run: OpenRun) -> OpenRun:
    return anyio.run(open_run, home, run.state.frame.run_id)


def refusal(home: StateFolder, run: OpenRun) -> CommandError:
    with pytest.raises(CommandError) as caught:
        opened(home, run)
    return caught.value


def test_a_new_run_is_whole_and_held(home: StateFolder) -> None:
    run = made(home)
    assert {path.name for path in run.folder.root.iterdir()} == {
        *FILES,
        "journal.jsonl",
        "run_state.json",
        "run.lock",
        "tree.lock",
    }
    assert [path.name for path in home.runs.iterdir()] == [run.folder.root.name]
    run.run_lock.check()
    run.tree_lock.check()
    assert refusal(home, run).code == Exit.HELD
    run.close()
    again = opened(home, run)
    assert (again.state, again.swept, again.notes) == (run.state, 0, ())
    again.close()


def test_w16_a_run_that_another_process_holds_is_refused_with_its_pid(home: StateFolder) -> None:
    run = made(home)
    before = tree_of_files(run.folder.root)
    error = refusal(home, run)
    assert f"is held by pid {os.getpid()}" in error.what
    assert tree_of_files(run.folder.root) == before
    run.close()


def test_w18_what_a_killed_process_left_of_a_run_that_never_came_to_be_is_cleared(home: StateFolder) -> None:
    for name in ("empty", "half"):
        (home.runs / f".new-{name}").mkdir(parents=True)
    (home.runs / ".new-half" / "journal.jsonl").write_bytes(b'{"seq":1')
    made(home).close()
    assert len(list(home.runs.iterdir())) == 1


def test_w12_runs_that_come_to_be_at_the_same_time_do_not_clear_each_other_away(home: StateFolder) -> None:
    with ThreadPoolExecutor(8) as many:
        for run in many.map(lambda number: made(home, number), range(64)):
            run.close()
    assert len(list(home.runs.iterdir())) == 64


def test_w17_a_torn_tail_is_cut_and_told(home: StateFolder, left: OpenRun) -> None:
    whole = left.folder.journal.read_bytes()
    left.folder.journal.write_bytes(whole + b'{"seq":2,"prev')
    left.folder.run_state.write_bytes(b"")
    run = opened(home, left)
    assert left.folder.journal.read_bytes() == whole
    assert run.state == left.state
    assert [note.partition(" ")[0] for note in run.notes] == ["run_state.json", "14"]
    run.close()


def test_a_run_that_contradicts_itself_is_refused_untouched_however_often(
    home: StateFolder, left: OpenRun
) -> None:
    left.folder.journal.write_bytes(b"x" + left.folder.journal.read_bytes())
    before = tree_of_files(left.folder.root)
    for _ in range(2):
        error = refusal(home, left)
        assert error.code == Exit.INPUT
        assert "journal.jsonl" in error.what
        assert "nothing was changed" in error.hint
    assert tree_of_files(left.folder.root) == before


def test_w19_what_a_dead_kernel_left_running_is_ended_before_the_run_is_read(
    home: StateFolder, left: OpenRun
) -> None:
    lock = os.open(left.folder.tree_lock, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    marked = {"PATH": os.environ["PATH"], "VERGER_RUN": left.folder.root.name}
    # One bears the run's mark, one hid it but holds the lock, and that one's child hid both.
    holding = "(exec 9>&-; exec sleep 60) & echo $!; wait"
    by_mark = subprocess.Popen(["sleep", "60"], env=marked, start_new_session=True)
    by_lock = subprocess.Popen(
        ["bash", "-c", holding], env={}, pass_fds=(lock,), start_new_session=True, stdout=subprocess.PIPE
    )
    assert by_lock.stdout
    child = int(by_lock.stdout.readline())
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    os.close(lock)
    try:
        run = opened(home, left)
        assert run.swept == 3
        assert [is_running(pid) for pid in (by_mark.pid, by_lock.pid, child)] == [False] * 3
        assert stranger.poll() is None
        run.close()
    finally:
        for process in (by_mark, by_lock, stranger):
            process.kill()
            process.communicate()
