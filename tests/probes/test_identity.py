"""Who a process is."""

import os
import subprocess
import sys

from verger_probes.identity import boottime_ns, pid_namespace, start_ticks


def test_a_process_started_once_and_its_successor_later():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert 0 < start_ticks(os.getpid()) <= start_ticks(child.pid)
        assert child.stdin
        child.stdin.close()
        # Ended and not reaped yet: nothing of it runs any more.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_ticks(child.pid) == 0
        child.wait()
    assert start_ticks(child.pid) == 0


def test_the_namespace_is_that_of_every_process_here():
    told = subprocess.run(
        ["readlink", "/proc/self/ns/pid"], capture_output=True, text=True, check=True
    ).stdout
    assert told.strip() == f"pid:[{pid_namespace()}]"


def test_boottime_goes_on():
    assert 0 < boottime_ns() <= boottime_ns()
