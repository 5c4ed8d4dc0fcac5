"""What a run waits for, as one line for people. Values in, values out.

Not here: drawing it on a terminal; see `live.py`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from verger_kernel.rules.effects import Audit, Effect, RunCommands
from verger_kernel.rules.ids import tries_of
from verger_kernel.terminal import printable
from verger_kernel.width import width

_TREES = {
    "base": " on the base",
    "red": " on the base with the item's tests",
    "held-out": " with the base's tests",
}
_STAGES = {"prepare": "make the worktree", "open": "make the run branch"}


class Wait(NamedTuple):
    """One outstanding effect: who does it, empty for the kernel itself; for how long; how long it has been silent.

    `silent_s` is None where there is no output to look at yet.
    """

    effect: Effect
    agent: str
    elapsed_s: float
    silent_s: float | None


def waiting(waits: Iterable[Wait]) -> str:
    """What is waited for: item, round, stage and lane, who, since when, and when it last said something.

    Both lanes of an audit are one entry; empty when nothing is waited for.
    """
    found = list(waits)
    if not found:
        return ""
    item, attempt, round_, *_ = found[0].effect.id.split("/")
    head = "" if attempt == "a0" else f"{item}  {_where(attempt, round_)}  "
    lanes = [wait for wait in found if isinstance(wait.effect, Audit)]
    said = [_entry(_stage(wait.effect), [wait]) for wait in found if wait not in lanes]
    if lanes:
        names = ", ".join(sorted(wait.effect.id.split("/")[3].removeprefix("audit-") for wait in lanes))
        said.append(_entry(f"audit {names}", lanes))
    return printable(head + "; ".join(said))


def _where(attempt: str, round_: str) -> str:
    again = "" if attempt == "a1" else f"attempt {attempt[1:]} "
    return f"{again}round {round_[1:]}"


def _stage(effect: Effect) -> str:
    if isinstance(effect, RunCommands):
        again = f", trial {effect.nth}" if effect.nth > 1 else ""
        return f"verify {effect.group}{_TREES.get(effect.purpose, '')}{again}"
    name = effect.id.split("/")[3]
    return _STAGES.get(name, name)


def _entry(stage: str, waits: list[Wait]) -> str:
    agents = list(dict.fromkeys(wait.agent for wait in waits if wait.agent))
    parts = [clock(max(wait.elapsed_s for wait in waits))]
    if agents:
        parts.insert(0, " and ".join(agents))
    tries = max(tries_of(wait.effect.id) for wait in waits)
    if tries > 1:
        parts.append(f"try {tries}")
    if agents or isinstance(waits[0].effect, RunCommands):
        heard = [wait.silent_s for wait in waits if wait.silent_s is not None]
        parts.append(f"output {clock(min(heard))} ago" if heard else "no output yet")
    return f"{stage}: {', '.join(parts)}"


def clock(seconds: float) -> str:
    """A span as people say it: `12 s`, `1:42` and `2:05:09`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


def cut(text: str, columns: int) -> str:
    """`text` in `columns` places of a terminal at most; what is cut off is shown as one `…`."""
    if width(text) <= columns:
        return text
    kept, room = "", columns - 1
    for letter in text:
        room -= width(letter)
        if room < 0:
            break
        kept += letter
    return f"{kept}…" if columns > 0 else ""
