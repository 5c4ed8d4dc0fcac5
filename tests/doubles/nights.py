"""A night of runs whose provider shuts its door: real machine, real rule of recovery, and a clock of its own.

Not here: what must hold of every night; see tests/simulation/test_nights.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace
from tests.doubles.walk import Walk, facts, frame, good_answer

from verger_daemon.rules.causes import Situation
from verger_daemon.rules.recovery import Act, Bounds, Decision, Do, Later, decide
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.now import Now
from verger_kernel.rules.parks import Cause
from verger_kernel.rules.saved import goes_on, saved
from verger_kernel.snapshot import state_name

Kill = Literal["calling", "parked", "waking", "daemon"]
"""When something dies, once a run: the kernel in a call, before it leaves, as it wakes; the daemon after its record."""

BEGAN_MS = 1_800_000_000_000
MINUTE_MS = 60_000
SHUT_MS = 90 * MINUTE_MS
"""For how long the door is shut."""
_CALL_MS = 5 * MINUTE_MS
_STEPS_MAX = 400
_CALLS = (f.RunWorker, f.Audit, f.Triage)


@dataclass
class Night:
    """One night. `skew_ms` is how much later than it is the provider says that its door opens, None if it says nothing.

    A login that is lost is got back by a person when the door opens.
    """

    cause: Cause
    skew_ms: int | None
    kill: Kill | None
    runs: int
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        self.now_ms = BEGAN_MS
        self.supervised = [Supervised(self, number) for number in range(self.runs)]

    @property
    def opens_ms(self) -> int:
        """When the door opens, which shuts once the first worker has answered."""
        return BEGAN_MS + _CALL_MS + SHUT_MS

    def is_shut(self) -> bool:
        return BEGAN_MS + _CALL_MS <= self.now_ms < self.opens_ms

    def said_ms(self) -> int | None:
        """When the provider says that it opens."""
        if self.cause not in ("limit", "outage") or self.skew_ms is None:
            return None
        return self.opens_ms + self.skew_ms

    def play(self) -> None:
        """Everything until no run has anything left to do."""
        for run in self.supervised:
            run.invoke("run")
        for _ in range(_STEPS_MAX):
            waits = [run.look() for run in self.supervised if not run.is_done()]
            if not waits:
                return
            self.now_ms = max(self.now_ms + 1000, min(waits))
        raise AssertionError("the night has no end")


@dataclass
class Supervised:
    """One run of a night, with what its daemon knows."""

    night: Night
    number: int

    def __post_init__(self) -> None:
        constants = replace(
            frame(facts("01"), facts("02")), run_id=RunId(f"RUN_20270115T08000{self.number}Z_{'a' * 32}")
        )
        self.walk = _Timed(self.night, constants, "01", "02")
        self.acts: list[Act] = []
        self.done: list[str] = []
        self.begun: list[str] = []
        self.started_ms: list[int] = []
        self.parks: list[int | None] = []
        self.rests = 0
        self.deaths: list[Kill] = []
        self.person = 0
        self._exit_code: int | None = None
        self._dies = self.night.kill
        self._put_off: set[str] = set()

    def is_done(self) -> bool:
        return self.walk.passed == ("01", "02") and not self.walk.state.invocation

    def look(self) -> int:
        """What the daemon does now; when it looks again."""
        said = self._decided()
        match said:
            case Later(at_utc_ms=at_ms):
                assert at_ms > self.night.now_ms
                return at_ms
            case Do(kind=kind, fingerprint=name):
                self.acts.append(Act(kind=kind, fingerprint=name, at_utc_ms=self.night.now_ms))
                if self._dies_now("daemon"):
                    return self.night.now_ms + MINUTE_MS
                self.invoke("resume")
                return self.night.now_ms
            case _:
                return self._asked_of_a_person()

    def _decided(self) -> Decision:
        state = self.walk.state
        situation = Situation(
            run_id=state.frame.run_id,
            item=self.walk.spot.item,
            state=state_name(state.stage),
            exit_code=self._exit_code,
            is_open=bool(state.invocation),
            goes_on=goes_on(saved(state)),
            passed=len(state.passed),
            trouble=state.trouble,
            park=state.park,
        )
        return decide(situation, self.acts, self.night.bounds, utc_ms=self.night.now_ms)

    def _asked_of_a_person(self) -> int:
        if self.night.now_ms < self.night.opens_ms:
            return self.night.opens_ms
        self.person += 1
        self.invoke("resume")
        return self.night.now_ms

    def invoke(self, kind: Literal["run", "resume"]) -> None:
        """A kernel takes the run, until it comes to rest or dies."""
        self.started_ms.append(self.night.now_ms)
        self.walk.start(kind=kind, auto_advance=True)
        if kind == "resume" and self.parks and self._dies_now("waking"):
            return
        self._put_off = set()
        while open_ := [one for one in self.walk.state.outstanding if one.id not in self._put_off]:
            if not self._performed(open_[0]):
                return
        if self.walk.state.park and self._dies_now("parked"):
            return
        self._exit_code = 75 if self.walk.state.park else 0
        self.rests += bool(self.walk.state.park)
        self.walk.end()

    def _performed(self, effect: f.Effect) -> bool:
        """Whether the kernel outlived it."""
        if not isinstance(effect, _CALLS):
            self.walk.answer(effect)
            return True
        name = effect.id.rpartition("/t")[0]
        self.begun.append(name)
        self.walk.tell(e.AgentStarted(effect=effect.id, agent="agent", session="s", files="f"))
        if self.night.is_shut():
            if self._dies_now("calling"):
                return False
            self.parks.append(self.night.said_ms())
            self._put_off.add(effect.id)
            self.walk.tell(
                e.EffectParked(
                    effect=effect.id, cause=self.night.cause, why="shut", resets_utc_ms=self.night.said_ms()
                )
            )
            return True
        self.night.now_ms += _CALL_MS
        self.done.append(name)
        self.walk.tell(good_answer(effect))
        return True

    def _dies_now(self, when: Kill) -> bool:
        if self._dies != when:
            return False
        self._dies = None
        self.deaths.append(when)
        if when != "daemon":
            self._exit_code = 137
        return True


class _Timed(Walk):
    """A walk by the clock of its night."""

    def __init__(self, night: Night, *plan: object) -> None:
        self._night = night
        super().__init__(*plan)  # type: ignore[arg-type]

    @property
    def now(self) -> Now:
        """The moment of the next event."""
        ms = self._night.now_ms if hasattr(self, "_night") else BEGAN_MS
        return Now(ms, "boot", ms * 10**6, ms * 10**6)


def nights(skews_ms: tuple[int | None, ...]) -> Iterator[Night]:
    """Every night there is: each cause, death and skew, of one run and of two."""
    causes: tuple[Cause, ...] = ("limit", "outage", "auth", "budget")
    kills: tuple[Kill | None, ...] = (None, "calling", "parked", "waking", "daemon")
    for cause in causes:
        for skew_ms in skews_ms if cause in ("limit", "outage") else (None,):
            for kill in kills:
                yield from (Night(cause, skew_ms, kill, runs) for runs in (1, 2))
