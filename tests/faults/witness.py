"""Two who see a trial from outside: one asks every 50 ms what is claimed, one watches who lives.

Not here: what is made of it; see `judging.py`. Both work in threads of their own until their `with` ends.
"""

import json
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.doubles.daemons import Asking, Refused, Seat
from tests.faults.judging import Answer, Life

from verger_probes.identity import boottime_ns, start_ticks

ASKED_EACH_S = 0.05
_LOOKED_EACH_MS = 10


class _Thread:
    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "_Thread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        raise NotImplementedError


class Asker(_Thread):
    """Asks how `run` stands, over a connection that it keeps, and remembers every answer."""

    def __init__(self, seat: Seat, run: str) -> None:
        super().__init__()
        self._seat, self._run = seat, run
        self.answers: list[Answer] = []

    def _work(self) -> None:
        asking: Asking | None = None
        while not self._over.is_set():
            asked_s = time.monotonic()
            try:
                asking = asking or self._seat.asking(patience_s=1.0)
                said = asking.ask("run.status", directory=str(self._seat.place.repository), run=self._run)
                self._heard(asked_s, said["claim"], said["exit_code"], said["reason"], said["ack_age_ms"])
            except (OSError, Refused, ValueError) as error:
                if asking:
                    asking.close()
                asking = None
                self._heard(asked_s, "", 11, f"{type(error).__name__}: {error}", None)
            self._over.wait(ASKED_EACH_S)
        if asking:
            asking.close()

    def _heard(self, asked_s: float, claim: str, code: int, reason: str, age_ms: int | None) -> None:
        self.answers.append(Answer(asked_s, time.monotonic(), claim, code, reason, age_ms))

    def waited(self, what: Callable[[Answer], bool], patience_s: float) -> bool:
        """Whether an answer that comes from now on is so, within `patience_s`."""
        seen, deadline = len(self.answers), time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if any(what(one) for one in self.answers[seen:]):
                return True
            time.sleep(0.01)
        return False


class Watcher(_Thread):
    """Watches the kernels that the daemons put on record, and the processes that agents say they have."""

    def __init__(self, roster: Path, agents: Path) -> None:
        super().__init__()
        self._roster, self._agents = roster, agents
        self._poll = select.poll()
        self._names: dict[int, tuple[int, int]] = {}
        self.kernels: dict[tuple[int, int], Life] = {}
        self.processes: dict[tuple[int, int], Life] = {}
        self.crossed_s: float | None = None

    def _work(self) -> None:
        while not self._over.is_set():
            for descriptor, _ in self._poll.poll(_LOOKED_EACH_MS):
                self._ended(descriptor)
            with suppress(OSError, ValueError):
                self._look()
        for descriptor in list(self._names):
            os.close(descriptor)

    def _look(self) -> None:
        for path in self._roster.glob("*.json"):
            known = json.loads(path.read_bytes())["identity"]
            self._add(self.kernels, known["pid"], known["start_ticks"])
        pids = self._agents / "pids"
        known_pids = {pid for pid, _ in self.processes}
        for path in pids.glob("[0-9]*"):
            if int(path.name) not in known_pids:
                self._add(self.processes, int(path.name), start_ticks(int(path.name)))
        if self.crossed_s is None and (self._agents / "crossed").exists():
            self.crossed_s = time.monotonic()

    def _add(self, lives: dict[tuple[int, int], Life], pid: int, ticks: int) -> None:
        if not pid or (pid, ticks) in lives:
            return
        now = time.monotonic()
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            if ticks and start_ticks(pid) == ticks:
                self._names[descriptor] = (pid, ticks)
                self._poll.register(descriptor, select.POLLIN)
                lives[pid, ticks] = Life(pid, now - _age_s(ticks))
                return
            os.close(descriptor)
        lives[pid, ticks] = Life(pid, now, now)

    def _ended(self, descriptor: int) -> None:
        who, now = self._names.pop(descriptor), time.monotonic()
        self._poll.unregister(descriptor)
        os.close(descriptor)
        for lives in (self.kernels, self.processes):
            if who in lives:
                lives[who] = lives[who]._replace(until_s=now)


def _age_s(ticks: int) -> float:
    """How long ago a process started, to a hundredth of a second."""
    return max(boottime_ns() / 1e9 - ticks / os.sysconf("SC_CLK_TCK"), 0.0)
