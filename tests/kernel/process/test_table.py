"""Processes as /proc shows them, held against psutil."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
from tests.kernel.process.jobs import wait_for

from verger_kernel.process import table


def test_a_row_says_what_psutil_says() -> None:
    row, process = table.row(os.getpid()), psutil.Process()
    assert row
    assert (row.ppid, row.sid, row.name, row.living) == (os.getppid(), os.getsid(0), process.name(), True)
    assert abs(row.rss_bytes - process.memory_info().rss) < 8 << 20
    started = psutil.boot_time() + row.ticks / os.sysconf("SC_CLK_TCK")
    assert abs(started - process.create_time()) < 2


def test_a_name_with_brackets_and_spaces_does_not_shift_the_fields(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(sys.executable)
    child = subprocess.Popen([str(program), "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        row = table.row(child.pid)
        assert row and (row.name, row.ppid) == ("a) R 1 (b", os.getpid())
    finally:
        child.communicate(b"\n")


def test_a_zombie_does_not_live_and_a_reaped_one_has_no_row() -> None:
    child = subprocess.Popen(["true"])
    wait_for(lambda: (row := table.row(child.pid)) and not row.living, "a zombie")
    child.wait()
    assert table.row(child.pid) is None
    assert not table.carries(child.pid, "A", "b")


def test_only_the_whole_entry_of_the_environment_counts() -> None:
    child = subprocess.Popen(["sleep", "300"], env={"VERGER_RUN": "R1", "X": "VERGER_RUN=R2"})
    try:
        wait_for(lambda: table.carries(child.pid, "VERGER_RUN", "R1"), "the environment")
        assert not table.carries(child.pid, "VERGER_RUN", "R")
        assert not table.carries(child.pid, "VERGER_RUN", "R2")
    finally:
        child.kill()
        child.wait()


def test_our_lineage_ends_at_the_first_process() -> None:
    lineage = table.lineage(table.rows())
    assert {os.getpid(), os.getppid(), 1} <= lineage
    assert lineage == {os.getpid(), 1} | {parent.pid for parent in psutil.Process().parents()}
