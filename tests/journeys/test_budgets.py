"""A run with a budget: where it is reached the run waits for a person, and goes on without repeating anything.

Not here: the sums themselves (tests/kernel/rules/test_budgets.py) and prices (test_prices.py).
"""

from pathlib import Path
from typing import Any

import pytest
from tests.doubles.trials import RUN, calls_of, shell, state_of, trial
from tests.doubles.workplace import Workplace

from verger_kernel.rules.chain import read
from verger_kernel.rules.events import BudgetRaised, InvocationStarted

WRITE = '{ do = "write", path = "docs/01.md", text = "a note\\n" }'
LANES = dict.fromkeys(("reader-a", "reader-b"), '{ kind = "scripted", scenario = "scenario.toml" }')


def use(cost: str, tokens: int = 100) -> str:
    return f'{{ do = "use", model = "m", input_tokens = {tokens}, cost_usd = "{cost}" }}'


def bounded(root: Path, policy: str, *, worker: str = "0.90", lane: str = "0.30") -> Workplace:
    """A place whose worker and lanes say what they cost."""
    return trial(
        root,
        f'stage = "execute"\nsteps = [{WRITE}, {use(worker)}]',
        f'stage = "audit"\nsteps = [{use(lane)}]',
        policy=policy,
        agents=LANES,
    )


def cost(place: Workplace) -> Any:
    return place.verger("status", "--json").json["cost"]


def test_a_budget_that_is_reached_in_the_middle_of_a_round_waits_for_a_person(tmp_path: Path) -> None:
    place = bounded(tmp_path, 'budget_usd = 1.50\nreserve_usd = "0.50"')
    ended = place.verger(*RUN)
    assert ended.code == 75, ended
    # Both lanes cannot be at work at once, and after the first not even one more fits.
    assert len(calls_of(place)) == 2
    shown = place.verger("status", "--json").json
    assert shown["why"].startswith(
        "the run may spend $1.50: $1.20 are spent, $0.00 are held back, and audit of 01"
    )
    assert shown["pending_action"].endswith("--budget-usd MORE")
    assert (shown["cost"]["run"]["usd"], shown["cost"]["budget"]["usd"]) == ("1.20", "1.50")

    again = place.verger("resume")
    assert (again.code, len(calls_of(place))) == (75, 2)

    raised = place.verger("resume", "--budget-usd", "2", "--json")
    assert raised.code == 0, raised
    assert sorted(call.rpartition("/")[0] for call in calls_of(place)) == [
        "0/audit-a",
        "0/audit-b",
        "0/execute",
    ]
    (event,) = place.events(BudgetRaised)
    assert event.budget.microusd == 2_000_000
    assert event.by
    order = [type(record.event) for record in read(place.run().journal.read_bytes()).records]
    # Before anything can begin by what is allowed now.
    assert order[order.index(BudgetRaised) + 1] is InvocationStarted
    assert raised.json["cost"]["run"] == {
        "calls": 3,
        "usd": "1.50",
        "tokens": 300,
        "unknown_calls": 0,
        "assumed_usd": "0.00",
        "assumed_tokens": 0,
    }
    assert state_of(place).passed[0].spent.microusd == 1_500_000


def test_a_lane_waits_for_the_other_where_both_fit_after_each_other(tmp_path: Path) -> None:
    place = bounded(tmp_path, 'budget_usd = 1.70\nreserve_usd = "0.50"')
    assert place.verger(*RUN).code == 0
    assert cost(place)["run"]["usd"] == "1.50"


def test_a_lane_whose_answer_does_not_count_is_paid_for_all_the_same(tmp_path: Path) -> None:
    meddles = f'stage = "audit"\nsteps = [{WRITE.replace("a note", "mine")}, {use("0.30")}]'
    place = trial(tmp_path, f'stage = "execute"\nsteps = [{WRITE}]', meddles, agents=LANES)
    assert place.verger(*RUN).code == 22
    spent = cost(place)["run"]
    assert (spent["usd"], spent["unknown_calls"]) == ("0.60", 0)


def test_tokens_and_items_have_budgets_too(tmp_path: Path) -> None:
    place = bounded(tmp_path, "item_budget_tokens = 250\nreserve_tokens = 100")
    ended = place.verger(*RUN)
    assert ended.code == 75, ended
    assert place.verger("resume", "--budget-usd", "9").code == 3
    assert place.verger("resume", "--item-budget-tokens", "250").code == 3
    assert place.verger("resume", "--item-budget-tokens", "300").code == 0


@pytest.mark.sweep
def test_a_run_that_was_at_work_for_long_enough_begins_no_further_call(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        f'stage = "execute"\nsteps = [{WRITE}, {{ do = "sleep", seconds = 1.1 }}]',
        policy="budget_wall_s = 1",
    )
    ended = place.verger(*RUN)
    assert (ended.code, len(calls_of(place))) == (75, 1)
    assert "--budget-wall-s raises that" in ended.stderr
    assert place.verger("resume", "--budget-wall-s", "60").code == 0


def test_what_an_agent_does_not_say_counts_as_what_was_held_back(tmp_path: Path) -> None:
    place = trial(
        tmp_path, policy='reserve_usd = "0.25"', agents={"worker": shell("echo note > docs/01.md; $AGENT")}
    )
    assert place.verger(*RUN).code == 0
    spent = cost(place)["run"]
    assert (spent["usd"], spent["assumed_usd"], spent["unknown_calls"]) == ("0.75", "0.75", 3)
    said = place.verger("status").stdout
    assert (
        "spent        $0.75, 3,000,000 tokens; of that $0.75, 3,000,000 tokens are assumed, for 3 call(s)"
        in said
    )


def test_a_budget_that_no_call_fits_into_is_refused_before_anything_begins(tmp_path: Path) -> None:
    place = bounded(tmp_path, "budget_usd = 1")
    refused = place.verger(*RUN)
    assert (refused.code, place.has_run()) == (3, False)
    assert "$2.00 that are held back for one call of the worker" in refused.stderr
    assert place.verger(*RUN, "--budget-usd", "9").code == 0


def test_a_call_that_was_cut_off_counts_as_what_was_held_back_and_its_next_try_as_what_it_says(
    tmp_path: Path,
) -> None:
    place = bounded(tmp_path, 'budget_usd = 9\nreserve_usd = "2.00"')
    place.killed_at(5, "after", *RUN)
    assert place.verger("resume").code == 0
    assert calls_of(place)[:2] == ["0/execute/t1", "0/execute/t2"]
    spent = cost(place)["run"]
    assert (spent["usd"], spent["assumed_usd"], spent["calls"]) == ("3.50", "2.00", 4)


def test_an_answer_that_outlived_a_kill_counts_once_as_what_it_says(tmp_path: Path) -> None:
    place = bounded(tmp_path, 'budget_usd = 9\nreserve_usd = "2.00"')
    place.killed_at(6, "before", *RUN)
    assert cost(place)["held_usd"] == "2.00"
    assert place.verger("resume").code == 0
    assert len(calls_of(place)) == 3
    spent = cost(place)
    assert (spent["run"]["usd"], spent["run"]["calls"], spent["held_usd"]) == ("1.50", 3, "0.00")


def test_status_shows_what_each_stage_and_lane_of_each_item_cost(tmp_path: Path) -> None:
    place = bounded(tmp_path, 'budget_usd = 9\nreserve_usd = "2.00"')
    place.killed_at(6, "before", *RUN)
    cut = place.verger("status", "--costs").stdout.splitlines()
    assert " ".join(cut[-2].split()) == "ITEM STAGE CALLS READ CACHED WRITTEN TOKENS USD ASSUMED HELD BACK"
    assert " ".join(cut[-1].split()) == "01 execute 0 0 0 0 0 $0.00 - $2.00 for 1"
    assert place.verger("resume").code == 0
    whole = place.verger("status", "--costs", "--json").json
    assert whole["cost"] == cost(place) and whole["flaw"] == ""
    rows = [(one["stage"], one["lane"], one["usd"], one["input_tokens"]) for one in whole["calls"]]
    assert rows[0] == ("execute", "", "0.90", 100)
    # Whichever lane began first stands first.
    assert sorted(rows[1:]) == [("audit", "a", "0.30", 100), ("audit", "b", "0.30", 100)]
    text = place.verger("status", "latest", "--costs").stdout
    assert "spent        $1.50, 300 tokens" in text and "01    audit a  1" in text


def test_costs_of_a_journal_that_cannot_be_read_to_its_end_say_so(tmp_path: Path) -> None:
    place = bounded(tmp_path, "")
    assert place.verger(*RUN).code == 0
    with place.run().journal.open("ab") as journal:
        journal.write(b"{}\n")
    shown = place.verger("status", "--costs").stdout
    assert "not all" in shown and "cannot be followed" in shown and "audit b" in shown
    assert place.verger("status", "--costs", "--all").code == 2
