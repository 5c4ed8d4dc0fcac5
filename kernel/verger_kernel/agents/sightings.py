"""What is seen in a report's place while its agent runs: a second answer, or one that came after the end.

Not here: what one report is worth; see `outcome.py`. Best effort: between two looks a report can come and go unseen.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome, Unanswered, complete_answer
from verger_kernel.rules.packs import Report, TaskSpecification

_LOOK_S = 0.05

_Nature = tuple[int, int, int]


@dataclass
class Sightings:
    """The looks that were taken at `place`, by the monotonic clock."""

    task: TaskSpecification
    place: Path
    _nature: _Nature | None = None
    _looked_s: float = 0.0
    _other_until_s: float = 0.0
    _answers: list[Report] = field(default_factory=list)

    async def keep_looking(self) -> None:
        """Looks again and again, until cancelled."""
        while True:
            await anyio.sleep(_LOOK_S)
            if self._has_changed():
                await to_thread.run_sync(self._read)

    def judged(self, found: Outcome, ended_s: float) -> Outcome:
        """`found`, unless the call answered before with something else, or only when it was over, at `ended_s`."""
        self._has_changed()
        if not isinstance(found, Answered):
            return found
        if any(answer != found.report for answer in self._answers):
            return Unanswered("malformed", "the report answers twice: another valid one was there before it")
        # Something else lay there when the program was seen to have ended: no sum of two clocks, so nobody is blamed
        # for the time that a start takes on a busy machine.
        if self._other_until_s > ended_s:
            return Unanswered("malformed", "the report is late: it was put there after the program had ended")
        return found

    def _has_changed(self) -> bool:
        now_s, nature = time.monotonic(), _nature(self.place)
        changed = nature != self._nature
        if changed:
            self._other_until_s = self._looked_s
        self._nature, self._looked_s = nature, now_s
        return changed

    def _read(self) -> None:
        answer = complete_answer(self.task, self.place)
        if answer and answer.report not in self._answers:
            self._answers.append(answer.report)


def _nature(place: Path) -> _Nature | None:
    try:
        found = os.lstat(place)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
