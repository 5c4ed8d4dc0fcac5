"""What is said of a run's money.

Not here: where it is said; see tests/journeys/test_budgets.py.
"""

from verger_kernel.cost_views import cost_rows, cost_view
from verger_kernel.rules.bills import Amount, Spent
from verger_kernel.rules.budgets import Budget, Held, Spending, StageSpent
from verger_kernel.rules.ids import effect_id

SPENT = Spent(
    calls=3, unknown=1, tokens=1500, microusd=1_234_567, assumed_tokens=500, assumed_microusd=500_000
)


def test_a_run_without_calls_says_nothing_of_money() -> None:
    rows = cost_rows(cost_view(Spending(budget=Budget())))
    assert not any(rows.values())
    assert cost_rows(None) == {}


def test_what_is_assumed_is_said_beside_what_was_spent() -> None:
    stages = (StageSpent(stage="audit", spent=Spent(microusd=1)), StageSpent(stage="execute", spent=SPENT))
    held = (
        Held(effect=effect_id("01", 1, 0, "audit"), amount=Amount(tokens=7, microusd=20_000), at_work=True),
    )
    budget = Budget(microusd=5_000_000, tokens=9000, wall_s=60, item_microusd=1, item_tokens=8)
    rows = cost_rows(cost_view(Spending(budget=budget, spent=SPENT, stages=stages, held=held)))
    assert rows == {
        "spent": "$1.24, 1,500 tokens; of that $0.50, 500 tokens are assumed, for 1 call(s) that did not say; "
        "audit $0.01, execute $1.24",
        "held back": "$0.02, 7 tokens",
        "budget": "$5.00, 9,000 tokens, 60 s at work, $0.000001 an item, 8 tokens an item",
    }
