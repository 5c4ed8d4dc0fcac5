"""What an agent call used: tokens, and money where the agent says it.

Not here: what a token costs (`prices.py`), and how much may be used (`budgets.py`).
"""

import msgspec


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tokens of one call. `input_tokens` are all that were read, `cached_tokens` and `cache_write_tokens` among them;
    `output_tokens` are all that were written, reasoning among them. `cost_microusd` is the agent's own word, None if it
    gives none.
    """

    model: str
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_microusd: int | None = None


TOKENS_MAX = 1 << 50
MICROUSD_MAX = 10**13


def plausible(usage: Usage) -> Usage | None:
    """`usage`, None where no call can have used that: what an agent says of itself must not lower what is spent."""
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)
    if min(counts) < 0 or max(counts) > TOKENS_MAX:
        return None
    if usage.cached_tokens + usage.cache_write_tokens > usage.input_tokens:
        return None
    return usage if 0 <= (usage.cost_microusd or 0) <= MICROUSD_MAX else None


def nothing_used(model: str = "") -> Usage:
    """The usage of a call that came to no model."""
    return Usage(
        model=model, input_tokens=0, cached_tokens=0, cache_write_tokens=0, output_tokens=0, cost_microusd=0
    )


def tokens(usage: Usage) -> int:
    """All tokens of a call, read and written."""
    return usage.input_tokens + usage.output_tokens


def added(one: Usage | None, other: Usage) -> Usage:
    """Both together, under the model of the later; the agent's word on money counts only where it gave it for both."""
    if one is None:
        return other
    costs = (one.cost_microusd, other.cost_microusd)
    return Usage(
        model=other.model,
        input_tokens=one.input_tokens + other.input_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cost_microusd=None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def larger(one: Usage | None, other: Usage | None) -> Usage | None:
    """The most that either says of each, under the model of the first, for a call of which both are told."""
    if one is None or other is None:
        return one or other
    counts = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "cost_microusd")
    most = {name: max(getattr(one, name) or 0, getattr(other, name) or 0) for name in counts}
    return msgspec.structs.replace(one, **most)
