"""What a run has spent, as it is shown: text for people, and objects for programs.

Not here: counting it; see `rules/budgets.py`. docs/costs.md defines each number.
"""

import msgspec

from verger_kernel.rules.bills import Spent
from verger_kernel.rules.budgets import Budget, Spending, held_back
from verger_kernel.rules.money import dollars, micro, usd


class SpentView(msgspec.Struct, frozen=True, kw_only=True):
    """A sum of calls. Money is text in US dollars. What nobody said, of the sum, is `assumed`."""

    calls: int
    usd: str
    tokens: int
    unknown_calls: int
    assumed_usd: str
    assumed_tokens: int


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """What may be spent; null is no bound."""

    usd: str | None
    tokens: int | None
    wall_s: int | None
    item_usd: str | None
    item_tokens: int | None


class CostView(msgspec.Struct, frozen=True, kw_only=True):
    """The money of a run: `item` is the one in hand, `held` what calls at work, or cut off, may still use."""

    run: SpentView
    item: SpentView
    stages: dict[str, SpentView]
    held_usd: str
    held_tokens: int
    worked_s: int
    budget: BudgetView


def cost_view(spending: Spending) -> CostView:
    """The view of `spending`."""
    held = held_back(spending)
    return CostView(
        run=spent_view(spending.spent),
        item=spent_view(spending.item),
        stages={one.stage: spent_view(one.spent) for one in spending.stages},
        held_usd=dollars(held.microusd),
        held_tokens=held.tokens,
        worked_s=spending.worked_ms // 1000,
        budget=budget_view(spending.budget),
    )


def spent_view(spent: Spent) -> SpentView:
    """The view of one sum."""
    return SpentView(
        calls=spent.calls,
        usd=dollars(spent.microusd),
        tokens=spent.tokens,
        unknown_calls=spent.unknown,
        assumed_usd=dollars(spent.assumed_microusd),
        assumed_tokens=spent.assumed_tokens,
    )


def budget_view(budget: Budget) -> BudgetView:
    """The view of what may be spent."""
    return BudgetView(
        usd=None if budget.microusd is None else dollars(budget.microusd),
        tokens=budget.tokens,
        wall_s=budget.wall_s,
        item_usd=None if budget.item_microusd is None else dollars(budget.item_microusd),
        item_tokens=budget.item_tokens,
    )


def cost_rows(view: CostView | None) -> dict[str, str]:
    """The view for people, as labelled lines; what says nothing is empty."""
    if view is None:
        return {}
    held = f"{_usd(view.held_usd)}, {view.held_tokens:,} tokens"
    return {
        "spent": _spent_line(view) if view.run.calls else "",
        "held back": held if view.held_tokens or micro(view.held_usd) else "",
        "budget": _budget_line(view.budget),
    }


def _spent_line(view: CostView) -> str:
    run = view.run
    line = f"{_usd(run.usd)}, {run.tokens:,} tokens"
    if run.unknown_calls:
        assumed = f"{_usd(run.assumed_usd)}, {run.assumed_tokens:,} tokens"
        line += f"; of that {assumed} are assumed, for {run.unknown_calls} call(s) that did not say"
    if len(view.stages) > 1 and micro(run.usd):
        line += "; " + ", ".join(f"{stage} {_usd(spent.usd)}" for stage, spent in view.stages.items())
    return line


def _usd(text: str) -> str:
    return usd(micro(text))


def _budget_line(budget: BudgetView) -> str:
    parts = (
        (budget.usd, f"${budget.usd}"),
        (budget.tokens, f"{budget.tokens or 0:,} tokens"),
        (budget.wall_s, f"{budget.wall_s} s at work"),
        (budget.item_usd, f"${budget.item_usd} an item"),
        (budget.item_tokens, f"{budget.item_tokens or 0:,} tokens an item"),
    )
    return ", ".join(words for bound, words in parts if bound is not None)
