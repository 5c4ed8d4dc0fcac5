"""Agents that behave as those of bad nights did, each in a few lines: `agents.py NAME FOLDER`. Standard library only.

Not here: what must come of each; see `by_agents.py`. In FOLDER every process of one leaves `pids/PID` when it begins
and `over/PID` when it leaves by itself; `crossed` is made at the moment from which it is to be ended.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20
HEALTHY_S = 7.0
"""How long what only looks dead goes on: more than twice the silence that is allowed it."""
STORM, SMALL, SMALL_MIB, SHARED_MIB, SPIKE_MIB = 200, 40, 20, 250, 600
FLOOD_BYTES = 2 << 30
FOLDER = Path(sys.argv[2])


def here(name: str) -> None:
    """Leaves a mark of this process."""
    (FOLDER / name).mkdir(exist_ok=True)
    (FOLDER / name / str(os.getpid())).touch()


def crossed() -> None:
    """From now on it is to be ended."""
    (FOLDER / "crossed").touch()


def answer(task: dict) -> None:
    """Does the item and says so."""
    file = Path(task["worktree"], "docs", f"{task['item_id']}.md")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a note\n")
    names = ("run_id", "item_id", "attempt", "round", "stage", "agent")
    report = {name: task[name] for name in names}
    report |= {"schema_version": task["report_schema"], "verdict": "implemented", "summary": "a double"}
    part = Path(task["report_path"] + ".part")
    part.write_text(json.dumps(report))
    part.rename(task["report_path"])


def forever() -> None:
    """Does nothing any more."""
    while True:
        time.sleep(3600)


def child(work: Callable[[], object]) -> int:
    """The pid of a copy of this process that does `work` and leaves."""
    pid = os.fork()
    if pid == 0:
        here("pids")
        work()
        here("over")
        os._exit(0)
    return pid


def touched(mib: int) -> bytearray:
    """Memory that is really there."""
    held = bytearray(mib * MIB)
    held[:: os.sysconf("SC_PAGE_SIZE")] = b"x" * len(held[:: os.sysconf("SC_PAGE_SIZE")])
    return held


def until_released(task: dict) -> None:
    """Says something five times a second until `release` is there."""
    while not (FOLDER / "release").exists():
        print("at work", flush=True)
        time.sleep(0.2)
    answer(task)


def works(task: dict) -> None:
    answer(task)


def spins(task: dict) -> None:
    for _ in itertools.count():
        pass


def slow_lines(task: dict) -> None:
    for number in range(int(HEALTHY_S)):
        print(f"line {number}", flush=True)
        time.sleep(1)
    answer(task)


def quiet_cpu(task: dict) -> None:
    until = time.monotonic() + HEALTHY_S
    while time.monotonic() < until:
        sum(range(1000))
    answer(task)


def quiet_writer(task: dict) -> None:
    with (FOLDER / "written").open("wb", buffering=0) as file:
        for _ in range(int(HEALTHY_S * 5)):
            file.write(bytes(256))
            time.sleep(0.2)
    answer(task)


def quiet_sleep(task: dict) -> None:
    print("I shall think about it", flush=True)
    crossed()
    forever()


def trickle(task: dict) -> None:
    for _ in range(int(HEALTHY_S / 2) + 1):
        os.write(1, b".")
        time.sleep(2)
    answer(task)


def never_speaks(task: dict) -> None:
    crossed()
    forever()


def stays_when_done(task: dict) -> None:
    answer(task)
    crossed()
    forever()


def leaves_a_reader(task: dict) -> None:
    """A grandchild keeps the streams open in a session of its own, and ignores what asks it to leave."""

    def stay() -> None:
        os.setsid()
        os.closerange(3, 64)
        forever()

    child(lambda: child(stay))
    os.wait()
    answer(task)
    crossed()


def storm(task: dict) -> None:
    crossed()
    started = [subprocess.Popen(("sleep", "600")) for _ in range(STORM)]
    for one in started:
        (FOLDER / "pids" / str(one.pid)).touch()
    forever()


def many_small(task: dict) -> None:
    crossed()
    for _ in range(SMALL):
        child(lambda: (touched(SMALL_MIB), forever()))
    forever()


def shares_pages(task: dict) -> None:
    held = touched(SHARED_MIB)
    print("it is there", flush=True)
    for _ in range(4):
        child(lambda: time.sleep(HEALTHY_S))
    for _ in range(4):
        os.wait()
    assert held
    answer(task)


def spikes(task: dict) -> None:
    def big() -> None:
        crossed()
        held = touched(SPIKE_MIB)
        forever()
        assert held

    child(lambda: (child(big), os.wait()))
    forever()


def floods(task: dict) -> None:
    crossed()
    for _ in range(FLOOD_BYTES // MIB):
        os.write(1, bytes(MIB))
    forever()


def fills_the_disk(task: dict) -> None:
    crossed()
    with Path(task["worktree"], "big").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(MIB))
            except OSError:
                time.sleep(0.05)
            time.sleep(0.02)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    here("pids")
    globals()[sys.argv[1]](json.load(sys.stdin))
    here("over")
