"""The bench counts what is there, and says every figure that it promises. Nothing here is timed.

Not here: the figures themselves; see docs/performance.md.
"""

import json
import subprocess
import sys

import pytest
from tests.bench import counting, item_figures
from tests.bench.bench import measured
from tests.bench.disk import used_by_kind, used_bytes
from tests.bench.effort import Effort
from tests.bench.figures import Figure, as_json, facts, median, table
from tests.bench.targets import AT_LEAST, AT_MOST
from tests.bench.workshop import CommandFailed, Shape, workshop

PROMISED = {
    "own_time_per_item_s",
    "own_time_per_item_s_at_1ms_sync",
    "own_time_per_item_s_at_5ms_sync",
    "cpu_per_item_s",
    "one_item_run_s",
    "git_processes_per_item",
    "fsyncs_per_item",
    "agent_calls_per_item",
    "item60_over_item1",
    "files1000_over_files1",
    "peak_rss_mb",
    "run_state_bytes_item1",
    "run_state_bytes_item60",
    "run_state_bytes_per_item",
    "disk_mb_after_60_items",
    "disk_kb_per_item_packet",
    "disk_kb_per_item_git_objects",
    "status_over_python_pass",
    "status_anew_over_python_pass",
    "list_items_over_python_pass",
    "list_items_anew_over_python_pass",
    "python",
    "git",
    "load",
}

# Seven syncs of five kinds: of the process, of its thread, and of its child's child.
SYNCS_SEVEN_TIMES = """\
import mmap, os, subprocess, sys, tempfile, threading
with tempfile.TemporaryFile(dir=sys.argv[1]) as file:
    file.write(bytes(9000))
    file.flush()
    os.fsync(file)
    os.fdatasync(file)
    with mmap.mmap(file.fileno(), 4096) as pages:
        pages.flush()
    thread = threading.Thread(target=os.fsync, args=(file,))
    thread.start()
    thread.join()
    child = "import os, sys; os.fsync(0); os.fdatasync(0)"
    subprocess.run(["sh", "-c", '"$1" -c "$2" && :', "sh", sys.executable, child], stdin=file, check=True)
    os.sync()
"""


@pytest.mark.parametrize("make", [counting.with_strace, counting.with_tracer])
def test_a_sync_counter_sees_those_of_threads_and_grandchildren(make, tmp_path):
    try:
        counter = make(tmp_path)
    except counting.NotCounted as reason:
        pytest.skip(str(reason))
    program = (sys.executable, "-c", SYNCS_SEVEN_TIMES, str(tmp_path))
    subprocess.run((*counter.prefix, *program), check=True, timeout=60)
    assert counter.count() == 7


@pytest.mark.parametrize("make", [counting.with_strace, counting.with_tracer])
def test_a_program_without_syncs_counts_none_and_keeps_its_exit_code(make, tmp_path):
    try:
        counter = make(tmp_path)
    except counting.NotCounted as reason:
        pytest.skip(str(reason))
    ended = subprocess.run((*counter.prefix, "sh", "-c", "true & wait; exit 7"), check=False, timeout=60)
    assert (ended.returncode, counter.count()) == (7, 0)


def test_where_no_tool_works_the_reasons_are_told_and_no_number(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(counting.NotCounted, match=r"no strace; no gcc"):
        counting.sync_counter(tmp_path)


def test_processes_are_counted_by_what_they_are_not_by_what_they_become(tmp_path):
    try:
        counter = counting.process_counter(tmp_path)
    except counting.NotCounted as reason:
        pytest.skip(str(reason))
    # A shell, one in it that becomes another program, and a copy of the first that becomes none.
    program = ("sh", "-c", "sh -c 'exec true'; (:); :")
    subprocess.run((*counter.prefix, *program), check=True, timeout=60)
    assert counter.count() == 2


def test_the_counting_git_is_the_real_one_and_counts_its_git_children(tmp_path):
    counter = counting.git_counter(tmp_path)
    path = f"{counter.folder}:/usr/bin:/bin"
    words = ("git", "-c", "alias.twice=!git version && git version", "twice")
    said = subprocess.run(words, env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    assert said.count("git version ") == 2
    assert counter.count() == 3
    assert counter.count() == 0


# Counting the syncs of whole runs takes half of the time.
@pytest.mark.sweep
@pytest.mark.parametrize("syncs_are_counted", [False, True])
def test_every_promised_figure_is_measured(syncs_are_counted, monkeypatch):
    if not syncs_are_counted:
        monkeypatch.setattr(item_figures, "sync_counter", _no_counter)
    chains = {"chain": 2, "counted": 2, "long_chain": 2, "long_chains": 1, "chains": 1}
    daemon = {"deaths": 1, "starts": 1, "runs": (2, 3), "asked": 9, "asking_s": 0.1, "asks": 1, "rests": 1}
    few = {"pairs": 1, "many_files": 3, "views": 1, "tracked": 2, "calls": 1, "syncs": 1, "rest_s": 0.1}
    found = measured(Effort(**chains, **daemon, **few))
    values = json.loads(as_json(found, facts()))
    assert values.keys() >= PROMISED
    assert values["agent_calls_per_item"] == 3
    assert values["git_processes_per_item"] > 0
    assert values.keys() >= AT_MOST.keys() | AT_LEAST.keys()
    assert values["details"]["agent_calls_per_item"]["met"] is None
    assert values["details"]["run_state_bytes_per_item"]["target"] == 1
    assert all(one.value is not None or "not " in one.how for one in found)
    assert (values["fsyncs_per_item"] is not None) == syncs_are_counted


def _no_counter(_):
    raise counting.NotCounted("this test does not count them")


def test_what_was_not_counted_is_null_with_its_reason():
    figure = Figure("syncs", None, "syncs", "not counted: no strace", load=0.5)
    assert json.loads(as_json([figure], {}))["syncs"] is None
    assert table([figure]).splitlines()[1].split() == ["syncs", "-", "syncs", "0.50", *figure.how.split()]


def test_where_more_is_better_less_does_not_meet_the_target():
    assert [Figure("rpc_per_s_16", value, "1/s", "by hand").met for value in (60_000, 59_999)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(("value", "met"), [(25, True), (25.1, False), (None, None)])
def test_a_figure_is_shown_beside_its_target(value, met):
    figure = Figure("fsyncs_per_item", value, "syncs", "by hand")
    assert json.loads(as_json([figure], {}))["details"]["fsyncs_per_item"]["met"] is met
    words = {True: ["25.0", "syncs", "yes"], False: ["25.0", "syncs", "no"], None: ["25.0", "syncs"]}
    assert " ".join(words[met]) in " ".join(table([figure]).splitlines()[1].split())


def test_every_block_is_counted_under_one_kind(tmp_path):
    run = tmp_path / "state" / "verger" / "some-repository" / "runs" / "R"
    attempt = run / "items" / "01" / "attempt-1"
    for place in (
        *(run / "journal.jsonl", run / "run_state.json", attempt / "packet" / "round-0" / "manifest.json"),
        *(attempt / "junit.round-0.xml", attempt.parent / "passed.json", run.parent / "odd"),
        *(run.parents[1] / "reports" / "r", tmp_path / ".git" / "objects" / "o", tmp_path / ".git" / "HEAD"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes(5000))
    (run / "zz-the-same").hardlink_to(run / "journal.jsonl")
    found = used_by_kind(tmp_path / "state", tmp_path / ".git")
    assert found.total() == used_bytes(tmp_path / "state", tmp_path / ".git")
    kinds = {"journal", "run", "packet", "item", "reports", "git objects", "git refs and the rest"}
    assert found.keys() == kinds | {"state folder"}
    assert all(found[kind] >= 8192 for kind in kinds)
    assert found["journal"] == 8192


def test_a_median_shows_how_far_its_samples_lie_apart():
    figure = median("wait", [3.0, 1.0, 8.0], "s", "by hand")
    assert (figure.value, figure.spread, figure.how) == (3.0, (1.0, 8.0), "by hand; median of 3")


def test_a_command_that_fails_gives_no_figure_but_its_last_words():
    with workshop(Shape(tracked=0)) as made:
        with pytest.raises(CommandFailed, match="ended with 4"):
            made.timed(made.kernel("run", "absent.md", "--next"))
        root = made.root
    assert not root.exists()
