"""Which item comes next, and why not the others.

Not here: what happens to the chosen item; see `pipeline.py`.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from verger_kernel.rules.frame import ItemFacts


class Choice(NamedTuple):
    """The next item and the queue after it. `item` is empty when there is none; `why` is what stands in the way."""

    item: str
    queue: tuple[str, ...]
    why: str


def choose(
    items: Iterable[ItemFacts], *, passed: Collection[str], queue: tuple[str, ...], auto_advance: bool
) -> Choice:
    """The next item: the head of the queue, or with `auto_advance` the first that is ready in plan order."""
    by_id = {facts.item_id: facts for facts in items}
    waiting = tuple(item for item in queue if item not in passed)
    if not waiting:
        return Choice(first_ready(by_id.values(), passed) if auto_advance else "", (), "")
    unmet = unmet_prerequisites(by_id[waiting[0]], passed)
    if unmet:
        return Choice("", (), f"item {waiting[0]} waits for {', '.join(unmet)}")
    return Choice(waiting[0], waiting[1:], "")


def unmet_prerequisites(facts: ItemFacts, passed: Collection[str]) -> tuple[str, ...]:
    """The prerequisites of an item that have not passed in this run, in playbook order."""
    return tuple(item for item in facts.prerequisites if item not in passed)


def first_ready(items: Iterable[ItemFacts], passed: Collection[str]) -> str:
    """The first item in plan order that has not passed and whose prerequisites have; empty when all have passed."""
    ready = (f.item_id for f in items if f.item_id not in passed and not unmet_prerequisites(f, passed))
    return next(ready, "")


def first_unmet(
    items: Iterable[ItemFacts], wanted: tuple[str, ...], passed: Collection[str]
) -> tuple[str, tuple[str, ...]] | None:
    """The first item of `wanted` with prerequisites that neither passed nor come before it; None if there is none."""
    by_id = {facts.item_id: facts for facts in items}
    done = set(passed)
    for item in wanted:
        unmet = unmet_prerequisites(by_id[item], done)
        if unmet:
            return item, unmet
        done.add(item)
    return None


def with_prerequisites(items: Iterable[ItemFacts], wanted: str) -> tuple[str, ...]:
    """`wanted` and everything it rests on, each after its own prerequisites."""
    by_id = {facts.item_id: facts for facts in items}
    ordered: dict[str, None] = {}
    pending = [wanted]
    while pending:
        before = [item for item in by_id[pending[-1]].prerequisites if item not in ordered]
        if before:
            pending.append(before[0])
        else:
            ordered[pending.pop()] = None
    return tuple(ordered)
