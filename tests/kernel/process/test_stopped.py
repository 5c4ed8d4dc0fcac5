"""A job that is over is over: no descendant outlives it, whatever it put on to get away."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import psutil
import pytest
from tests.kernel.process.jobs import is_gone, limits, pid_in, python, wait_for
from tests.kernel.process.test_tree import KERNEL

from verger_kernel.process import cgroups, ending, table
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.process.tree import adopt_orphans, end_survivors, tree_kept

MakeJob = Callable[..., Job]

ALONE = ("twice", "session", "deaf", "renamed", "bare")
ALL = " ".join(ALONE)
# Puts on what the words say, writes its pid and sleeps; the first process, which forgets nobody, ends or stays.
ESCAPEE = """
import os, signal, sys, time
path, words, stays = sys.argv[1], sys.argv[2].split(), sys.argv[3] == 'stays'
while 'leaf' in words and '/job-' not in open('/proc/self/cgroup').read():
    time.sleep(0.005)
if os.fork() == 0:
    if 'session' in words:
        os.setsid()
    if 'twice' in words and os.fork():
        os._exit(0)
    if 'deaf' in words:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    if 'renamed' in words:
        import ctypes
        ctypes.CDLL(None).prctl(15, b'kworker/0:1', 0, 0, 0)
    with open(path + '.part', 'w') as file:
        file.write(f'{os.getpid()}\\n')
    os.rename(path + '.part', path)
    if 'bare' in words:
        os.closerange(0, 256)
        os.execve('/bin/sleep', ['[kworker/0:1]' if 'renamed' in words else 'sleep', '300'], {})
    time.sleep(300)
if 'twice' in words:
    os.wait()
while not os.path.exists(path):
    time.sleep(0.005)
if stays:
    time.sleep(300)
"""


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is deaf is killed soon."""
    monkeypatch.setattr(ending, "GRACE_S", 0.1)


def by_itself(job: Job, place: Path) -> Ended | None:
    return anyio.run(run, job)


def by_the_limit(job: Job, place: Path) -> Ended | None:
    told = anyio.run(run, job)
    assert told.breach and told.breach.limit == "timeout"
    return told


def by_cancellation(job: Job, place: Path) -> Ended | None:
    async def cancelled() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run, job)
            await anyio.to_thread.run_sync(pid_in, place)
            group.cancel_scope.cancel()

    anyio.run(cancelled)
    return None


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("over", "stays", "words"),
    [
        *((by_itself, "ends", words) for words in (*ALONE, ALL)),
        *((by_cancellation, "stays", words) for words in (*ALONE, ALL)),
        (by_the_limit, "stays", ALL),
    ],
)
def test_no_descendant_outlives_its_job(
    make_job: MakeJob, tmp_path: Path, over: Callable[[Job, Path], Ended | None], stays: str, words: str
) -> None:
    place = tmp_path / "pid"
    told = over(make_job(*python(ESCAPEE, str(place), words, stays), limits=limits(runtime_s_max=1)), place)
    assert is_gone(pid_in(place))
    assert told is None or told.swept == 1


@pytest.mark.usefixtures("way")
def test_a_bare_orphan_of_one_of_two_jobs_is_gone_when_both_are_over(
    make_job: MakeJob, tmp_path: Path
) -> None:
    jobs = [
        make_job(*python(ESCAPEE, str(tmp_path / name), ALL, "ends"), name=name) for name in ("one", "two")
    ]

    async def overlap() -> None:
        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(run, job)

    anyio.run(overlap)
    assert all(is_gone(pid_in(tmp_path / name)) for name in ("one", "two"))


needs_leaf = pytest.mark.skipif(
    cgroups.delegated() is None, reason="no control group of version 2 is delegated to the tests here"
)


@needs_leaf
def test_in_a_leaf_a_bare_orphan_ends_with_its_own_job(make_job: MakeJob, tmp_path: Path) -> None:
    # What forks before it is in its leaf is ended with the last of the jobs that overlap.
    first = make_job(*python(ESCAPEE, str(tmp_path / "pid"), f"{ALL} leaf", "ends"), name="first")
    second = make_job("sleep", "300", name="second")

    async def overlap() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run, second)
            assert (await run(first)).swept == 1
            assert is_gone(pid_in(tmp_path / "pid"))
            group.cancel_scope.cancel()

    anyio.run(overlap)


@needs_leaf
def test_what_a_killed_kernel_left_in_a_leaf_is_ended_though_it_is_bare(
    tmp_path: Path, run_marker: str
) -> None:
    escapee = python(ESCAPEE, str(tmp_path / "pid"), "twice session renamed bare leaf", "stays")
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(tmp_path), run_marker, *escapee],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        pid = pid_in(tmp_path / "pid")
        assert [leaf for leaf in cgroups.leaves_of(run_marker) if pid in leaf.pids()]
        kernel.kill()
        kernel.wait()
        row = table.row(pid)
        assert row and row.living
        assert anyio.run(end_survivors, run_marker, tmp_path / "tree.lock") == 2
        assert is_gone(pid)
        assert cgroups.leaves_of(run_marker) == []
    finally:
        kernel.kill()
        kernel.wait()


@needs_leaf
def test_what_a_job_forked_before_it_was_in_its_leaf_is_taken_in_by_the_first_look(run_marker: str) -> None:
    child = subprocess.Popen(["sh", "-c", "sleep 300 & wait"], start_new_session=True)
    wait_for(lambda: len(psutil.Process(child.pid).children()) == 1, "the second process")
    main = table.row(child.pid)
    assert main

    async def held() -> None:
        async with cgroups.leaf_kept(run_marker, "early", limits()) as leaf:
            with tree_kept("early", leaf) as tree:
                assert leaf and leaf.take(child.pid)
                tree.grow_from(main)
                assert leaf.pids() == {child.pid}
                found = {row.pid for row in tree.living()}
                assert len(found) == 2 and leaf.pids() == found
                leaf.kill()
                child.wait(timeout=10)

    try:
        anyio.run(held)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        reaped(child.pid)


@needs_leaf
def test_a_leaf_kills_all_at_once_and_is_removed(run_marker: str) -> None:
    code = "import os, sys, time\nsys.stdin.read()\nos.fork()\nos.fork()\ntime.sleep(300)"
    child = subprocess.Popen(python(code), stdin=subprocess.PIPE, start_new_session=True)

    async def killed() -> cgroups.Leaf:
        async with cgroups.leaf_kept(run_marker, "killed", limits()) as leaf:
            assert leaf and leaf.take(child.pid)
            assert child.stdin
            child.stdin.close()
            wait_for(lambda: len(leaf.pids()) == 4, "all four in the leaf")
            leaf.kill()
            assert child.wait(timeout=10) == -signal.SIGKILL
            assert leaf.exceeded() == ""
        return leaf

    try:
        leaf = anyio.run(killed)
    finally:
        child.kill()
        child.wait()
        reaped(child.pid)
    assert not leaf.folder.exists()
    assert not leaf.take(child.pid)


def reaped(group: int) -> None:
    """Takes away what of the process group `group` fell to us."""
    adopt_orphans()
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-group, 0)


@pytest.mark.parametrize(
    "failure", [OSError("no descriptor is left"), ending.Unendable("one stayed", "wait")]
)
def test_where_the_sweep_fails_what_was_printed_is_cleaned_and_cut_all_the_same(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def failing(*_args: object, **_more: object) -> None:
        os.kill(pid_in(tmp_path / "pid"), signal.SIGKILL)
        raise failure

    monkeypatch.setattr(ending, "end", failing)
    secret = "sk-ant-api03-" + "Ab1-" * 20
    script = f"echo {secret}; head -c 9000 /dev/zero; echo $$ > {tmp_path}/pid; exec sleep 300"
    job = make_job("sh", "-c", script, limits=limits(runtime_s_max=1, output_bytes_max=4000))
    with pytest.raises(type(failure)):
        anyio.run(run, job)
    with suppress(ChildProcessError):
        os.waitpid(pid_in(tmp_path / "pid"), 0)
    kept = job.stdout.read_bytes()
    assert secret.encode() not in kept and 0 < len(kept) <= 4000
