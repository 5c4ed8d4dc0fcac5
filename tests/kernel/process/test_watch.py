"""What breaks a limit while a job runs and, above all, what does not: quiet jobs that work."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.doubles.sweeps import swept
from tests.kernel.process.jobs import limits, python

from verger_kernel.process import table
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.process.streams import streams_opened
from verger_kernel.process.tree import tree_kept
from verger_kernel.process.watch import Watch, free_bytes
from verger_kernel.rules.limits import Breach

pytestmark = pytest.mark.usefixtures("way")
MakeJob = Callable[..., Job]

QUIET = limits(silence_s_max=1)
UNTIL = "import os, sys, time\nend = time.monotonic() + 1.4\nwhile time.monotonic() < end:\n"
WORKING_QUIETLY = {
    "computes": UNTIL + "    sum(range(10000))",
    "computes now and then": UNTIL + "    time.sleep(0.1)\n    sum(range(500000))",
    "writes a file": UNTIL + "    time.sleep(0.05)\n    open(sys.argv[1], 'ab').write(b'x' * 4096)",
    "has short-lived children that compute": UNTIL
    + "    if os.fork() == 0:\n        sum(range(2000000))\n        os._exit(0)\n    os.wait()\n    time.sleep(0.05)",
    "has short-lived children that write and are not waited for": "import signal\n"
    "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n" + UNTIL + "    if os.fork() == 0:\n"
    "        open(sys.argv[1], 'ab').write(b'x' * 65536)\n        time.sleep(0.3)\n        os._exit(0)\n"
    "    time.sleep(0.1)",
}
IDLING = {
    "sleeps": "import time\ntime.sleep(300)",
    "wakes to see that there is nothing to do": "import time\nwhile True: time.sleep(0.05)",
    "pokes itself": "import os, time\ninlet, outlet = os.pipe()\n"
    "while True:\n    os.write(outlet, b'x')\n    os.read(inlet, 1)\n    time.sleep(0.05)",
    "waits for a child that sleeps": "import os\nos.system('sleep 300')",
}


def ended(job: Job) -> Ended:
    return anyio.run(run, job)


@pytest.mark.parametrize("name", swept(list(WORKING_QUIETLY), every=4))
def test_w21_who_works_quietly_is_not_silent(make_job: MakeJob, tmp_path: Path, name: str) -> None:
    told = ended(make_job(*python(WORKING_QUIETLY[name], str(tmp_path / "written")), limits=QUIET))
    assert (told.breach, told.exit_code) == (None, 0)
    assert told.runtime_ms > 1000


@pytest.mark.parametrize("name", swept(list(IDLING), every=4))
def test_who_says_and_does_nothing_is_silent_whatever_ticks(make_job: MakeJob, name: str) -> None:
    found = ended(make_job(*python(IDLING[name]), limits=QUIET)).breach
    assert found and (found.limit, found.used, found.allowed) == ("silence", 1, 1)
    seen = found.evidence
    assert seen and seen.processes >= 1 and seen.memory_bytes > 0
    assert (seen.since_output_s, seen.first_output_s, seen.output_bytes) == (seen.runtime_s, None, 0)
    assert min(seen.since_cpu_s, seen.since_write_s) == 1


def test_who_never_says_a_word_is_ended_earlier(make_job: MakeJob) -> None:
    allowed = limits(first_output_s_max=1)
    found = ended(make_job("sleep", "300", limits=allowed)).breach
    assert found and (found.limit, found.allowed) == ("first_output", 1)


@pytest.mark.parametrize(
    "code",
    swept(["import time; print('on it', flush=True); time.sleep(1.4)", WORKING_QUIETLY["computes"]], every=2),
)
def test_who_said_a_word_or_works_is_not_silent_from_the_start(make_job: MakeJob, code: str) -> None:
    told = ended(make_job(*python(code), limits=limits(first_output_s_max=1)))
    assert (told.breach, told.exit_code) == (None, 0)


HELD = """
import os, sys, time
children, mebibytes, where = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
held = bytearray(b'x') * (mebibytes << 20) if where == 'before' else b''
for _ in range(children):
    if os.fork() == 0:
        held = bytearray(b'x') * (mebibytes << 20) if where == 'after' else held
        time.sleep(300 if where == 'after' else 1)
        os._exit(0)
for _ in range(children):
    os.wait()
"""


def test_pages_that_processes_share_count_once(make_job: MakeJob) -> None:
    job = make_job(*python(HELD, "4", "100", "before"), limits=limits(memory_bytes_max=200 << 20))
    assert ended(job).breach is None


def test_many_small_processes_break_the_limit_together(make_job: MakeJob) -> None:
    job = make_job(*python(HELD, "12", "20", "after"), limits=limits(memory_bytes_max=150 << 20))
    told = ended(job)
    assert told.breach and (told.breach.limit, told.breach.allowed) == ("memory", 150 << 20)
    assert told.breach.evidence and told.breach.evidence.memory_bytes == told.breach.used > 150 << 20
    assert told.runtime_ms < 2000


def test_a_storm_of_forks_is_stopped_whole(make_job: MakeJob) -> None:
    # Bounded by itself, in case nothing else bounds it.
    storm = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(6):
        os.fork()
    time.sleep(300)
    """
    told = ended(make_job(*python(storm), limits=limits(processes_max=20)))
    assert told.breach and told.breach.limit == "processes" and 20 < told.breach.used <= 64
    assert (told.exit_code, told.swept) == (-signal.SIGKILL, 63)


def test_a_disk_that_fills_up_stops_the_job(make_job: MakeJob, tmp_path: Path) -> None:
    free = free_bytes([tmp_path])
    assert free
    told = ended(make_job("sleep", "300", limits=limits(disk_free_bytes_min=free * 2)))
    assert told.breach and (told.breach.limit, told.breach.allowed) == ("disk", free * 2)
    assert told.runtime_ms < 2000


def test_of_a_place_that_is_gone_nobody_knows_what_is_free(tmp_path: Path) -> None:
    assert free_bytes([tmp_path / "gone"]) is None
    assert free_bytes([tmp_path / "gone", tmp_path]) == free_bytes([tmp_path])


def test_a_flood_that_nobody_saw_is_told_with_what_was_seen(make_job: MakeJob) -> None:
    found = ended(make_job("head", "-c", "3000000", "/dev/zero", limits=limits(output_bytes_max=1000))).breach
    assert found and found.evidence and found.evidence.output_bytes == found.used


@pytest.mark.sweep
def test_nobody_is_ended_for_silence_on_the_word_of_a_look_that_is_over(tmp_path: Path) -> None:
    code = "import sys\nfor _ in sys.stdin:\n    sum(range(3000000))\n    print(flush=True)"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen(python(code), start_new_session=True, **pipes)  # type: ignore[call-overload]
    main = table.row(child.pid)
    assert main

    async def judged() -> Breach | None:
        with streams_opened(tmp_path / "out", None) as streams, tree_kept("watched") as tree:
            tree.grow_from(main)
            watch = Watch(QUIET, (tmp_path,), tree, streams)

            async def good_for(seconds: float) -> None:
                until = anyio.current_time() + seconds
                while anyio.current_time() < until:
                    assert await watch.breach() is None
                    await anyio.sleep(0.01)

            # A third of the way between two looks it says something, so that its silence is too long between two.
            await good_for(0.3)
            os.write(streams.out, b"said")
            said_at = anyio.current_time()
            await good_for(0.93)
            child.stdin.write(b"work\n")
            child.stdin.flush()
            child.stdout.readline()
            await anyio.sleep_until(said_at + 1.03)
            return await watch.breach()

    try:
        assert anyio.run(judged) is None
    finally:
        child.kill()
        child.communicate()
