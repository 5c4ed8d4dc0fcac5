"""What one trial came to: what was claimed, what was true, what was done, and whether that was right.

Not here: the table of all of them; see `matrix.py`.
"""

import json
from math import inf
from pathlib import Path
from typing import Any

import msgspec
from tests.faults import judging
from tests.faults.judging import Answer
from tests.faults.scene import Scene

from verger_kernel.rules.chain import read
from verger_kernel.rules.events import AuditReturned, InvocationEnded, InvocationStarted, WorkerReturned

GRACE_S = 2.0
SLACK_S = 5.0
EARLY_S = 0.3
"""A limit counts from when the kernel saw it crossed, the trial from when it was told."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One trial. Times are seconds since it began; the four numbers are errors, and 0 is what is wanted.

    `claims` are those that changed, `noticed_s` how long after the kernel could not answer something else was said.
    """

    name: str
    trial: int = 1
    about: str = ""
    truth: list[tuple[float, str]] = []
    claims: list[dict[str, Any]] = []
    done: list[str] = []
    answers: int = 0
    noticed_s: float | None = None
    ended_s: float | None = None
    said_alive_was_dead: int = 0
    said_dead_was_alive: int = 0
    wrong_kills: int = 0
    missed_kills: int = 0
    trouble: str = ""
    left_out: str = ""

    @property
    def right(self) -> bool:
        """Whether all was as it must be."""
        errors = self.said_alive_was_dead + self.said_dead_was_alive + self.wrong_kills + self.missed_kills
        return not (errors or self.trouble)


def row_of(scene: Scene, trouble: str) -> Row:
    """What was seen in `scene`; `trouble` is what did not come about in it."""
    answers, truth = list(scene.asker.answers), scene.truth()
    events = [record.event for record in read(scene.seat.place.run().journal.read_bytes()).records]
    problems = [
        one.problem for one in events if isinstance(one, WorkerReturned | AuditReturned) and one.problem
    ]
    lies = judging.said_alive_was_dead(answers, truth)
    slanders = judging.said_dead_was_alive(answers, truth)
    wrong = [*_kernels_ended(scene, events), *_healthy_ended(scene, problems)]
    missed = _missed(scene, problems)
    passed = scene.seat.status(scene.run)["kernel"].get("passed") if not trouble else None
    if passed is not None and scene.fault.passed not in (None, passed):
        trouble = f"{passed} item(s) passed, not {scene.fault.passed}; {problems}"
    also = [*wrong, *missed, *scene.fault.also(scene), *map(str, lies[:3] + slanders[:3])]
    return Row(
        name=scene.fault.name,
        about=scene.fault.about,
        truth=_truth(scene),
        claims=[_claim(scene, one) for one in judging.changes(answers)],
        done=[*_done(scene), *(f"the kernel ended an agent: {one}" for one in problems)],
        answers=len(answers),
        noticed_s=_rounded(_noticed_s(scene, answers)),
        ended_s=_rounded(_ended_s(scene)),
        said_alive_was_dead=len(lies),
        said_dead_was_alive=len(slanders),
        wrong_kills=len(wrong),
        missed_kills=len(missed),
        trouble="; ".join([*([trouble] if trouble else []), *also]),
    )


def _kernels_ended(scene: Scene, events: list[Any]) -> list[str]:
    """The kernels that ended, neither by this trial's hand nor by their own will."""
    gone = [
        life for life in scene.watcher.kernels.values() if life.until_s < inf and life.pid not in scene.ours
    ]
    left = sum(isinstance(one, InvocationEnded) for one in events)
    more = sum(isinstance(one, InvocationStarted) for one in events) - len(scene.watcher.kernels)
    found = [f"{len(gone)} kernels ended and {left} left by themselves"] if len(gone) > left else []
    return found + ([f"{more} more kernels than were seen"] if more > 0 else [])


def _healthy_ended(scene: Scene, problems: list[str]) -> list[str]:
    fault, overs = scene.fault, scene.overs()
    problems = [one for one in problems if not (fault.may and one.startswith(fault.may))]
    lives = [life for life in scene.watcher.processes.values() if life.until_s < inf]
    if not fault.demands:
        ended = [life for life in lives if life.pid not in overs | scene.ours]
        return [f"process {life.pid} was healthy and was ended" for life in ended] + problems
    if fault.demands != "gone" and (other := [one for one in problems if not one.startswith(fault.demands)]):
        return [f"ended for another reason: {other[0]}"]
    first_s = min((life.until_s for life in lives if life.pid not in overs), default=inf)
    if first_s < _crossed_s(scene) + fault.after_s - EARLY_S:
        return [f"ended {_crossed_s(scene) + fault.after_s - first_s:.1f} s too early"]
    return []


def _missed(scene: Scene, problems: list[str]) -> list[str]:
    fault = scene.fault
    found = [f"process {pid} bears the mark of the run and is left" for pid in marked(scene.run)]
    if not fault.demands:
        return found
    if fault.demands != "gone" and not any(one.startswith(fault.demands) for one in problems):
        found.append(f"nothing was ended for `{fault.demands}`: {problems}")
    latest_s = _crossed_s(scene) + fault.after_s + GRACE_S + SLACK_S
    late = [life for life in scene.watcher.processes.values() if life.until_s > latest_s]
    return found + ([f"{len(late)} process(es) lived too long"] if late else [])


def _crossed_s(scene: Scene) -> float:
    first = min((life.from_s for life in scene.watcher.processes.values()), default=inf)
    return first if scene.watcher.crossed_s is None else scene.watcher.crossed_s


def marked(run: str) -> list[int]:
    """The processes whose environment says that they are of `run`."""
    mark, found = f"VERGER_RUN={run}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _ended_s(scene: Scene) -> float | None:
    """From when the agent was to be ended until nobody of it was left."""
    if not scene.fault.demands:
        return None
    last = max((life.until_s for life in scene.watcher.processes.values()), default=inf)
    return None if last == inf else last - _crossed_s(scene) - scene.fault.after_s


def _noticed_s(scene: Scene, answers: list[Answer]) -> float | None:
    """The longest time from when no kernel could answer until something else than alive was said."""
    begun = min((one.asked_s for one in answers if one.claim == judging.LIVE), default=inf)
    falls = [span.from_s for span in scene.truth().dead() if begun < span.from_s < inf]
    found = [judging.noticed_s(answers, fall) for fall in falls]
    return max((one for one in found if one is not None), default=None)


def _truth(scene: Scene) -> list[tuple[float, str]]:
    ends = [(one, f"kernel {one.pid} ended") for one in scene.watcher.kernels.values()]
    ends += [(one, f"agent process {one.pid} ended") for one in list(scene.watcher.processes.values())[:5]]
    begun = [(one.from_s, f"kernel {one.pid} began") for one in scene.watcher.kernels.values()]
    all_told = [*scene.told, *begun, *((life.until_s, words) for life, words in ends if life.until_s < inf)]
    return [(_rounded(at - scene.began_s) or 0.0, words) for at, words in sorted(all_told)]


def _claim(scene: Scene, one: Answer) -> dict[str, Any]:
    at_s = _rounded(one.came_s - scene.began_s)
    return {"at_s": at_s, "claim": one.claim, "exit_code": one.exit_code, "reason": one.reason}


def _done(scene: Scene) -> list[str]:
    return [f"{one['action_kind']}: {one['reason']}" for one in scene.interventions()]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def encoded(row: Row) -> bytes:
    """A row as one line of JSON."""
    return json.dumps(msgspec.to_builtins(row) | {"right": row.right}).encode()
