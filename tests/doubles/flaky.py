"""Suites whose cases fail by chance, and items honest and broken that are verified with them.

Not here: how many verdicts are wrong; see tests/kernel/rules/test_flakes.py and tests/bench/flakes.py.
"""

import random
from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace
from tests.doubles.marks import COMMAND, command, exits, need, verified

from verger_kernel.rules.doubts import Next
from verger_kernel.rules.trials import NAMES_MAX, WHOLE, CommandMark, TrialMark
from verger_kernel.rules.verification import Need

RATES = (0.01, 0.02, 0.05, 0.10, 0.20)
SUITES = {1: 1, 10: 2, 200: 5}
"""How many cases of a suite are flaky, by its size."""
OWN = "own"
"""The case in which items differ; beside its own fate it is as flaky as the others."""


PLAIN = need(shared=(COMMAND,))
RED = need(shared=(COMMAND,), red=True)
HELD_OUT = need(shared=(COMMAND,), held_out=True)


@dataclass(frozen=True)
class Kind:
    """What an item is like: on which trials its own case always fails, and what may be said of it.

    A flake that a person must look at is never wrong; it is counted apart.
    """

    name: str
    fails: tuple[str, ...]
    right: tuple[str, ...]
    need: Need = PLAIN
    named: bool = True


PASSES = ("pass", "partial")
KINDS = (
    Kind("honest", (), PASSES),
    Kind("broken", ("green", "held-out"), ("fail",)),
    Kind("base broken", ("green", "base", "held-out"), ("base_broken",)),
    Kind("real red", ("red",), PASSES, RED),
    Kind("no red", (), ("fail",), RED),
    Kind("tests changed", (), ("pass",), HELD_OUT),
    Kind("tests bent", ("held-out",), ("partial",), HELD_OUT),
    Kind("honest, by exit", (), PASSES, named=False),
    Kind("broken, by exit", ("green",), ("fail",), named=False),
    Kind("base broken, by exit", ("green", "base"), ("base_broken",), named=False),
    Kind("real red, by exit", ("red",), PASSES, RED, named=False),
    Kind("no red, by exit", (), ("fail",), RED, named=False),
)


@dataclass(frozen=True)
class Suite:
    """A suite of `cases`, of which `flaky` fail at `rate` in every trial, whatever the tree."""

    cases: int
    flaky: int
    rate: float

    def failing(self, dice: random.Random) -> set[str]:
        """The cases that chance lets fail this time."""
        names = (OWN, *(f"case_{number}" for number in range(1, self.flaky)))
        return {name for name in names[: self.flaky] if dice.random() < self.rate}


def item(kind: Kind, suite: Suite, dice: random.Random, *, accepted: bool = False) -> tuple[str, int]:
    """What verification says of one item: the outcome, and how many trials it took."""
    green: set[str] = set()

    def show(asked: Next) -> TrialMark:
        nonlocal green
        failed = suite.failing(dice) | ({OWN} if asked.purpose in kind.fails else set())
        if asked.purpose == "green":
            green = failed
        turned = failed - green if asked.purpose == "red" else set()
        mark = _mark(kind, suite, failed, turned)
        return TrialMark(group=asked.group, purpose=asked.purpose, nth=asked.nth, commands=(mark,), unmade=())

    flakes = replace(kind.need.flakes, accepted=accepted)
    trials, judgement = verified(replace(kind.need, flakes=flakes), show)
    return judgement.outcome, len(trials)


def _mark(kind: Kind, suite: Suite, failed: set[str], turned: set[str]) -> CommandMark:
    if not kind.named:
        return exits("fail" if failed else "pass")
    names = tuple(sorted(failed)) if len(failed) <= NAMES_MAX else (WHOLE,)
    return command(*names, executed=suite.cases, turned=tuple(sorted(turned)))


def drawn(kind: Kind, suite: Suite, items: int, *, accepted: bool = False) -> tuple[Counter[str], float]:
    """The outcomes of so many items, drawn the same each time, and the trials an item took."""
    dice = random.Random(f"{kind.name}/{suite}/{accepted}")
    said = [item(kind, suite, dice, accepted=accepted) for _ in range(items)]
    return Counter(outcome for outcome, _ in said), sum(count for _, count in said) / items


def suites(kind: Kind, rate: float) -> tuple[Suite, ...]:
    """Small, middle and large at this rate; without names only the rate of the whole command counts."""
    return tuple(Suite(cases, flaky, rate) for cases, flaky in SUITES.items() if kind.named or flaky == 1)


def wrong(kind: Kind, outcomes: Counter[str]) -> float:
    """The share of items of which something was said that is not so."""
    right = sum(outcomes[outcome] for outcome in (*kind.right, "flaky_pass"))
    return 1 - right / outcomes.total()
