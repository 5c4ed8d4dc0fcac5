"""One trial: a daemon, a run with one item whose worker misbehaves, and whoever does harm to all of them.

Not here: the harm (`on_*.py`, `by_agents.py`) and what is made of what was seen (`row.py`).
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from tests.doubles.daemons import Refused, Seat, seated
from tests.doubles.notes import item, scenario
from tests.doubles.trials import NO_SECOND_ROUND, PASSING, _with_agents
from tests.faults.judging import LIVE, Span, Truth
from tests.faults.witness import Asker, Watcher

from verger_probes.records import read_record

AGENTS = Path(__file__).with_name("agents.py")
PATIENCE_S = 30.0
RESTS = ("terminal_observed", "waiting_state_observed")


class NotHere(Exception):
    """A class that cannot be tried on this machine: why."""


class Stalled(Exception):
    """Something that a trial waits for did not come about."""


@dataclass(frozen=True)
class Fault:
    """One class of faults. `play` does the harm once the agent is at work, and leaves when nothing more is to be seen.

    `demands` is with which word the kernel must say why it ended the agent, `gone` that its processes must be ended and
    no more; empty where everything is healthy and nothing may be ended. `after_s` is when a limit is over, counted
    from when the agent crossed it; `may` is with which word it may be ended besides. `passed` is how many items pass in
    the end, None where that is left to the moment. `prepare` makes what the trial needs
    below its root and says what is in the environment of daemon and kernel. `also` says what else was wrong at last.
    """

    name: str
    about: str
    play: "Callable[[Scene], None]"
    agent: str = "until_released"
    policy: Mapping[str, int] = field(default_factory=dict)
    demands: str = ""
    after_s: float = 0.0
    passed: int | None = 1
    may: str = ""
    also: "Callable[[Scene], list[str]]" = lambda _: []
    prepare: "Callable[[Path], Mapping[str, str]]" = lambda _: {}


class Scene:
    """What a class of faults sees and may do."""

    def __init__(self, fault: Fault, seat: Seat, root: Path, more: Mapping[str, str]) -> None:
        self.fault, self.seat, self.root, self.folder = fault, seat, root, root / "agents"
        self._more = dict(more)
        self._stack = ExitStack()
        self._mute: list[Span] = []
        self._deaf: list[Span] = []
        self._doubtful: list[Span] = []
        self.ours: set[int] = set()
        """Who was ended by this trial itself, or fell with who was."""
        self.told: list[tuple[float, str]] = []
        self.run = ""

    # Its course.

    def begin(self) -> None:
        """Begins the run; from now on everything is seen."""
        self.began_s = time.monotonic()
        self.seat.start(**self._settings())
        directory, words = str(self.seat.place.repository), ("playbook.md", "--item", "01")
        environment = self.seat.environment(**self._joined())
        asked = self.seat.ask("run.start", directory=directory, words=words, environment=environment)
        self.run = asked["run_id"]
        roster = self.seat.daemon_home / "runs"
        self.watcher = self._stack.enter_context(Watcher(roster, self.folder))
        self.asker = self._stack.enter_context(Asker(self.seat, self.run))
        self.until(lambda: bool(self.watcher.processes), "the agent begins")
        self.until(lambda: self.says(LIVE), "the kernel is proved alive")

    def end(self) -> None:
        """Nobody asks and watches any more."""
        self._stack.close()

    def rest(self) -> None:
        """Waits until the run has come to rest, or is left to a person, and nobody is at work on it."""
        self.until(lambda: self.says(*RESTS) or self._is_left(), "the run comes to rest")

    def _is_left(self) -> bool:
        """Whether the daemon says that it does nothing more about a run which no kernel is at work on."""
        if self._alive(self.watcher.kernels) or self.says(LIVE):
            return False
        try:
            said = self.seat.status(self.run)["supervision"]
        except (OSError, Refused, ValueError):
            return False
        return not said["at_work"] and said["next"].endswith("a person is needed")

    def release(self) -> None:
        """The agent may finish."""
        (self.folder / "release").touch()

    # What is seen.

    def says(self, *claims: str) -> bool:
        """Whether the last answer is one of these."""
        return bool(self.asker.answers) and self.asker.answers[-1].claim in claims

    def until(self, condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        """Returns as soon as it is so. Raises Stalled."""
        deadline = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > deadline:
                raise Stalled(f"{self.fault.name}: waited {patience_s:.0f} s in vain until {what}")
            time.sleep(0.01)

    def watch(self, seconds: float) -> None:
        """Lets time pass, which is asked through."""
        time.sleep(seconds)

    def kernel(self) -> int:
        """The kernel that is at work now. Raises Stalled."""
        self.until(lambda: bool(self._alive(self.watcher.kernels)), "a kernel is at work")
        return self._alive(self.watcher.kernels)[-1]

    def agents(self) -> list[int]:
        """The processes of agents that are there now."""
        return self._alive(self.watcher.processes)

    @staticmethod
    def _alive(lives: Mapping[Any, Any]) -> list[int]:
        return [life.pid for life in list(lives.values()) if life.until_s == inf]

    # What is done.

    def tell(self, what: str) -> float:
        """Puts on record that `what` is done now; answers with the moment."""
        now = time.monotonic()
        self.told.append((now, what))
        return now

    def signal(self, number: signal.Signals, *pids: int) -> float:
        """Signals processes; answers with the moment right before."""
        at = self.tell(f"{number.name} to {len(pids)} process(es)")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return at

    def kill_kernel(self) -> int:
        """SIGKILL to the kernel; its agents fall with it, by right."""
        pid = self.kernel()
        self.ours |= {pid, *self.agents()}
        self.signal(signal.SIGKILL, pid)
        return pid

    def kill_daemon(self) -> None:
        """SIGKILL to the daemon; nobody can be asked until there is another."""
        at = self.tell("SIGKILL to the daemon")
        self.seat.kill()
        self._deaf.append(Span(at, inf))

    def start_daemon(self, **more: str) -> None:
        """The next daemon, which listens."""
        self.seat.start(**self._settings() | more)
        self.tell("the next daemon listens")
        self._close(self._deaf)

    def resume_by_hand(self, former: int) -> None:
        """What a person does when the daemon waits for one, unless another kernel than `former` is at work already."""
        if self.says(*RESTS) or set(self._alive(self.watcher.kernels)) - {former}:
            return
        for words in (("doctor", "--fix-safe", "--run-id", self.run), ("supervise", "resume", self.run)):
            said = self.seat.verger(*words)
            lines = (said.stderr or said.stdout).strip().splitlines() or [""]
            self.tell(f"`verger {' '.join(words[:2])}` ended with {said.returncode}: {lines[0][:200]}")

    @contextmanager
    def mute(self) -> Iterator[None]:
        """While it lasts no kernel can answer."""
        with self._lasting(self._mute):
            yield

    @contextmanager
    def doubtful(self) -> Iterator[None]:
        """While it lasts a kernel answers that must not be believed."""
        with self._lasting(self._doubtful):
            yield

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """While it lasts nobody can be asked."""
        with self._lasting(self._deaf):
            yield

    @contextmanager
    def stopped(self, *pids: int) -> Iterator[None]:
        """While it lasts these are stopped."""
        self.signal(signal.SIGSTOP, *pids)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT, *pids)

    @contextmanager
    def _lasting(self, spans: list[Span]) -> Iterator[None]:
        spans.append(Span(time.monotonic(), inf))
        try:
            yield
        finally:
            self._close(spans)

    @staticmethod
    def _close(spans: list[Span]) -> None:
        spans[-1] = spans[-1]._replace(until_s=time.monotonic())

    def _settings(self) -> dict[str, str]:
        return {"VERGERD_RECOVER": "true", **self._joined()}

    def _joined(self) -> dict[str, str]:
        """What else is in the environment of daemon and kernel; a path for Python comes before the others."""
        found = dict(self._more)
        if "PYTHONPATH" in found:
            found["PYTHONPATH"] += os.pathsep + self.seat.environment()["PYTHONPATH"]
        return found

    # What it came to.

    def truth(self) -> Truth:
        """What was so."""
        lives = tuple(self.watcher.kernels.values())
        return Truth(lives, tuple(self._mute), tuple(self._deaf), tuple(self._doubtful))

    def overs(self) -> set[int]:
        """The processes of agents that left by themselves."""
        return {int(path.name) for path in (self.folder / "over").glob("[0-9]*")}

    def interventions(self) -> list[dict[str, Any]]:
        """What daemons did about the run, oldest first."""
        folder = self.seat.supervision() / "interventions"
        found = []
        for path in sorted(folder.glob("[0-9]*.json")):
            with suppress(ValueError):
                found.append(json.loads(read_record(path)))
        return found


@contextmanager
def scene(fault: Fault, root: Path) -> Iterator[Scene]:
    """A scene for one trial below `root`; nobody of it is left at the end."""
    folder = root / "agents"
    folder.mkdir(parents=True)
    more = fault.prepare(root)
    worker = f'{{ kind = "generic", command = {json.dumps([*_python(), fault.agent, str(folder)])} }}'
    numbers = {"verification_reruns": 1, "disk_floor_mb": 16} | dict(fault.policy)
    policy = NO_SECOND_ROUND + "".join(f"{name} = {value}\n" for name, value in numbers.items())
    content = {
        "rows": (item("01"),),
        "script": scenario(),
        "policy": policy + _with_agents(PASSING | {"worker": worker}),
    }
    with seated(root, **content) as seat:
        made = Scene(fault, seat, root, more)
        try:
            yield made
        finally:
            made.release()
            made.end()


def _python() -> Iterable[str]:
    return (sys.executable, "-I", "-S", str(AGENTS))
