"""What every rule of the machine answers with: the next state and the effects to perform.

Not here: any rule.
"""

from msgspec.structs import replace

from verger_kernel.rules.effects import Effect
from verger_kernel.rules.state import RunState, Stage


class IllegalEvent(Exception):
    """An event that cannot happen where the run stands: the journal is not one of ours, or the kernel has a defect."""


Step = tuple[RunState, tuple[Effect, ...]]


def stay(state: RunState) -> Step:
    """The state as it is, with nothing new to do."""
    return state, ()


def go(state: RunState, stage: Stage, *effects: Effect) -> Step:
    """The state in `stage`, with `effects` outstanding beside those that already are."""
    return replace(state, stage=stage, outstanding=state.outstanding + effects), effects
