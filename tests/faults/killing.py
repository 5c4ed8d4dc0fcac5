"""A supervised run whose daemon and kernels are killed at moments that were drawn; after each there is a daemon again.

Not here: how many runs, and what they add up to; see `kills.py`.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.doubles.daemons import Refused, Seat, _left_behind, seated
from tests.doubles.notes import item, scenario
from tests.doubles.trials import NO_SECOND_ROUND, PASSING, _with_agents
from tests.faults.row import marked
from tests.faults.scene import AGENTS

from verger_kernel.process import table

ITEMS = ("01", "02", "03")
CALLS_EACH = 3
AT_REST = "terminal_observed"
PATIENCE_S = 30.0
_STANDS_STILL_S = 3.0


class Kill(NamedTuple):
    """Who is killed, once so many more records stand in the journal and so many seconds have passed then."""

    victim: str
    records: int
    after_s: float


class Course(msgspec.Struct, kw_only=True):
    """How one run went. `by_hand` counts how often a person had to go on where recovery leaves it to one, `resumed`
    how often a daemon went on. Each of the others must stay 0 or empty.
    """

    number: int
    kills: list[tuple[str, int, float]]
    killed: dict[str, int]
    by_hand: int = 0
    resumed: int = 0
    seconds: float = 0.0
    orphans: int = 0
    doubled_kernels: int = 0
    fallen_daemons: int = 0
    not_resumed: int = 0
    other_end: str = ""


def drawn(seed: int, number: int, count: int) -> list[Kill]:
    """The kills of the `number`-th run; the same for the same seed."""
    dice = random.Random(f"{seed}/{number}")
    victims = ("daemon", "kernel", "kernel", "both")
    return [
        Kill(dice.choice(victims), dice.randint(1, 6), round(dice.random() * 0.15, 3)) for _ in range(count)
    ]


def course(root: Path, number: int, kills: list[Kill]) -> tuple[Course, str]:
    """How the run went, and what it came to: its state, its items and what they wrote."""
    worker = json.dumps([sys.executable, "-I", "-S", str(AGENTS), "works", str(root / "agents")])
    agents = PASSING | {"worker": f'{{ kind = "generic", command = {worker} }}'}
    policy = NO_SECOND_ROUND + "verification_reruns = 1\n" + _with_agents(agents)
    content = {"rows": tuple(map(item, ITEMS)), "script": scenario(), "policy": policy}
    found = Course(number=number, kills=[tuple(one) for one in kills], killed={"daemon": 0, "kernel": 0})
    began_s = time.monotonic()
    with seated(root, **content) as seat:
        end = _Run(seat, found).carried(kills)
        found.seconds = round(time.monotonic() - began_s, 1)
    return found, end


class _Run:
    """One run under fire."""

    def __init__(self, seat: Seat, found: Course) -> None:
        self._seat, self._found = seat, found
        self._moved_s = time.monotonic()
        self._records = 0

    def carried(self, kills: list[Kill]) -> str:
        """What it came to in the end; empty when it did not come to an end."""
        self._start()
        run = self._seat.begin("playbook.md", "--next", "--auto-advance")["run_id"]
        over = threading.Event()
        watcher = threading.Thread(target=self._count_kernels, args=(over,))
        watcher.start()
        try:
            for kill in kills:
                if self._until_due(run, kill):
                    self._kill(kill.victim)
            return self._ended(run)
        finally:
            over.set()
            watcher.join()

    def _start(self) -> None:
        self._seat.start(VERGERD_RECOVER="true")

    def _until_due(self, run: str, kill: Kill) -> bool:
        """Whether the moment came; false when the run came to its end before."""
        wanted = self._count() + kill.records
        deadline = time.monotonic() + PATIENCE_S
        while self._count() < wanted and time.monotonic() < deadline:
            if self._at_end(run):
                return False
            time.sleep(0.01)
        time.sleep(kill.after_s)
        return True

    def _kill(self, victim: str) -> None:
        if victim in ("kernel", "both"):
            for pid in self._kernels():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self._found.killed["kernel"] += 1
        if victim in ("daemon", "both"):
            self._seat.kill()
            self._found.killed["daemon"] += 1
            self._start()
        self._moved_s = time.monotonic()

    def _at_end(self, run: str) -> bool:
        """Whether the run came to its end. Where it is left to a person, a person goes on."""
        try:
            said = self._seat.status(run)
        except OSError:
            if not self._seat.process or self._seat.process.poll() is None:
                raise
            # It fell though nobody killed it, which is counted; there must be another one all the same.
            self._found.fallen_daemons += 1
            self._start()
            return False
        if self._count() != self._records or said["supervision"]["at_work"]:
            self._records, self._moved_s = self._count(), time.monotonic()
        if said["claim"] == AT_REST:
            return True
        if time.monotonic() - self._moved_s > _STANDS_STILL_S:
            with suppress(Refused):
                directory, environment = str(self._seat.place.repository), self._seat.environment()
                words = ("--auto-advance",)
                self._seat.ask(
                    "run.resume", directory=directory, run=run, words=words, environment=environment
                )
                self._found.by_hand += 1
            self._moved_s = time.monotonic()
        return False

    def _ended(self, run: str) -> str:
        if not _within(PATIENCE_S, lambda: self._at_end(run)):
            self._found.not_resumed = 1
            self._found.other_end = f"it stands at {self._seat.status(run)['text']}"
            return ""
        saved = self._seat.status(run)["kernel"]
        folder = self._seat.place.run().root
        self._found.resumed = len(
            list((folder / "supervision" / "interventions").glob("*resume_after*.json"))
        )
        if not _within(5.0, lambda: not self._orphans(run)):
            self._found.orphans = len(self._orphans(run))
        if saved["agent_calls"] > len(ITEMS) * CALLS_EACH + 2 * self._found.killed["kernel"]:
            self._found.other_end = (
                f"{saved['agent_calls']} agent calls: more than were in flight were paid again"
            )
        attempts = len(list(folder.glob("items/*/attempt-*")))
        tree = self._seat.place.git("rev-parse", f"{saved['run_branch']}:docs")
        return f"{saved['current_state']}, {saved['passed']} passed in {attempts} attempts, docs {tree}"

    def _count(self) -> int:
        for path in self._seat.place.state.glob("verger/*/runs/RUN_*/journal.jsonl"):
            with suppress(OSError):
                return path.read_bytes().count(b"\n")
        return 0

    def _kernels(self) -> list[int]:
        """The living kernels of this place that drive a run."""
        wanted, found = str(self._seat.place.repository).encode(), []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if b"verger_kernel" in words and b"--supervised" in words and wanted in words:
                    found.append(int(path.parent.name))
        rows = {row.pid: row for row in map(table.row, found) if row and row.living}
        # Whom a kernel is about to start looks like the kernel itself until it has become another program.
        return [pid for pid, row in rows.items() if row.ppid not in rows]

    def _count_kernels(self, over: threading.Event) -> None:
        """Two at once in two looks are two: one that dies is gone at the second."""
        before: set[int] = set()
        while not over.wait(0.05):
            now = set(self._kernels())
            if len(now & before) > 1:
                self._found.doubled_kernels += 1
            before = now

    def _orphans(self, run: str) -> list[str]:
        daemon = self._seat.process.pid if self._seat.process else 0
        others = [words for words in _left_behind(self._seat) if "verger_daemon" not in words]
        return others + [str(pid) for pid in marked(run) if pid != daemon]


def _within(seconds: float, condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
