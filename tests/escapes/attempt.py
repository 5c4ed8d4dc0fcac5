"""One attempt to get out of a sandbox: what is tried, as a script, and how success would be seen from outside.

Not here: the attempts (`corpus.py`), how one is tried (`trial.py`), what it is tried on (`world.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.escapes.world import World

Proof = Literal["open", "bare", "obeyed", ""]
"""How an attempt is shown to be a real one: `open` succeeds where the policy wants no sandbox, `bare` where bash runs
the script without Verger, `obeyed` where somebody runs git on what it left in the worktree. Empty: it is not shown."""


def nothing(world: World) -> None:
    """Nothing has to be laid out before."""


@dataclass(frozen=True)
class Attempt:
    """An attempt.

    `script` is bash; it finds the variables of `World.variables`. `happened` looks at the world, never at what the
    attempt says of itself. `by` are those that can make it; `unproved` says why its success cannot be shown.
    """

    name: str
    says: str
    script: str
    happened: Callable[[World], bool]
    lay: Callable[[World], None] = nothing
    proof: Proof = "open"
    unproved: str = ""
    by: tuple[str, ...] = ("agent", "command")
    hosts: tuple[str, ...] = ()


def made(name: str) -> Callable[[World], bool]:
    """Whether there is a file of this name in the folder outside."""
    return lambda world: (world.outside / name).exists()


def marked(*places: str) -> Callable[[World], bool]:
    """Whether one of these places, of the world's variables and patterns below them, holds the mark."""
    return lambda world: any(world.mark in world.text(place) for place in places)


def looted(world: World) -> bool:
    """Whether the secret stands in what the run wrote down of its agents and commands."""
    return world.has_loot()


def reached(world: World) -> bool:
    """Whether a server of the world heard from somebody."""
    return bool(world.contacts)


def ended(world: World) -> bool:
    """Whether the process that did no harm is gone."""
    return world.victim is not None and world.victim.poll() is not None
