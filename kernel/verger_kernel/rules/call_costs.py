"""What the calls of a run came to so far: one row for each stage and lane of each item, from the steps of its journal.

Not here: the sums that bound a run (`budgets.py`), which the state holds; this many rows it does not.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from verger_kernel.rules import events as e
from verger_kernel.rules.bills import Amount, Bill, Spent, settled, together
from verger_kernel.rules.budgets import Held
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.usage import Usage

Steps = Iterable[tuple[tuple[Held, ...], Bill | None, tuple[Held, ...]]]
"""What was held back before each event of a journal, the bill in it, and what was afterwards; from the first on."""


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one stage, and one `lane` where it has lanes, in all attempts and rounds at one item.

    `spent` is what settled. The four counts are what agents said they used, nothing for those that did not say; `held`
    is what is held back for `held_calls` more, which are at work or were cut off.
    """

    item: str
    stage: str
    lane: str
    spent: Spent = Spent()
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    held_calls: int = 0
    held: Amount = Amount()


def cost_rows_of(steps: Steps) -> tuple[CostRow, ...]:
    """The rows, in the order in which the first call of each began. Their sum is what the run has spent."""
    rows: dict[tuple[str, str, str], CostRow] = {}
    held: tuple[Held, ...] = ()
    for was, bill, held in steps:
        if was is held:
            continue
        for one in held:
            rows.setdefault(_key(one.effect), _row(one.effect))
        for one in was:
            if not any(still.effect == one.effect for still in held):
                rows[_key(one.effect)] = _with(rows[_key(one.effect)], one, bill)
    for one in held:
        row = rows[_key(one.effect)]
        rows[_key(one.effect)] = replace(row, held_calls=row.held_calls + 1, held=_sum(row.held, one.amount))
    return tuple(rows.values())


def _with(row: CostRow, one: Held, told: Bill | None) -> CostRow:
    """`row` with the call settled for which `one` was held back; `told` may be about another."""
    bill = told if told and told.call == one.effect else None
    row = replace(row, spent=together(row.spent, settled(one.amount, bill)))
    return _used(row, bill.usage) if bill and bill.usage else row


def bill_in(event: e.Event) -> Bill | None:
    """The bill that `event` brings, None if it brings none."""
    match event:
        case e.WorkerReturned() | e.AuditReturned() | e.TriageReturned() | e.EffectParked():
            return event.bill
        case _:
            return None


def _used(row: CostRow, usage: Usage) -> CostRow:
    return replace(
        row,
        input_tokens=row.input_tokens + usage.input_tokens,
        cached_tokens=row.cached_tokens + usage.cached_tokens,
        cache_write_tokens=row.cache_write_tokens + usage.cache_write_tokens,
        output_tokens=row.output_tokens + usage.output_tokens,
    )


def _key(effect: EffectId) -> tuple[str, str, str]:
    item, _, _, name, _ = effect.split("/")
    stage, _, lane = name.partition("-")
    return item, stage, lane


def _row(effect: EffectId) -> CostRow:
    item, stage, lane = _key(effect)
    return CostRow(item=item, stage=stage, lane=lane)


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(tokens=one.tokens + other.tokens, microusd=one.microusd + other.microusd)
