"""What was said of a run beside what was true of it: when a claim was wrong, and for how long. Pure.

Not here: how either is found out; see `scene.py`. Times are seconds of one monotonic clock.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

INTERVAL_S = 1.0
DEADLINE_S = 0.25
LATEST_S = INTERVAL_S + DEADLINE_S
"""So late after it became false may the last `live_attached` be asked for."""
TOO_LONG_S = 2 * INTERVAL_S
"""So long may something else be said of a kernel that is healthy and answers."""
STARTS_S = 4.0
"""Python, git and the first records: so long may a kernel take before it can be asked."""

LIVE = "live_attached"


class Answer(NamedTuple):
    """One answer to the question how the run stands: asked when, come when. No claim is no answer, `reason` says why.

    `age_ms` is the age of the proof, as the answer gives it.
    """

    asked_s: float
    came_s: float
    claim: str
    exit_code: int
    reason: str = ""
    age_ms: int | None = None


class Life(NamedTuple):
    """A kernel: from when it was there until it was seen to end by its pidfd; infinite while it goes on."""

    pid: int
    from_s: float
    until_s: float = inf


class Span(NamedTuple):
    """Something that was so from one instant to another."""

    from_s: float
    until_s: float

    @property
    def length_s(self) -> float:
        """How long it was so."""
        return self.until_s - self.from_s


class Truth(NamedTuple):
    """What was really so: the kernels, when none of them could answer (`mute`), when nobody could be asked (`deaf`).

    While it is `doubtful` a kernel answers and must all the same not be believed, for its files are not what it saved.
    """

    lives: tuple[Life, ...]
    mute: tuple[Span, ...] = ()
    deaf: tuple[Span, ...] = ()
    doubtful: tuple[Span, ...] = ()

    def dead(self) -> list[Span]:
        """When no kernel could be proved alive, since the first began."""
        alive = _without([Span(one.from_s, one.until_s) for one in self.lives], [*self.mute, *self.doubtful])
        first_s = min((one.from_s for one in self.lives), default=inf)
        return _without([Span(first_s, inf)], alive)

    def alive(self) -> list[Span]:
        """When a kernel was healthy, runnable and answering, and somebody could be asked."""
        started = [Span(one.from_s + STARTS_S, one.until_s) for one in self.lives]
        found = _without(started, [*self.mute, *self.doubtful, *self.deaf])
        return [span for span in found if span.length_s > 0]


def said_alive_was_dead(answers: Iterable[Answer], truth: Truth) -> list[Answer]:
    """The answers that said alive, though since an interval and a deadline before they were asked for it was not so."""
    dead = [Span(span.from_s + LATEST_S, span.until_s) for span in truth.dead()]
    return [
        one
        for one in answers
        if one.claim == LIVE and any(span.from_s < one.asked_s and one.came_s < span.until_s for span in dead)
    ]


def said_dead_was_alive(answers: Sequence[Answer], truth: Truth) -> list[Span]:
    """The stretches longer than two intervals in which a healthy kernel was said to be anything but alive."""
    found = []
    for span in truth.alive():
        inside = [one for one in answers if span.from_s <= one.asked_s and one.came_s <= span.until_s]
        found += [stretch for stretch in _not_live(inside) if stretch.length_s > TOO_LONG_S]
    return found


def _not_live(answers: Iterable[Answer]) -> list[Span]:
    """From the first answer of each row of wrong ones to its last; no answer at all is one of them."""
    found: list[Span] = []
    begun: float | None = None
    for one in answers:
        if one.claim == LIVE:
            begun = None
        elif begun is None:
            begun = one.came_s
            found.append(Span(begun, one.came_s))
        else:
            found[-1] = Span(begun, one.came_s)
    return found


def changes(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that said something else than the one before."""
    found: list[Answer] = []
    for one in answers:
        if not found or found[-1].claim != one.claim:
            found.append(one)
    return found


def noticed_s(answers: Iterable[Answer], event_s: float) -> float | None:
    """How long after `event_s` the first answer came that did not say alive; None if none did."""
    late = (one.came_s - event_s for one in answers if one.asked_s >= event_s and one.claim != LIVE)
    return next(late, None)


def _without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of `spans` outside all of `holes`."""
    left = list(spans)
    for hole in holes:
        left = [part for span in left for part in _cut(span, hole)]
    return left


def _cut(span: Span, hole: Span) -> list[Span]:
    if hole.until_s <= span.from_s or span.until_s <= hole.from_s:
        return [span]
    parts = (Span(span.from_s, hole.from_s), Span(hole.until_s, span.until_s))
    return [part for part in parts if part.length_s > 0]
