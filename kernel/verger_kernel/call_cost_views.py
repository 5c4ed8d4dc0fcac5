"""What each stage and lane of each item cost, as it is shown: a table for people, and objects for programs.

Not here: counting it; see `rules/call_costs.py`. The sums of the run are shown by `cost_views.py`; docs/costs.md says
what each number is.
"""

import msgspec

from verger_kernel.cost_views import CostView, cost_rows
from verger_kernel.rules.call_costs import CostRow
from verger_kernel.rules.money import dollars, usd
from verger_kernel.snapshot import table_of
from verger_kernel.terminal import printable


class CallCostView(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one stage and lane of an item. Money is text in US dollars.

    `tokens` and `usd` are what they count as, `assumed` the part of it that nobody said; the four kinds of tokens are
    what the agents said.
    """

    item: str
    stage: str
    lane: str
    calls: int
    unknown_calls: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    tokens: int
    usd: str
    assumed_tokens: int
    assumed_usd: str
    held_calls: int
    held_tokens: int
    held_usd: str


class RunCosts(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a run and of what. `flaw` says why not all of its journal could be read, and is empty mostly."""

    run_id: str
    cost: CostView | None
    calls: tuple[CallCostView, ...]
    flaw: str = ""


def call_cost_view(row: CostRow) -> CallCostView:
    """The view of one row."""
    spent, held = row.spent, row.held
    return CallCostView(
        item=row.item,
        stage=row.stage,
        lane=row.lane,
        calls=spent.calls,
        unknown_calls=spent.unknown,
        input_tokens=row.input_tokens,
        cached_tokens=row.cached_tokens,
        cache_write_tokens=row.cache_write_tokens,
        output_tokens=row.output_tokens,
        tokens=spent.tokens,
        usd=dollars(spent.microusd),
        assumed_tokens=spent.assumed_tokens,
        assumed_usd=dollars(spent.assumed_microusd),
        held_calls=row.held_calls,
        held_tokens=held.tokens,
        held_usd=dollars(held.microusd),
    )


_HEADER = ("ITEM", "STAGE", "CALLS", "READ", "CACHED", "WRITTEN", "TOKENS", "USD", "ASSUMED", "HELD BACK")


def text(view: RunCosts, rows: tuple[CostRow, ...]) -> str:
    """The sums as `status` has them, then one line a stage and lane."""
    labelled = {"run": view.run_id, **cost_rows(view.cost), "not all": view.flaw}
    head = "\n".join(f"{name:<12} {printable(value)}" for name, value in labelled.items() if value)
    if not rows:
        return f"{head}\n\nno agent was called yet"
    return f"{head}\n\n{table_of((_HEADER, *map(_cells, rows)))}"


def _cells(row: CostRow) -> tuple[str, ...]:
    spent, held = row.spent, row.held
    return (
        row.item,
        f"{row.stage} {row.lane}".rstrip(),
        str(spent.calls),
        f"{row.input_tokens:,}",
        f"{row.cached_tokens:,}",
        f"{row.output_tokens:,}",
        f"{spent.tokens:,}",
        usd(spent.microusd),
        usd(spent.assumed_microusd) if spent.unknown else "-",
        f"{usd(held.microusd)} for {row.held_calls}" if row.held_calls else "-",
    )
