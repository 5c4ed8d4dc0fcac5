"""Thousands of items whose tests fail by chance at 1 to 20 %: hardly one is judged wrongly, and nothing broken passes.

Not here: the suites (tests/doubles/flaky.py) and the whole table (`python -P tests/bench/flakes.py`).
"""

from collections import Counter

import pytest
from tests.doubles.flaky import KINDS, PASSES, RATES, Kind, drawn, suites, wrong
from tests.doubles.marks import need, trials_max

ITEMS = 60
WRONG_MAX = 0.01
BROKEN = [kind for kind in KINDS if "green" in kind.fails]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_at_most_one_verdict_in_a_hundred_is_wrong(kind: Kind, rate: float) -> None:
    outcomes = sum((drawn(kind, suite, ITEMS)[0] for suite in suites(kind, rate)), Counter[str]())
    assert wrong(kind, outcomes) <= WRONG_MAX, dict(outcomes)


@pytest.mark.parametrize("accepted", [False, True], ids=["by default", "flakes accepted"])
@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.name)
def test_a_real_failure_is_never_tried_again_until_it_passes(kind: Kind, accepted: bool) -> None:
    for rate in (0.2, 0.5):
        for suite in suites(kind, rate):
            outcomes, _ = drawn(kind, suite, ITEMS, accepted=accepted)
            assert not any(outcomes[outcome] for outcome in (*PASSES, "flaky_pass")), (suite, outcomes)


def test_a_flake_costs_few_trials() -> None:
    honest = KINDS[0]
    for suite in suites(honest, 0.2):
        assert drawn(honest, suite, ITEMS)[1] <= 4 < trials_max(need())
