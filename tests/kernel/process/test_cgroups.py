"""Where control groups are delegated, what a leaf is told, and what is read from it.

Not here: that a real leaf holds a real job, see test_stopped.py. No memory controller of version 2 is at hand on most
machines that run these tests: here folders with plain files double for control groups, which shows what is written and
read, not what a system does with it.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.kernel.process.jobs import limits

from verger_kernel.process import cgroups, ending
from verger_kernel.process.cgroups import Delegated, Leaf, delegation, leaf_kept, leaves_of, own_folder
from verger_kernel.process.runner import Job, run

MOUNTS = (
    "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "31 24 0:27 {root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
)
FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs", "cgroup.kill")


@pytest.mark.parametrize(
    ("root", "membership", "folder"),
    [
        ("/", "0::/user.slice/a.scope\n", "/sys/fs/cgroup/user.slice/a.scope"),
        ("/", "4:memory:/x\n0::/\n", "/sys/fs/cgroup"),
        ("/box", "0::/box/run\n", "/sys/fs/cgroup/run"),
        ("/", "4:memory:/x\n", None),
        ("/", "0::/../elsewhere\n", None),
        ("/box", "0::/other\n", None),
    ],
)
def test_our_own_group_is_found_below_its_mount(root: str, membership: str, folder: str | None) -> None:
    found = own_folder(MOUNTS.format(root=root), membership)
    assert found == (Path(folder) if folder else None)


def test_without_a_mount_of_version_2_there_is_none() -> None:
    assert own_folder(MOUNTS.splitlines()[0], "0::/\n") is None


def double(folder: Path, *, offered: str, enabled: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in (
        ("cgroup.procs", ""),
        ("cgroup.controllers", offered),
        ("cgroup.subtree_control", enabled),
    ):
        (folder / name).write_text(text)
    return folder


def test_a_double_that_has_controllers_offers_those_that_we_want(tmp_path: Path) -> None:
    folder = double(tmp_path / "ours", offered="cpu memory pids\n", enabled="memory cpu pids\n")
    assert delegation(folder) == Delegated(folder, frozenset({"memory", "pids"}))
    assert delegation(double(tmp_path / "poor", offered="\n", enabled="")) == Delegated(
        tmp_path / "poor", frozenset()
    )


def test_leaves_that_nobody_is_in_are_taken_away_unless_they_are_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = double(tmp_path / "ours", offered="", enabled="")
    for name in ("job-1", "job-2", "other"):
        (folder / name).mkdir()
    (folder / "job-2" / "inhabitant").mkdir()
    delegation(folder)
    assert (folder / "job-1").exists()
    monkeypatch.setattr(cgroups, "_YOUNG_S", -1)
    delegation(folder)
    assert sorted(place.name for place in folder.iterdir() if place.is_dir()) == ["job-2", "other"]


def test_controllers_of_a_double_that_are_only_offered_are_switched_on(tmp_path: Path) -> None:
    folder = double(tmp_path / "ours", offered="memory pids", enabled="")
    delegation(folder)
    assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_a_unit_of_systemd_that_is_not_delegated_is_left_alone(tmp_path: Path) -> None:
    folder = double(tmp_path / "verger.service" / "run-1", offered="memory", enabled="memory")
    assert delegation(folder) is None
    try:
        os.setxattr(tmp_path / "verger.service", "user.delegate", b"1")
    except OSError:
        return  # This folder's disk keeps no such attributes; what stands above was shown.
    assert delegation(folder) == Delegated(folder, frozenset({"memory"}))


def test_a_folder_that_is_no_group_is_not_delegated(tmp_path: Path) -> None:
    assert delegation(tmp_path) is None


def kept(run_marker: str, marker: str) -> Leaf | None:
    """The leaf that a job would get, made and removed."""

    async def keep() -> Leaf | None:
        async with leaf_kept(run_marker, marker, limits()) as made:
            return made

    return anyio.run(keep)


@pytest.fixture
def leaf(tmp_path: Path, run_marker: str, monkeypatch: pytest.MonkeyPatch) -> Leaf:
    """A double of the leaf that the job of `make_job` will get, below a group with both controllers."""
    home = Delegated(tmp_path / "home", frozenset({"memory", "pids"}))
    home.folder.mkdir()
    monkeypatch.setattr(cgroups, "delegated", lambda: home)
    monkeypatch.setattr(cgroups, "_REMOVED_WITHIN_S", 0)
    made = kept(run_marker, f"{run_marker}-job")
    assert made
    made.folder.mkdir()
    for name in FILES:
        (made.folder / name).write_text("")
    return made


def test_a_job_is_put_into_its_leaf_under_the_limits_of_the_system(
    leaf: Leaf, make_job: Callable[..., Job], run_marker: str
) -> None:
    job = make_job("sh", "-c", "echo $$", limits=limits(memory_bytes_max=5 << 20, processes_max=3))
    ended = anyio.run(run, job)
    assert (ended.exit_code, ended.breach) == (0, None)
    told = {name: (leaf.folder / name).read_text() for name in FILES}
    assert told == {
        "memory.max": str(5 << 20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "24",
        "cgroup.procs": job.stdout.read_text().strip(),
        "cgroup.kill": "",
    }
    assert leaves_of(run_marker) == [leaf]


def test_a_leaf_is_told_to_kill_all_when_grace_is_over(
    leaf: Leaf, make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "GRACE_S", 0.05)
    assert anyio.run(run, make_job("sh", "-c", "(sleep 300 &)")).swept == 1
    assert (leaf.folder / "cgroup.kill").read_text() == ""
    assert anyio.run(run, make_job("sh", "-c", "trap '' TERM; (sleep 300 &)")).swept == 1
    assert (leaf.folder / "cgroup.kill").read_text() == "1"


@pytest.mark.parametrize(
    ("file", "events", "limit"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 1\n", "memory"),
        ("pids.events", "max 3\n", "processes"),
    ],
)
def test_what_the_system_enforced_in_a_double_of_a_leaf_is_the_breach(
    leaf: Leaf, make_job: Callable[..., Job], file: str, events: str, limit: str
) -> None:
    (leaf.folder / file).write_text(events)
    ended = anyio.run(run, make_job("sh", "-c", "kill -KILL $$"))
    assert ended.breach and ended.breach.limit == limit
    assert ended.breach.used == ended.breach.allowed + 1 and ended.breach.evidence


def test_a_leaf_that_only_reached_its_limits_broke_none(leaf: Leaf) -> None:
    (leaf.folder / "memory.events").write_text("max 9\noom 0\noom_kill 0\n")
    (leaf.folder / "pids.events").write_text("max 0\n")
    assert leaf.exceeded() == ""


def test_where_no_leaf_can_be_made_there_is_none(leaf: Leaf, run_marker: str) -> None:
    shutil.rmtree(leaf.folder.parent)
    assert kept(run_marker, "job") is None
