"""Budgets: what is held back, what is settled, and that no order of starts, ends, crashes and replays counts twice.

Not here: a run that meets its budget; see tests/journeys/test_budgets.py and tests/simulation.
"""

import random

import pytest
from msgspec.structs import replace

from verger_kernel.rules import budgets as b
from verger_kernel.rules.bills import Amount, Bill, Spent, settled
from verger_kernel.rules.ids import EffectId, effect_id, next_try
from verger_kernel.rules.now import Now
from verger_kernel.rules.usage import Usage

WORK = effect_id("01", 1, 0, "execute")
LANE_A, LANE_B = (effect_id("01", 1, 0, "audit", part=lane) for lane in "ab")
HELD = Amount(tokens=100, microusd=1000)


def spending(**bounds: int) -> b.Spending:
    return b.Spending(budget=b.Budget(**bounds))


def usage(count: int) -> Usage:
    return Usage(model="m", input_tokens=count, cached_tokens=0, cache_write_tokens=0, output_tokens=0)


def bill(call: EffectId, microusd: int | None = 10, count: int | None = 5, *, whole: bool = True) -> Bill:
    used = None if count is None else usage(count)
    return Bill(call=call, usage=used, microusd=microusd, priced_by="t", whole=whole)


def at(second: float, boot: str = "boot") -> Now:
    return Now(0, boot, 0, int(second * 10**9))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            None,
            Spent(calls=1, unknown=1, tokens=100, microusd=1000, assumed_tokens=100, assumed_microusd=1000),
        ),
        (bill(WORK), Spent(calls=1, tokens=5, microusd=10)),
        (bill(WORK, None), Spent(calls=1, unknown=1, tokens=5, microusd=1000, assumed_microusd=1000)),
        (bill(WORK, 10, None), Spent(calls=1, unknown=1, tokens=100, microusd=10, assumed_tokens=100)),
        (
            bill(WORK, whole=False),
            Spent(calls=1, unknown=1, tokens=100, microusd=1000, assumed_tokens=95, assumed_microusd=990),
        ),
        (bill(WORK, 2000, 200, whole=False), Spent(calls=1, unknown=1, tokens=200, microusd=2000)),
        (bill(WORK, 0, 0), Spent(calls=1)),
    ],
    ids=["nothing", "all", "no price", "no tokens", "cut short", "cut short late", "known to be nothing"],
)
def test_what_is_unknown_counts_as_what_was_held_back_and_never_as_nothing(
    known: Bill | None, expected: Spent
) -> None:
    assert settled(HELD, known) == expected


def test_what_a_call_may_use_is_held_back_until_it_is_settled() -> None:
    one = b.held_for(spending(), WORK, HELD)
    assert b.held_back(one) == HELD
    two = b.settle(one, WORK, bill(WORK))
    assert (two.held, two.spent, two.item) == ((), Spent(calls=1, tokens=5, microusd=10), two.spent)
    assert [(stage.stage, stage.spent) for stage in two.stages] == [("execute", two.spent)]
    assert b.settle(two, WORK, bill(WORK)) == two


def test_a_call_that_was_cut_off_settles_with_its_next_try() -> None:
    one = b.began(b.held_for(spending(), WORK, HELD), at(0))
    assert not one.held[0].at_work
    two = b.held_for(one, next_try(WORK), HELD)
    assert (two.spent.microusd, [held.effect for held in two.held]) == (1000, [next_try(WORK)])


def test_an_answer_of_an_earlier_try_settles_that_one_by_its_bill() -> None:
    one = b.began(b.held_for(spending(), WORK, HELD), at(0))
    two = b.settle(one, next_try(WORK), bill(WORK))
    assert (two.spent, two.held) == (Spent(calls=1, tokens=5, microusd=10), ())


def test_a_bill_of_another_try_is_not_counted_for_this_one() -> None:
    one = b.held_for(spending(), next_try(WORK), HELD)
    assert b.settle(one, next_try(WORK), bill(WORK)).spent.microusd == 1000


def test_the_second_of_two_calls_waits_while_the_first_may_leave_enough() -> None:
    one = b.held_for(spending(microusd=1500), LANE_A, HELD)
    with pytest.raises(b.Overspent) as refused:
        b.held_for(one, LANE_B, HELD)
    assert refused.value.fits_later
    assert refused.value.raise_with == "--budget-usd"
    with pytest.raises(b.Overspent) as refused:
        b.held_for(b.cut_off(one, LANE_A), LANE_B, HELD)
    assert not refused.value.fits_later
    with pytest.raises(b.Overspent) as refused:
        b.held_for(b.settle(one, LANE_A, bill(LANE_A, 501)), LANE_B, HELD)
    assert not refused.value.fits_later
    assert b.held_for(b.settle(one, LANE_A, bill(LANE_A, 500)), LANE_B, HELD).held


@pytest.mark.parametrize(
    ("bound", "flag", "said"),
    [
        (
            "microusd",
            "--budget-usd",
            "the run may spend $0.01: $0.01 are spent, $0.00 are held back, and audit of 01",
        ),
        (
            "tokens",
            "--budget-tokens",
            "the run may spend 100 tokens: 5 tokens are spent, 0 tokens are held back",
        ),
        ("item_microusd", "--item-budget-usd", "the item may spend $0.01"),
        ("item_tokens", "--item-budget-tokens", "the item may spend 100 tokens"),
    ],
)
def test_a_refusal_says_what_is_spent_what_may_be_and_what_raises_it(
    bound: str, flag: str, said: str
) -> None:
    one = b.settle(
        b.held_for(spending(**{bound: 1000 if "usd" in bound else 100}), WORK, HELD), WORK, bill(WORK)
    )
    with pytest.raises(b.Overspent) as refused:
        b.held_for(one, LANE_A, HELD)
    assert said in refused.value.why
    assert refused.value.why.endswith(f"{flag} raises that")
    assert refused.value.raise_with == flag


def test_the_money_of_an_item_is_free_again_for_the_next() -> None:
    one = b.settle(b.held_for(spending(item_microusd=1000), WORK, HELD), WORK, None)
    with pytest.raises(b.Overspent):
        b.held_for(one, LANE_A, HELD)
    assert b.held_for(b.next_item(one), effect_id("02", 1, 0, "execute"), HELD).held


def test_time_counts_while_a_kernel_is_at_work_by_a_clock_of_one_boot() -> None:
    one = b.began(spending(wall_s=10), at(100))
    one = b.ticked(b.ticked(one, at(103)), at(104))
    assert one.worked_ms == 4000
    one = b.began(b.ended(one), at(1000))
    assert b.ticked(one, at(1001)).worked_ms == 5000
    rebooted = b.ticked(one, at(5, "another boot"))
    assert rebooted.worked_ms == 4000
    assert b.ticked(rebooted, at(6, "another boot")).worked_ms == 5000
    assert b.ticked(one, at(900)).worked_ms == 4000
    b.held_for(replace(one, worked_ms=9_999), WORK, HELD)
    with pytest.raises(
        b.Overspent, match="may be at work for 10 s and was for 10 s; --budget-wall-s raises that"
    ):
        b.held_for(replace(one, worked_ms=10_000), WORK, HELD)


def test_to_raise_a_budget_is_to_lower_nothing_and_bound_nothing_new() -> None:
    old = b.Budget(microusd=1000, tokens=100)
    assert b.is_raised(old, replace(old, microusd=1001))
    for new in (
        old,
        replace(old, microusd=999),
        replace(old, microusd=2000, tokens=99),
        replace(old, wall_s=5),
    ):
        assert not b.is_raised(old, new)


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_a_run_overspends_by_no_more_than_calls_use_beyond_what_was_held_back(
    seed: int,
) -> None:
    dice = random.Random(seed)
    one = spending(microusd=dice.randint(1000, 6000), item_tokens=dice.randint(100, 900))
    tries = {WORK: WORK, LANE_A: LANE_A, LANE_B: LANE_B}
    begun: dict[EffectId, int] = {}
    known: dict[EffectId, int] = {}
    beyond = 0
    for second in range(60):
        name = dice.choice(list(tries))
        effect = tries[name]
        match dice.choice(("begin", "begin", "end", "end", "late", "crash", "fail", "reuse")):
            case "begin" if effect not in begun:
                try:
                    one = b.held_for(one, effect, HELD)
                except b.Overspent:
                    continue
                begun[effect] = HELD.microusd
            case "end" if effect in begun and effect not in known:
                cost = dice.choice((None, 0, 400, 1000, 1300))
                one = b.settle(one, effect, bill(effect, cost))
                known[effect] = HELD.microusd if cost is None else cost
                beyond += max(0, known[effect] - HELD.microusd)
                tries[name] = next_try(effect)
            case "late" if begun:
                before, late = one, dice.choice(list(begun))
                one = b.settle(one, late, bill(late)) if late in known else one
                assert one == before
            case "crash":
                one = b.began(one, at(second))
                tries = {key: next_try(last) if last in begun else last for key, last in tries.items()}
            case "fail" if effect in begun:
                one = b.cut_off(one, effect)
            case "reuse" if effect not in begun and (cut := b.held_back(one)).microusd:
                held = [kept for kept in one.held if kept.effect.startswith(name[:-1]) and not kept.at_work]
                for kept in held:
                    one = b.settle(one, effect, bill(kept.effect, 700))
                    known[kept.effect] = 700
                assert b.held_back(one).microusd == cut.microusd - 1000 * len(held)
        assert one.spent.calls + len(one.held) == len(begun)
        open_ = {kept.effect for kept in one.held}
        assert one.spent.microusd == sum(known.get(call, 1000) for call in begun if call not in open_)
        assert one.budget.microusd is not None
        assert one.spent.microusd + b.held_back(one).microusd <= one.budget.microusd + beyond
        assert one.spent == one.item
