"""Which item comes next, and why not the others.

Not here: what happens to the chosen item; see `pipeline.py`.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from verger_kernel.rules.frame import ItemFacts


class Choice(NamedTuple):
    """The next item with the queue that remains after it; `item` is empty when nothing is to be done, `why` says why."""

    item: str
    queue: tuple[str, ...]
    why: str


def choose(
    items: Iterable[ItemFacts], *, passed: Collection[str], queue: tuple[str, ...], auto_advance: bool
) -> Choice:
    """The next item: the head of the queue, or with `auto_advance` the first unfinished one in plan order."""
    by_id = {facts.item_id: facts for facts in items}
    waiting = tuple(item for item in queue if item not in passed)
    if not waiting and auto_advance:
        waiting = tuple(item for item in by_id if item not in passed)[:1]
    if not waiting:
        return Choice("", (), "every requested item passed")
    unmet = unmet_prerequisites(by_id[waiting[0]], passed)
    if unmet:
        return Choice("", (), f"item {waiting[0]} waits for {', '.join(unmet)}")
    return Choice(waiting[0], waiting[1:], "")


def unmet_prerequisites(facts: ItemFacts, passed: Collection[str]) -> tuple[str, ...]:
    """The prerequisites of an item that have not passed in this run, in playbook order."""
    return tuple(item for item in facts.prerequisites if item not in passed)


def first_unfinished(items: Iterable[ItemFacts], passed: Collection[str]) -> str:
    """The first item in plan order that has not passed; empty when all have."""
    return next((facts.item_id for facts in items if facts.item_id not in passed), "")


def first_unmet(
    items: Iterable[ItemFacts], wanted: tuple[str, ...], passed: Collection[str]
) -> tuple[str, tuple[str, ...]] | None:
    """The first item of `wanted` whose prerequisites neither passed nor come earlier in `wanted`; None if all are met."""
    by_id = {facts.item_id: facts for facts in items}
    done = set(passed)
    for item in wanted:
        unmet = unmet_prerequisites(by_id[item], done)
        if unmet:
            return item, unmet
        done.add(item)
    return None
