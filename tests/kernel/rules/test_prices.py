"""Money, usage and prices: what tokens come to, to the millionth of a dollar.

Not here: what a run may spend; see test_budgets.py.
"""

import pytest
from msgspec.structs import replace

from verger_kernel.prices.shipped import shipped
from verger_kernel.rules.money import dollars, micro, plain, usd
from verger_kernel.rules.prices import AGENT, POLICY, Cost, Price, PriceTable, charge, cost, price_of
from verger_kernel.rules.usage import Usage, added, tokens

MILLION = 1_000_000
USAGE = Usage(model="m-1", input_tokens=MILLION, cached_tokens=0, cache_write_tokens=0, output_tokens=MILLION)
CHEAP = Price(input_usd="1.00", output_usd="2.00")
DEAR = Price(input_usd="5.00", output_usd="25.00", cached_usd="0.50", cache_write_usd="6.25")


def table(**models: Price) -> PriceTable:
    return PriceTable(
        version="1", as_of="2026-01-01", models={name.replace("_", "-"): one for name, one in models.items()}
    )


@pytest.mark.parametrize(
    ("text", "microusd", "kept"),
    [
        ("2.5", 2_500_000, "2.50"),
        ("0", 0, "0.00"),
        ("0.000001", 1, "0.000001"),
        ("12", 12 * MILLION, "12.00"),
    ],
)
def test_dollars_are_counted_in_whole_millionths(text: str, microusd: int, kept: str) -> None:
    assert micro(text) == microusd
    assert plain(text) == dollars(microusd) == kept


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1.0000001", "1,5", ".5", "$1", "12345678", "١"])
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no sum of dollars"):
        micro(text)


def test_what_was_spent_never_looks_like_nothing() -> None:
    assert [usd(each) for each in (0, 1, 10_000, 10_001)] == ["$0.00", "$0.01", "$0.01", "$0.02"]


def test_tokens_of_a_cache_are_part_of_what_was_read() -> None:
    usage = replace(USAGE, cached_tokens=600_000, cache_write_tokens=300_000)
    assert charge(DEAR, usage) == 500_000 + 300_000 + 1_875_000 + 25_000_000
    assert charge(CHEAP, usage) == charge(CHEAP, USAGE) == 3_000_000


def test_a_cost_is_rounded_up_once() -> None:
    tiny = replace(USAGE, input_tokens=1, output_tokens=1)
    assert charge(Price(input_usd="0.10", output_usd="0.10"), tiny) == 1


def test_the_longest_beginning_names_the_price() -> None:
    models = {"m*": CHEAP, "m-1*": DEAR, "m-1-mini": CHEAP}
    assert price_of(models, "m-1-2026") is DEAR
    assert price_of(models, "m-1-mini") is CHEAP
    assert price_of(models, "m") is CHEAP
    assert price_of(models, "n") is None


def test_a_price_of_the_policy_wins_over_all() -> None:
    said = replace(USAGE, cost_microusd=99)
    assert cost(said, {"m*": CHEAP}, table(m_1=DEAR)) == Cost(3_000_000, POLICY)


def test_of_the_agents_word_and_the_shipped_price_the_larger_counts() -> None:
    assert cost(replace(USAGE, cost_microusd=99), {}, table(m_1=DEAR)) == Cost(30_000_000, "1")
    assert cost(replace(USAGE, cost_microusd=10**9), {}, table(m_1=DEAR)) == Cost(10**9, AGENT)
    assert cost(replace(USAGE, cost_microusd=7), {}, table()) == Cost(7, AGENT)
    assert cost(USAGE, {}, table()) is None


def test_usage_adds_up_and_a_cost_that_is_half_unknown_is_unknown() -> None:
    one, other = replace(USAGE, cost_microusd=1), replace(USAGE, model="m-2", cost_microusd=2)
    assert added(None, one) == one
    both = added(one, other)
    assert (both.model, tokens(both), both.cost_microusd) == ("m-2", 4 * MILLION, 3)
    assert added(one, USAGE).cost_microusd is None


def test_every_shipped_price_can_be_charged_and_none_is_free() -> None:
    found = shipped()
    assert found.version
    assert found.as_of > "2026"
    for price in found.models.values():
        assert charge(price, USAGE) > 0
        assert micro(price.cached_usd or price.input_usd) <= micro(price.input_usd) < micro(price.output_usd)
