"""One alarm clock for all runs: whoever is due is called, all of one moment in one turn of the loop.

Not here: when a run must be woken; see `rules/telling.py`. Times are nanoseconds of boottime.
"""

import asyncio
import itertools
from collections.abc import Callable
from heapq import heappop, heappush

from verger_probes.identity import boottime_ns

_NS_PER_S = 1_000_000_000


class Alarm:
    """Calls `call` once when the moment has come that was set last."""

    def __init__(self, clock: "Alarms", call: Callable[[], None]) -> None:
        self._clock = clock
        self.call = call
        self.at_ns: int | None = None

    def set(self, at_ns: int | None) -> None:
        """Has it ring at `at_ns` and at no other time; None is never."""
        if at_ns != self.at_ns:
            self.at_ns = at_ns
            if at_ns is not None:
                self._clock.add(self, at_ns)


class Alarms:
    """The clock of the running loop. It sets one timer for all, where each would set and cancel several a second."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # An alarm that was set anew leaves its former moment here, which passes unheard.
        self._queue: list[tuple[int, int, Alarm]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._is_ringing = False

    def add(self, alarm: Alarm, at_ns: int) -> None:
        """Takes a moment of `alarm` in; it rings then unless it was set to another one."""
        heappush(self._queue, (at_ns, next(self._numbers), alarm))
        if not self._is_ringing and (self._timer is None or at_ns < self._timer_ns):
            self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer_ns = self._queue[0][0]
        delay_s = max(0, self._timer_ns - boottime_ns()) / _NS_PER_S
        self._timer = self._loop.call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._timer, self._is_ringing = None, True
        queue, now_ns = self._queue, boottime_ns()
        try:
            while queue and (queue[0][0] <= now_ns or queue[0][0] != queue[0][2].at_ns):
                at_ns, _, alarm = heappop(queue)
                if alarm.at_ns == at_ns:
                    alarm.at_ns = None
                    alarm.call()
        finally:
            # Also where one failed: the others are as due as before.
            self._is_ringing = False
            if queue:
                self._arm()
