"""The locks of a run: never two holders, and no lock that guards nothing.

Not here: what is done about a holder; see tests/kernel/test_runs.py.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.doubles.workplace import wait_until

import verger_kernel
import verger_probes
from verger_probes.locks import Held, LockReplaced, acquire, is_held

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": os.pathsep.join(
        str(Path(package).parent) for package in (verger_kernel.__path__[0], verger_probes.__path__[0])
    ),
}
# Whoever holds the lock makes a file that must not be there yet: a second holder fails to.
CONTENDER = """
import os, sys
from pathlib import Path
from verger_probes.locks import Held, acquire
path, inside, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
while rounds:
    try:
        lock = acquire(path)
    except Held:
        continue
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    lock.check()
    os.unlink(inside)
    lock.release()
    rounds -= 1
"""
HOLDER = """
import os, signal, subprocess, sys
from pathlib import Path
from verger_probes.locks import acquire
lock = acquire(Path(sys.argv[1]))
away = {"stdout": subprocess.DEVNULL, "start_new_session": True}
child = subprocess.Popen(["sleep", "60"], pass_fds=(lock.descriptor,), **away)
print(child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the lock lies."""
    return tmp_path / "run.lock"


def started(script: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-c", script, *words], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )


def test_w15_two_contenders_never_hold_the_lock_at_once_in_200_rounds(tmp_path: Path, path: Path) -> None:
    inside = tmp_path / "inside"
    contenders = [started(CONTENDER, str(path), str(inside), "200") for _ in range(2)]
    try:
        assert [contender.wait(60) for contender in contenders] == [0, 0]
    finally:
        for contender in contenders:
            contender.kill()
            contender.communicate()


def test_who_comes_second_is_told_the_pid_of_the_holder(path: Path) -> None:
    lock = acquire(path)
    with pytest.raises(Held, match=rf"run\.lock is held by pid {os.getpid()}$"):
        acquire(path)
    assert is_held(path)
    lock.release()
    assert not is_held(path)
    acquire(path).release()


def test_a_holder_that_was_killed_and_not_reaped_holds_nothing(path: Path) -> None:
    holder = started(HOLDER, str(path))
    assert holder.stdout
    child = int(holder.stdout.readline())
    assert is_held(path)
    holder.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert not is_held(path)
    os.kill(child, 9)
    holder.communicate()
    wait_until(lambda: is_free(path))


GARBAGE = {
    "empty": b"",
    "half a record": b'{"pid": 12',
    "no UTF-8": b"\xff" * 90,
    "NULs": b"\0" * 300,
    "longer than ours": b"x" * 5000,
    "a pid that is no number": b'{"pid": "\\u001b[31m"}\n',
    "no pid": b"[]\n",
}


@pytest.mark.parametrize("shape", GARBAGE)
def test_w15_what_stands_in_a_lock_never_keeps_it(path: Path, shape: str) -> None:
    path.write_bytes(GARBAGE[shape])
    lock = acquire(path)
    with pytest.raises(Held, match=f"pid {os.getpid()}$"):
        acquire(path)
    lock.release()


@pytest.mark.parametrize("shape", GARBAGE)
def test_a_holder_that_wrote_nothing_of_use_is_another_process(path: Path, shape: str) -> None:
    path.write_bytes(GARBAGE[shape])
    with path.open("rb") as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        with pytest.raises(Held, match=r"held by another process$"):
            acquire(path)
    assert path.read_bytes() == GARBAGE[shape]


def is_free(path: Path) -> bool:
    try:
        acquire(path).release()
    except Held:
        return False
    return True


def replaced(path: Path) -> None:
    path.with_name("other").write_bytes(path.read_bytes())
    path.with_name("other").replace(path)


@pytest.mark.parametrize("spoil", [Path.unlink, replaced], ids=["removed", "replaced"])
def test_a_lock_whose_file_is_no_longer_the_one_at_its_path_is_noticed(path: Path, spoil) -> None:
    lock = acquire(path)
    lock.check()
    spoil(path)
    with pytest.raises(LockReplaced, match="while it was held"):
        lock.check()
    # Somebody else holds what is there now: that is why the first one must stop.
    acquire(path).release()
    lock.release()


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=str(path)):
        acquire(path)
    assert not (tmp_path / "elsewhere").exists()


def test_w19_a_lock_that_a_child_inherited_is_held_after_its_holder_was_killed(path: Path) -> None:
    holder = started(HOLDER, str(path))
    assert holder.stdout
    child = int(holder.stdout.readline())
    holder.kill()
    holder.communicate()
    try:
        with pytest.raises(Held, match=f"pid {holder.pid}$"):
            acquire(path)
    finally:
        os.kill(child, 9)
    wait_until(lambda: is_free(path))


def test_a_lock_that_nobody_holds_is_taken_whoever_wrote_in_it(path: Path) -> None:
    path.write_text('{"pid": 1}')
    acquire(path).release()
