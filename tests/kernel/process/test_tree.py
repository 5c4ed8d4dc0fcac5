"""No process outlives its job, wherever it goes; no process of another job is touched."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.kernel.process.jobs import bearers, is_gone, limits, pid_in, python, wait_for

from verger_kernel.process import ending, table
from verger_kernel.process.runner import Job, run
from verger_kernel.process.tree import adopt_orphans, end_survivors, tree_kept

MakeJob = Callable[..., Job]

# Forks once or twice, takes a session of its own and becomes `sleep`; its pid comes into the named file.
ESCAPE = """
import os, sys, time
path, forks, bare = sys.argv[1], int(sys.argv[2]), sys.argv[3] == 'bare'
if os.fork() == 0:
    os.setsid()
    if forks == 2 and os.fork():
        os._exit(0)
    with open(path + '.part', 'w') as file:
        file.write(f'{os.getpid()}\\n')
    os.rename(path + '.part', path)
    if bare:
        os.closerange(0, 256)
    os.execve('/bin/sleep', ['sleep', '300'], {} if bare else os.environ)
while not os.path.exists(path):
    time.sleep(0.005)
"""
STAY = "\ntime.sleep(300)"


def test_w19_a_timeout_ends_grandchildren_that_left_the_session(make_job: MakeJob, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    job = make_job(*python(ESCAPE + STAY, str(pid_file), "2", "marked"), limits=limits(runtime_s_max=1))
    ended = anyio.run(run, job)
    assert ended.breach and ended.breach.limit == "timeout"
    assert (ended.exit_code, ended.swept) == (-signal.SIGTERM, 1)
    assert is_gone(pid_in(pid_file))


@pytest.mark.parametrize("forks", ["1", "2"])
@pytest.mark.parametrize("dress", ["marked", "bare"])
def test_w19_what_a_job_leaves_behind_is_ended(
    make_job: MakeJob, tmp_path: Path, forks: str, dress: str
) -> None:
    # Bare: no descriptor, no environment, another session, another parent.
    pid_file = tmp_path / "pid"
    ended = anyio.run(run, make_job(*python(ESCAPE, str(pid_file), forks, dress)))
    assert (ended.exit_code, ended.breach, ended.swept) == (0, None, 1)
    assert is_gone(pid_in(pid_file))


def test_w19_a_process_that_ignores_sigterm_is_killed(make_job: MakeJob, tmp_path: Path) -> None:
    code = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    time.sleep(300)
    """
    began = time.monotonic()
    ended = anyio.run(run, make_job(*python(code)))
    assert (ended.exit_code, ended.swept) == (0, 1)
    assert ending.GRACE_S <= time.monotonic() - began < ending.GRACE_S + 3
    assert ended.runtime_ms < 1500


def test_a_process_whose_first_thread_is_gone_is_no_zombie(make_job: MakeJob, tmp_path: Path) -> None:
    code = """
    import ctypes, os, sys, threading, time
    if os.fork() == 0:
        def go_on():
            while open('/proc/self/stat').read().rpartition(')')[2].split()[0] != 'Z':
                time.sleep(0.005)
            open(sys.argv[1], 'w').write(f'{os.getpid()}\\n')
            time.sleep(300)
        threading.Thread(target=go_on).start()
        ctypes.CDLL(None).pthread_exit(None)
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.005)
    """
    ended = anyio.run(run, make_job(*python(code, str(tmp_path / "pid"))))
    assert (ended.exit_code, ended.swept) == (0, 1)
    pid = pid_in(tmp_path / "pid")
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of all threads")


def test_sweeping_one_job_touches_no_other_and_no_child_of_ours(make_job: MakeJob, tmp_path: Path) -> None:
    own = [subprocess.Popen(["sleep", "300"]) for _ in range(2)]
    first = make_job(*python(ESCAPE, str(tmp_path / "a"), "1", "marked"), name="a")
    second = make_job(*python(ESCAPE + STAY, str(tmp_path / "b"), "1", "marked"), name="b")

    async def overlap() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run, second)
            await anyio.to_thread.run_sync(pid_in, tmp_path / "b")
            own.append(subprocess.Popen(["sleep", "300"]))
            own.append(subprocess.Popen(["sh", "-c", "exit 3"], start_new_session=True))
            assert (await run(first)).swept == 1
            assert len(bearers(first.run_marker)) == 2
            assert [child.poll() for child in own[:3]] == [None, None, None]
            assert own[3].wait() == 3
            group.cancel_scope.cancel()

    try:
        anyio.run(overlap)
        assert is_gone(pid_in(tmp_path / "a")) and is_gone(pid_in(tmp_path / "b"))
        assert [child.poll() for child in own[:3]] == [None, None, None]
    finally:
        for child in own:
            child.kill()
            child.wait()


def test_cancellation_ends_the_tree(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(*python(ESCAPE + STAY, str(tmp_path / "pid"), "2", "bare"))

    async def cancelled() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run, job)
            await anyio.to_thread.run_sync(pid_in, tmp_path / "pid")
            group.cancel_scope.cancel()

    anyio.run(cancelled)
    assert is_gone(pid_in(tmp_path / "pid"))
    assert bearers(job.run_marker) == []


def test_an_interrupt_of_the_loop_ends_the_tree_too(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(*python(ESCAPE + STAY, str(tmp_path / "pid"), "2", "marked"))

    async def interrupted() -> None:
        task = asyncio.ensure_future(run(job))
        await anyio.to_thread.run_sync(pid_in, tmp_path / "pid")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    assert bearers(job.run_marker) == []


# A kernel that runs one job, with a lock that the job inherits.
KERNEL = """
import os, sys
from pathlib import Path
import anyio
from verger_kernel.process.runner import Job, run
from verger_kernel.rules.limits import Limits
folder, marker = Path(sys.argv[1]), sys.argv[2]
lock = os.open(folder / 'tree.lock', os.O_RDWR | os.O_CREAT, 0o600)
limits = Limits(runtime_s_max=60, silence_s_max=60, output_bytes_max=9999, memory_bytes_max=1 << 30)
job = Job(argv=tuple(sys.argv[3:]), cwd=folder, env={}, stdin=None, stdout=folder / 'out', stderr=None,
          limits=limits, marker=marker + '-effect', run_marker=marker, inherit=(lock,))
anyio.run(run, job)
"""
# One survivor has only the marker, one only the lock; both write their pids.
SURVIVORS = """
import os, sys, time
def escaped(path, keep_lock, environment):
    if os.fork() == 0:
        os.setsid()
        if not keep_lock:
            os.closerange(3, 256)
        with open(path + '.part', 'w') as file:
            file.write(f'{os.getpid()}\\n')
        os.rename(path + '.part', path)
        os.execve('/bin/sleep', ['sleep', '300'], environment)
escaped('by-marker', False, os.environ)
escaped('by-lock', True, {})
time.sleep(300)
"""


def test_survivors_of_a_killed_kernel_are_found_by_lock_and_marker(tmp_path: Path, run_marker: str) -> None:
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(tmp_path), run_marker, *python(SURVIVORS)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    bystander = subprocess.Popen(["sleep", "300"], env={"VERGER_RUN": run_marker + "0"})
    lock = tmp_path / "tree.lock"
    try:
        pids = [pid_in(tmp_path / "by-marker"), pid_in(tmp_path / "by-lock")]
        kernel.kill()
        kernel.wait()
        with lock.open():  # we hold it ourselves, and are spared
            assert anyio.run(end_survivors, run_marker, lock) == 3
        assert all(is_gone(pid) for pid in pids)
        assert bystander.poll() is None
        assert anyio.run(end_survivors, run_marker, lock) == 0
    finally:
        bystander.kill()
        bystander.wait()


def test_survivors_are_found_by_marker_where_the_lock_was_never_made(tmp_path: Path, run_marker: str) -> None:
    left = subprocess.Popen(["sleep", "300"], env={"VERGER_RUN": run_marker})
    wait_for(lambda: bearers(run_marker), "the survivor")
    assert anyio.run(end_survivors, run_marker, tmp_path / "tree.lock") == 1
    left.wait()


def test_a_recycled_pid_is_never_signalled() -> None:
    child = subprocess.Popen(["sleep", "300"])
    try:
        seen = table.row(child.pid)
        assert seen
        ending.send(signal.SIGTERM, [seen._replace(ticks=seen.ticks - 1)])
        ending.send(signal.SIGKILL, [seen])
        assert child.wait() == -signal.SIGKILL
        ending.send(signal.SIGKILL, [seen])
    finally:
        child.kill()


def test_a_process_that_one_look_missed_is_ended_by_the_next() -> None:
    child = subprocess.Popen(["sleep", "300"])
    seen = table.row(child.pid)
    assert seen
    looks = iter([[], [seen], [], [], [seen]])

    async def ended() -> set[tuple[int, int]]:
        return await ending.end(lambda: next(looks), whose="effect E")

    try:
        assert anyio.run(ended) == {seen.identity}
        assert child.wait() == -signal.SIGTERM
        assert list(looks) == [[seen]]
    finally:
        child.kill()
        child.wait()


def test_a_process_that_cannot_be_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen(["sleep", "300"])
    seen = table.row(child.pid)
    assert seen
    monkeypatch.setattr(ending, "_PATIENCE_S", 0.05)

    async def ended_in_vain() -> None:
        await ending.end(lambda: [seen], whose="effect E", grace_s=0)

    with pytest.raises(ending.Unendable, match=rf"effect E: {child.pid} \(.*\) outlived SIGKILL") as refused:
        anyio.run(ended_in_vain)
    assert refused.value.hint
    child.wait()


def test_we_become_a_subreaper_here() -> None:
    assert adopt_orphans() is (sys.platform == "linux")


def test_a_tree_without_a_first_process_is_empty() -> None:
    with tree_kept("E") as tree:
        assert tree.living() == []


ORPHAN = """
import os
if os.fork():
    os._exit(0)
os.setsid()
print(os.getpid(), flush=True)
os.execlp("sleep", "sleep", "300")
"""
LONELY = """
import os, signal, subprocess, sys
from verger_kernel.process.tree import adopt_orphans, nothing_descends
told = [nothing_descends()]
adopt_orphans()
told.append(nothing_descends())
child = subprocess.Popen((sys.executable, "-c", sys.argv[1]), stdout=subprocess.PIPE)
orphan = int(child.stdout.readline())
child.wait()
told.append(nothing_descends())
os.kill(orphan, signal.SIGKILL)
os.waitpid(orphan, 0)
told.append(nothing_descends())
if os.fork() == 0:
    # Orphans of a fork do not come to it.
    os._exit(nothing_descends())
told.append(bool(os.waitstatus_to_exitcode(os.wait()[1])))
print(told)
"""


def test_nothing_descends_only_when_not_even_an_orphan_is_left() -> None:
    words = (sys.executable, "-P", "-c", LONELY, ORPHAN)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[False, True, False, True, False]\n"
