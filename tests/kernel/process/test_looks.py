"""What the processes of a tree used, added up over those that came and went."""

import os
import subprocess
import sys

import pytest
from tests.kernel.process.jobs import python, wait_for

from verger_kernel.process import table
from verger_kernel.process.looks import Looks, growth
from verger_kernel.process.tree import tree_kept

A, B, C = (1, 10), (2, 20), (3, 30)


def test_what_a_child_had_used_is_its_parents_once_it_was_waited_for() -> None:
    assert growth({A: 5, B: 100}, {A: 107}) == 2
    assert growth({}, {A: 5}) == 5


def test_what_is_lost_with_a_process_does_not_hide_what_new_ones_do() -> None:
    assert growth({A: 5, B: 100}, {A: 5, C: 4}) == 4
    assert growth({A: 5, B: 100}, {A: 107, C: 4}) == 6
    assert growth({A: 5, B: 4}, {A: 5, C: 4}) == 4


def test_what_was_used_is_never_taken_back() -> None:
    assert growth({A: 5, B: 100}, {A: 8}) == 0
    assert growth({A: 5}, {}) == 0


def test_looks_see_cpu_and_writes_of_children_that_are_gone() -> None:
    code = """
    import os, sys, time
    sys.stdin.readline()
    for _ in range(3):
        if os.fork() == 0:
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass
            os.write(2, b'x' * 10000)
            os._exit(0)
        os.wait()
    print('done', flush=True)
    sys.stdin.readline()
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(python(code), start_new_session=True, **pipes)  # type: ignore[call-overload]
    main = table.row(child.pid)
    assert main and child.stdin and child.stdout
    try:
        with tree_kept("looked at") as tree:
            tree.grow_from(main)
            looks = Looks(tree, 1 << 30)
            before = looks.look()
            child.stdin.write(b"go\n")
            child.stdin.flush()
            child.stdout.readline()
            after = looks.look()
    finally:
        child.kill()
        child.communicate()
    assert 0.25 <= after.cpu_s - before.cpu_s < 2
    assert 30_000 <= after.written_bytes - before.written_bytes < 60_000
    assert (after.processes, after.memory_bytes > 1 << 20) == (1, True)


def test_a_process_that_began_since_the_last_look_is_seen_by_the_next() -> None:
    child = subprocess.Popen(
        ["sh", "-c", "read line; sleep 300"], stdin=subprocess.PIPE, start_new_session=True
    )
    main = table.row(child.pid)
    assert main and child.stdin
    try:
        with tree_kept("grows") as tree:
            tree.grow_from(main)
            looks = Looks(tree, 1 << 30)
            assert looks.look().processes == 1
            child.stdin.write(b"go\n")
            child.stdin.flush()
            wait_for(lambda: looks.look().processes == 2, "the second process")
            for row in tree.living():
                os.kill(row.pid, 9)
            wait_for(lambda: looks.look().processes == 0, "the end of both")
    finally:
        child.kill()
        child.communicate()


def test_between_two_births_only_those_that_still_live_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine where nothing else begins.
    monkeypatch.setattr(table, "newest_pid", lambda: b"1\n")
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    main = table.row(child.pid)
    assert main
    with tree_kept("ends") as tree:
        tree.grow_from(main)
        looks = Looks(tree, 1 << 30)
        assert looks.look().processes == 1
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert looks.look().processes == 0
        child.wait()
        assert looks.look().processes == 0


def test_what_one_may_not_read_counts_nothing() -> None:
    assert table.written_bytes(0) == 0
    assert table.own_share_bytes(0) is None


def test_the_share_of_a_process_is_no_more_than_it_holds() -> None:
    row, share = table.row(os.getpid()), table.own_share_bytes(os.getpid())
    assert row and share and sys.platform == "linux"
    assert 1 << 20 < share < row.rss_bytes + (8 << 20)
