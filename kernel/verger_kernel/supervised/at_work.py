"""What this kernel is at: where its run stands and which effects it performs; told by the run, read by the loop.

Not here: what of a state is told (`telling.py`). Any thread may tell and read; to read takes microseconds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from verger_probes.identity import boottime_ns
from verger_probes.rules.probe import Ack, ActiveStage, Challenge, Doing, Identity

_RECORD = "record"
_SLOW_NS = 1_000_000_000
"""What takes less is over before anybody could do anything about it, and is no news."""


class Standing(NamedTuple):
    """A run as it was saved last; the digest is that of the bytes of its `run_state.json`."""

    run_root: str = ""
    run_state_sha256: str = ""
    journal_seq: int = 0
    journal_head: str = ""
    active_stage: ActiveStage | None = None


class _Begun(NamedTuple):
    effect: str
    boottime_ns: int
    monotonic_ns: int
    ns_max: int

    def doing(self, boottime: int, monotonic: int) -> Doing:
        # Its own limits do not count while the machine sleeps, and boottime does.
        asleep = max(boottime - self.boottime_ns - (monotonic - self.monotonic_ns), 0)
        return Doing(
            effect=self.effect,
            began_ns=self.boottime_ns,
            deadline_ns=self.boottime_ns + self.ns_max + asleep,
        )


class AtWork:
    """The one place where it is written down. `moved` is called with each new seq, in the thread that tells it."""

    def __init__(self) -> None:
        self.moved: Callable[[int], None] = lambda _: None
        self._standing = Standing()
        self._doing: dict[str, _Begun] = {}
        self._record: _Begun | None = None

    def stands(self, standing: Standing) -> None:
        """From now on the run stands so; it is saved."""
        # One reference replaces another: who reads meanwhile sees one of the two, whole.
        self._standing = standing
        self.moved(standing.journal_seq)

    @contextmanager
    def doing(self, effect: str, seconds_max: int) -> Iterator[None]:
        """While it lasts, `effect` is being performed; its own limits end it within `seconds_max`."""
        begun = _begun(effect, seconds_max)
        self._doing = {**self._doing, effect: begun}
        try:
            yield
        finally:
            self._doing = {name: one for name, one in self._doing.items() if name != effect}

    @contextmanager
    def recording(self, seconds_max: int) -> Iterator[None]:
        """While it lasts, an event is being made durable; one at a time. A disk can hang for longer than any effect."""
        self._record = _begun(_RECORD, seconds_max)
        try:
            yield
        finally:
            self._record = None

    def ack(self, challenge: Challenge, identity: Identity) -> Ack:
        """The answer to `challenge`, of this moment."""
        boottime, monotonic, standing = boottime_ns(), time.monotonic_ns(), self._standing
        begun, record = list(self._doing.values()), self._record
        if record and boottime - record.boottime_ns > _SLOW_NS:
            begun.append(record)
        return Ack(
            run_id=challenge.run_id,
            invocation=challenge.invocation,
            epoch=challenge.epoch,
            nonce=challenge.nonce,
            identity=identity,
            doing=tuple(one.doing(boottime, monotonic) for one in begun),
            **standing._asdict(),
        )


def _begun(effect: str, seconds_max: int) -> _Begun:
    return _Begun(effect, boottime_ns(), time.monotonic_ns(), seconds_max * 1_000_000_000)
