"""`python -P tests/bench/flakes.py`: what verification says of items whose tests fail by chance, as a table by rate.

Not here: the suites (tests/doubles/flaky.py), and what is held to a bound (tests/kernel/rules/test_flakes.py).
"""

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path[:0] = [str(ROOT / folder) for folder in ("", "kernel", "probes")]

from tests.doubles.flaky import KINDS, RATES, SUITES, Kind, Suite, drawn, wrong  # noqa: E402

ITEMS = 4000
COLUMNS = ("item", "suite", "rate", "pass", "flake", "fail", "base", "wrong", "trials")


def main() -> int:
    """The exit code. Commands without names are shown beyond what can be promised, too."""
    print(line(COLUMNS))
    for kind in KINDS:
        for rate in RATES:
            for cases, flaky in SUITES.items():
                print(line(row(kind, Suite(cases, flaky, rate))), flush=True)
    return 0


def row(kind: Kind, suite: Suite) -> tuple[str, ...]:
    """One line of the table: shares of the items in percent."""
    outcomes, trials = drawn(kind, suite, ITEMS)
    shares = (
        _share(outcomes, "pass", "partial"),
        _share(outcomes, "flaky_pass"),
        _share(outcomes, "fail"),
        _share(outcomes, "base_broken"),
    )
    size = f"{suite.flaky}/{suite.cases}"
    return (kind.name, size, f"{suite.rate:.0%}", *shares, f"{wrong(kind, outcomes):.2%}", f"{trials:.2f}")


def _share(outcomes: "Counter[str]", *names: str) -> str:
    return f"{sum(outcomes[name] for name in names) / outcomes.total():.2%}"


def line(words: tuple[str, ...]) -> str:
    """The words in columns, the first one to the left."""
    return words[0].ljust(22) + "".join(word.rjust(9) for word in words[1:])


if __name__ == "__main__":
    sys.exit(main())
