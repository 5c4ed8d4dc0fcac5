"""What lines say of money: what each call came to, and what a person let the run spend.

Not here: all else that lines say; see test_lines.py.
"""

from tests.doubles.walk import Walk, frame, walk

from verger_kernel.cost_views import BudgetView
from verger_kernel.following import kinds as k
from verger_kernel.following.lines import Step, lines
from verger_kernel.following.result import ends
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.bills import Amount, Bill
from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.usage import Usage

HELD = Amount(tokens=100, microusd=500_000)
USAGE = Usage(model="m", input_tokens=7, cached_tokens=0, cache_write_tokens=0, output_tokens=2)


def at_work() -> Walk:
    """A run whose worker has begun."""
    at = walk().until(s.Working)
    effect = at.state.outstanding[0].id
    at.tell(e.AgentStarted(effect=effect, agent="a", session="s", files="f", held=HELD))
    return at


def told(at: Walk, bill: Bill | None = None) -> k.CallCost | None:
    """What the line of the worker's end says that it cost."""
    before, effect = at.state, at.state.outstanding[0]
    at.answer(bill=bill)
    event = e.WorkerReturned(
        effect.id,
        problem="",
        verdict="implemented",
        report="",
        tree=before.tip,
        changed=1,
        unresolved=0,
        out_of_scope=(),
        out_of_scope_count=0,
        escapes=(),
        quarantine="",
        bill=bill,
    )
    (ended,) = (line for line in lines(Step(before, event, at.state)) if isinstance(line, k.AgentEnded))
    return ended.cost


def test_a_call_is_told_with_what_it_came_to_and_whose_price_counted() -> None:
    at = at_work()
    bill = Bill(call=at.state.outstanding[0].id, usage=USAGE, microusd=250_000, priced_by="policy")
    assert told(at, bill) == k.CallCost(usd="0.25", tokens=9, model="m", by="policy", assumed=False)
    assert [(one.usd, one.tokens) for one in ends(at.state)] == [("0.25", 9)]


def test_what_nobody_said_is_told_as_assumed() -> None:
    assert told(at_work()) == k.CallCost(usd="0.50", tokens=100, model="", by="", assumed=True)


def test_an_end_without_a_call_costs_nothing() -> None:
    assert told(walk().until(s.Working)) is None


def test_who_lets_the_run_spend_more_is_told() -> None:
    at = Walk(frame(budget=Budget(microusd=1_000_000)), "01")
    before = at.state
    event = e.BudgetRaised(budget=Budget(microusd=2_500_000), by="ada")
    at.tell(event)
    (line,) = lines(Step(before, event, at.state))
    assert isinstance(line, k.BudgetRaised)
    bounds = BudgetView(usd="2.50", tokens=None, wall_s=None, item_usd=None, item_tokens=None)
    assert (line.by, line.budget) == ("ada", bounds)
