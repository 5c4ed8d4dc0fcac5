"""What tokens cost: price tables, which price is a model's, and what one call comes to.

Not here: the shipped table (`verger_kernel/prices/`), and what an unpriced call counts as (`budgets.py`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from verger_kernel.rules.money import micro
from verger_kernel.rules.usage import Usage

_MILLION = 1_000_000
POLICY = "policy"
AGENT = "agent"


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """US dollars for a million tokens: read, read from a cache, written to one, written by the model.

    What stands for a cache and is empty costs as much as what is read.
    """

    input_usd: str
    output_usd: str
    cached_usd: str = ""
    cache_write_usd: str = ""


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices by model, as they stood on the day `as_of`. A name that ends in `*` is that of all that begin so."""

    version: str
    as_of: str
    models: dict[str, Price]


class Cost(NamedTuple):
    """What a call costs, and who says so: `policy`, `agent` or the version of a table."""

    microusd: int
    by: str


def price_of(models: Mapping[str, Price], model: str) -> Price | None:
    """The price of `model`: the one of its name, else of the longest beginning that has one; None for none."""
    if model in models:
        return models[model]
    heads = [name for name in models if name.endswith("*") and model.startswith(name[:-1])]
    return models[max(heads, key=len)] if heads else None


def charge(price: Price, usage: Usage) -> int:
    """What `usage` costs at `price` in millionths of a dollar, rounded up once."""
    fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
    parts = (
        (fresh, price.input_usd),
        (usage.cached_tokens, price.cached_usd or price.input_usd),
        (usage.cache_write_tokens, price.cache_write_usd or price.input_usd),
        (usage.output_tokens, price.output_usd),
    )
    return -(-sum(count * micro(each) for count, each in parts) // _MILLION)


def cost(usage: Usage, own: Mapping[str, Price], shipped: PriceTable) -> Cost | None:
    """What `usage` costs; None where nobody knows.

    A price of the policy, `own`, wins. Otherwise the agent's word and the shipped table are compared and the larger
    counts: a budget that errs must stop too early.
    """
    if price := price_of(own, usage.model):
        return Cost(charge(price, usage), POLICY)
    known = []
    if usage.cost_microusd is not None:
        known.append(Cost(usage.cost_microusd, AGENT))
    if price := price_of(shipped.models, usage.model):
        known.append(Cost(charge(price, usage), shipped.version))
    return max(known, key=lambda one: one.microusd, default=None)
