"""One daemon a state folder, one supervisor a run: whoever tries at the same time, and whatever lies in the files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verger_daemon.control import next_epoch, take_control
from verger_probes.identity import boot_id, pid_namespace, start_ticks
from verger_probes.locks import Held, LockReplaced, acquire

CONTENDERS = 8
FLAWED = [b"", b"{", b'{"pid": 1}', b"\0" * 200, b"somebody else's text\n", b"\xff" * 4000, b'{"pid": "1"}\n']

CONTENDER = """
import os, sys
from pathlib import Path
from verger_daemon.control import take_control
from verger_probes.locks import Held

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
sys.stdin.readline()
won = 0
while won < rounds:
    try:
        control = take_control(folder / "control.lock", 1)
    except Held:
        continue
    # Two at once cannot both make it.
    os.close(os.open(folder / "held", os.O_CREAT | os.O_EXCL))
    control.check()
    os.unlink(folder / "held")
    control.release()
    won += 1
"""


def contend(folder: Path, rounds: int) -> list[str]:
    """What contenders said who found that another held the lock at the same time as they."""
    argv = [sys.executable, "-P", "-c", CONTENDER, str(folder), str(rounds)]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    contenders = [subprocess.Popen(argv, text=True, **pipes) for _ in range(CONTENDERS)]  # type: ignore[call-overload]
    for one in contenders:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate()[1] for one in contenders]
    return [text for text in said if text]


def test_of_eight_contenders_never_two_hold_a_run(tmp_path: Path):
    # A thousand rounds in all; a thousand each in the longer form.
    assert contend(tmp_path, 125) == []


@pytest.mark.sweep
def test_of_eight_contenders_never_two_hold_a_run_in_a_thousand_rounds_each(tmp_path: Path):
    assert contend(tmp_path, 1000) == []


@pytest.mark.parametrize("text", FLAWED)
def test_what_lies_in_the_file_of_a_lock_neither_takes_it_nor_keeps_anybody_out(tmp_path: Path, text: bytes):
    path = tmp_path / "control.lock"
    path.write_bytes(text)
    control = take_control(path, 7)
    with pytest.raises(Held):
        take_control(path, 8)
    said = json.loads(path.read_bytes().partition(b"\n")[0])
    assert (said["epoch"], said["pid_namespace"]) == (7, pid_namespace())
    control.release()


def test_a_holder_whose_file_was_taken_away_may_write_nothing_more(tmp_path: Path):
    path = tmp_path / "control.lock"
    stale = take_control(path, 1)
    path.unlink()
    fresh = take_control(path, 2)
    with pytest.raises(LockReplaced):
        stale.check()
    fresh.check()
    fresh.release()


def test_a_process_that_got_the_number_of_a_holder_is_not_taken_for_it(tmp_path: Path):
    path = tmp_path / "control.lock"
    # Pid 1 lives for ever; the source's lock held a run for ever once its owner's number was somebody else's.
    path.write_text(json.dumps({"pid": 1, "start_ticks": start_ticks(1) + 1, "boot_id": boot_id()}))
    take_control(path, 3).release()


def test_each_daemon_has_an_epoch_that_none_had_before(tmp_path: Path):
    assert [next_epoch(tmp_path) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("text", [*FLAWED, b"9" * 40, b"-5\n"])
def test_a_torn_epoch_is_none_lower_than_what_is_on_record(tmp_path: Path, text: bytes):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "RUN_x.json").write_text('{"epoch": 41}')
    (tmp_path / "runs" / "RUN_y.json").write_text("{")
    (tmp_path / "epoch").write_bytes(text)
    assert next_epoch(tmp_path) == 42


def test_a_lock_that_is_held_says_by_whom(tmp_path: Path):
    lock = acquire(tmp_path / "daemon.lock", epoch=4)
    with pytest.raises(Held, match=r"daemon\.lock is held by pid [0-9]+"):
        acquire(tmp_path / "daemon.lock")
    lock.release()
