"""Which trees a run came to: of each item what it began from, and the newest tree that was recorded of it.

Not here: comparing them; see `git/comparison.py`.
"""

from typing import NamedTuple

from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.lines import Step
from verger_kernel.following.tail import Tail
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.state import RunState


class Came(NamedTuple):
    """From `old` to `new`; the same where nothing was recorded."""

    old: ObjectId
    new: ObjectId


def results(folder: RunFolder) -> tuple[RunState | None, dict[str, Came]]:
    """The run as its journal tells it, and what each item of it that was begun came to in its latest attempt.

    None for a run without a journal that can be read. Raises OSError.
    """
    tail = Tail(folder)
    found: dict[str, Came] = {}
    for step in tail.steps():
        _note(step, found)
    return tail.state, found


def _note(step: Step, found: dict[str, Came]) -> None:
    stage, event = step.after.stage, step.event
    spot = None if isinstance(stage, s.Opening | s.Idle) else stage.spot
    if isinstance(stage, s.Preparing) and spot:
        found[spot.item] = Came(spot.base, spot.tip)
    if isinstance(event, e.WorkerReturned) and event.tree and spot:
        # Also of a change that left its bounds: it never became a commit, and is what a person must look at.
        found[spot.item] = Came(spot.base, event.tree)
    if isinstance(event, e.Checkpointed) and spot:
        found[spot.item] = Came(spot.base, event.commit)
