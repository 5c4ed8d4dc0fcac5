"""`make bench`: prints every figure as a table and writes build/bench.json.

Not here: how they are measured (docs/performance.md), and any judgement: a slow machine fails no bench.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(ROOT))

from tests.bench.effort import Effort  # noqa: E402  # the line above finds them
from tests.bench.figures import Figure, as_json, facts, table  # noqa: E402
from tests.bench.growth_figures import growth_figures  # noqa: E402
from tests.bench.item_figures import item_figures  # noqa: E402
from tests.bench.many_runs_figures import many_runs_figures  # noqa: E402
from tests.bench.supervised_figures import supervised_figures  # noqa: E402
from tests.bench.workshop import workshop  # noqa: E402


def main() -> int:
    """The exit code. Progress goes to stderr, a line a figure."""
    # Whoever ends the bench ends with it the daemon and kernels that it has begun.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    known = facts()
    with workshop() as warm_up:
        warm_up.timed(warm_up.run())
    figures = measured(Effort())
    (ROOT / "build" / "bench.json").write_text(as_json(figures, known), encoding="utf-8")
    print(table(figures))
    print(", ".join(f"{name} {value}" for name, value in known.items()))
    return 0


def measured(effort: Effort) -> Sequence[Figure]:
    """Every figure."""
    figures = []
    for source in (item_figures, growth_figures, supervised_figures, many_runs_figures):
        for figure in source(effort):
            figures.append(figure)
            print(figure.name, file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
