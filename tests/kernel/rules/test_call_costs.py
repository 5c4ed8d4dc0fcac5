"""The rows of a run's calls: each call in its row once, and all rows together what the run has spent and holds back.

Not here: the sums themselves; see test_budgets.py.
"""

import random

import pytest

from verger_kernel.rules import budgets as b
from verger_kernel.rules.bills import Amount, Bill, Spent, together
from verger_kernel.rules.call_costs import CostRow, cost_rows_of
from verger_kernel.rules.ids import EffectId, effect_id, next_try
from verger_kernel.rules.now import Now
from verger_kernel.rules.usage import Usage

HELD = Amount(tokens=100, microusd=1000)
WORK = effect_id("01", 1, 0, "execute")
FIX = effect_id("01", 1, 1, "fix")
LANE_A, LANE_B = (effect_id("02", 2, 0, "audit", part=lane) for lane in "ab")
USED = Usage(model="m", input_tokens=9, cached_tokens=4, cache_write_tokens=2, output_tokens=5)


class Journal:
    """The steps of a journal as they are made."""

    def __init__(self) -> None:
        self.spending = b.Spending(budget=b.Budget())
        self.steps: list[tuple[tuple[b.Held, ...], Bill | None, tuple[b.Held, ...]]] = []

    def step(self, after: b.Spending, bill: Bill | None = None) -> None:
        self.steps.append((self.spending.held, bill, after.held))
        self.spending = after

    def begin(self, effect: EffectId) -> None:
        self.step(b.held_for(self.spending, effect, HELD))

    def end(self, effect: EffectId, bill: Bill | None) -> None:
        self.step(b.settle(self.spending, effect, bill), bill)


def billed(effect: EffectId, microusd: int | None = 70) -> Bill:
    return Bill(call=effect, usage=USED, microusd=microusd, priced_by="t")


def test_each_stage_and_lane_of_each_item_has_a_row_in_the_order_of_their_first_calls() -> None:
    run = Journal()
    for effect in (WORK, FIX, LANE_B, LANE_A):
        run.begin(effect)
        run.end(effect, billed(effect))
    again = effect_id("01", 2, 0, "execute")
    run.begin(again)
    rows = cost_rows_of(run.steps)
    assert [(row.item, row.stage, row.lane) for row in rows] == [
        ("01", "execute", ""),
        ("01", "fix", ""),
        ("02", "audit", "b"),
        ("02", "audit", "a"),
    ]
    # The second attempt stands in the row of the first.
    assert rows[0] == CostRow(
        item="01",
        stage="execute",
        lane="",
        spent=Spent(calls=1, tokens=14, microusd=70),
        input_tokens=9,
        cached_tokens=4,
        cache_write_tokens=2,
        output_tokens=5,
        held_calls=1,
        held=HELD,
    )


def test_who_did_not_say_what_it_used_counts_as_held_back_and_names_no_tokens() -> None:
    run = Journal()
    run.begin(WORK)
    run.end(WORK, Bill(call=WORK))
    (row,) = cost_rows_of(run.steps)
    assert (row.input_tokens, row.output_tokens, row.spent.tokens, row.spent.unknown) == (0, 0, 100, 1)


def test_a_try_that_was_cut_off_settles_when_the_next_begins_and_not_by_its_bill() -> None:
    run = Journal()
    run.begin(WORK)
    run.begin(next_try(WORK))
    run.end(next_try(WORK), billed(next_try(WORK)))
    (row,) = cost_rows_of(run.steps)
    assert (row.spent.calls, row.spent.microusd, row.input_tokens, row.held_calls) == (2, 1070, 9, 0)


def test_a_run_without_calls_has_no_rows() -> None:
    assert cost_rows_of([]) == () == cost_rows_of([((), None, ())])


@pytest.mark.parametrize("seed", range(100))
def test_whatever_happens_the_rows_are_what_the_run_has_spent(seed: int) -> None:
    dice, run = random.Random(seed), Journal()
    tries = {name: name for name in (WORK, FIX, LANE_A, LANE_B)}
    for second in range(40):
        name = dice.choice(list(tries))
        held = {one.effect for one in run.spending.held}
        match dice.choice(("begin", "end", "crash", "reuse")):
            case "begin" if tries[name] not in held:
                run.begin(tries[name])
            case "end" if tries[name] in held:
                run.end(tries[name], dice.choice((None, billed(tries[name]), billed(tries[name], None))))
                tries[name] = next_try(tries[name])
            case "crash":
                run.step(b.began(run.spending, Now(0, "boot", 0, second)))
                tries = {key: next_try(last) if last in held else last for key, last in tries.items()}
            case "reuse":
                for effect in [one for one in held if one.startswith(name[:-1])]:
                    run.end(tries[name], billed(effect))
    rows = cost_rows_of(run.steps)
    spent = Spent()
    for row in rows:
        spent = together(spent, row.spent)
    assert spent == run.spending.spent
    back = b.held_back(run.spending)
    assert sum(row.held.microusd for row in rows) == back.microusd
    assert sum(row.held_calls for row in rows) == len(run.spending.held)
