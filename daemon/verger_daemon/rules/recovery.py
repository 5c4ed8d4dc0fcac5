"""What the daemon does about a run at rest: nothing, a repair, going on, or the same question again later.

Not here: how a run stands (`situations.py`) and doing what is decided (`recovering.py`). No decision of a person is
made here, and none counts but one that stands in the run's own journal.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from verger_daemon.rules.causes import Cause, Situation, cause_of, fingerprint
from verger_daemon.rules.waking import DAY_MS, due_ms, into_window
from verger_kernel.rules.parks import Park

_FAULTS_A_DAY = 20
"""Beyond so many faults of one run that were recovered from, whatever they were, a person is needed."""
_PAUSES_MS = (0, 10_000, 60_000)
"""How long after the last recovery from the same cause the next one comes."""
_RESETS_MS_MAX = 8 * DAY_MS
"""The longest limit of a provider is a week: what is said to last longer is a matter for a person."""

Kind = Literal[
    "doctor_fix_safe",
    "resume_after_crash",
    "resume_after_failure",
    "resume_after_breach",
    "resume_after_reboot",
    "resume_after_gate",
    "resume_with_evidence",
    "wake_from_park",
]
_FAULTS = ("resume_after_crash", "resume_after_failure", "resume_after_breach", "resume_after_reboot")


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was done about this run before, as its interventions tell."""

    kind: str
    fingerprint: str
    at_utc_ms: int


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far recovery goes. `window` is the span of the local day in which runs are woken, in minutes; None is always.

    `offset_s` is how far the local clock is ahead of UTC; wakes of many runs are spread over `spread_s`.
    """

    recovers: bool = True
    recoveries_max: int = 2
    wakes: bool = True
    wakes_max: int = 20
    window: tuple[int, int] | None = None
    offset_s: int = 0
    spread_s: int = 60
    resumes_after_reboot: bool = False


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is done; `why` says what the run waits for, or why nobody but a person can go on."""

    why: str


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """The same question again at `at_utc_ms`, or when anything of the run changes."""

    at_utc_ms: int
    why: str


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """One act, to be put on record before it is done."""

    kind: Kind
    fingerprint: str
    why: str


Decision = Leave | Later | Do


def decide(one: Situation, past: Sequence[Act], bounds: Bounds, *, utc_ms: int) -> Decision:
    """What is to be done about the run, from `past` acts, oldest first, and the moment `utc_ms` alone."""
    cause = cause_of(one)
    if cause in _LEFT:
        return Leave(why=_LEFT[cause])
    if not bounds.recovers:
        return Leave(why=f"{_NAMES[cause]}; to go on is left to you: recover is off")
    name = fingerprint(one, cause)
    same = [act for act in past if act.fingerprint == name]
    match cause:
        case Cause.PARKED:
            assert one.park
            return _parked(one.park, one, name, same, bounds, utc_ms)
        case Cause.DECIDED:
            return _once("resume_after_gate", name, same, "a person decided, and items are left")
        case Cause.EVIDENCE:
            return _once("resume_with_evidence", name, same, "evidence came")
        case Cause.REBOOT if not bounds.resumes_after_reboot:
            return Leave(why="the machine went down while it was at work; nothing begins again by itself")
    if _count(past, _FAULTS, since=utc_ms - DAY_MS) >= _FAULTS_A_DAY:
        return Leave(
            why=f"{_NAMES[cause]}: recovered {_FAULTS_A_DAY} times in a day, which is no way to go on"
        )
    match cause:
        case Cause.BREACH:
            return _once("resume_after_breach", name, same, f"it broke the limit {one.breach}")
        case Cause.FAILED if not same:
            return Do(kind="doctor_fix_safe", fingerprint=name, why=one.trouble)
        case Cause.FAILED:
            return _again("resume_after_failure", name, same, one.trouble, bounds, utc_ms)
        case _:
            kind: Kind = "resume_after_reboot" if cause is Cause.REBOOT else "resume_after_crash"
            return _again(kind, name, same, _NAMES[cause], bounds, utc_ms)


_LEFT = {
    Cause.HELD: "another process is at work on it",
    Cause.DONE: "all that was asked is done",
    Cause.STOPPED: "it was stopped",
    Cause.GATE: "a person must decide",
    Cause.BLOCKED: "it waits for evidence",
    Cause.ESCALATED: "a person must take over",
    Cause.REFUSED: "it was refused: its log says why",
    Cause.UNFINISHED: "items are left that nobody asked for",
}
_NAMES = {
    Cause.PARKED: "it is parked",
    Cause.DECIDED: "a person decided",
    Cause.EVIDENCE: "evidence came",
    Cause.BREACH: "it broke a limit",
    Cause.REBOOT: "the machine went down while it was at work",
    Cause.CRASHED: "its kernel died",
    Cause.FAILED: "the world refused something",
}


def _once(kind: Kind, name: str, same: Sequence[Act], why: str) -> Decision:
    if any(act.kind == kind for act in same):
        return Leave(why=f"{why}; going on was tried once and came to nothing")
    return Do(kind=kind, fingerprint=name, why=why)


def _again(kind: Kind, name: str, same: Sequence[Act], why: str, bounds: Bounds, utc_ms: int) -> Decision:
    tried = [act for act in same if act.kind == kind]
    if len(tried) >= bounds.recoveries_max:
        return Leave(why=f"{why}; it came again after {len(tried)} recoveries, so a person is needed")
    wait_ms = _PAUSES_MS[min(len(tried), len(_PAUSES_MS) - 1)]
    at_ms = tried[-1].at_utc_ms + wait_ms if tried else utc_ms
    # A record from the future was written before the clock was set back: nothing waits for it.
    if utc_ms < at_ms <= utc_ms + wait_ms:
        return Later(at_utc_ms=at_ms, why=f"{why}; tried again after a pause")
    return Do(kind=kind, fingerprint=name, why=why)


def _parked(
    park: Park, one: Situation, name: str, same: Sequence[Act], bounds: Bounds, utc_ms: int
) -> Decision:
    if park.cause in _PERSONS:
        more = f" {park.raise_with} MORE" if park.raise_with else ""
        return Leave(why=f"parked, {park.cause}: {park.why}; {_PERSONS[park.cause]}{more}")
    if not bounds.wakes:
        return Leave(why=f"parked, {park.cause}: {park.why}; waking is off")
    if park.resets_utc_ms is not None and park.resets_utc_ms - utc_ms > _RESETS_MS_MAX:
        return Leave(why=f"parked, {park.cause}: {park.why}; it is said to last longer than a week")
    wakes = [act for act in same if act.kind == "wake_from_park"]
    if len(wakes) >= bounds.wakes_max:
        return Leave(
            why=f"parked, {park.cause}: {park.why}; it was woken {len(wakes)} times, which is all it may be"
        )
    woken = [act.at_utc_ms for act in wakes]
    wanted_ms = due_ms(park, one.run_id, woken, utc_ms, spread_s=bounds.spread_s)
    at_ms = into_window(max(wanted_ms, utc_ms), bounds.window, bounds.offset_s)
    if at_ms > utc_ms:
        return Later(at_utc_ms=at_ms, why=f"parked, {park.cause}: {park.why}")
    return Do(kind="wake_from_park", fingerprint=name, why=f"{park.cause}: {park.why}")


_PERSONS = {
    "auth": "log the agent in, then: verger supervise resume",
    "budget": "give it more, then: verger supervise resume",
}


def _count(past: Sequence[Act], kinds: tuple[str, ...], *, since: int) -> int:
    return sum(act.kind in kinds and act.at_utc_ms > since for act in past)
