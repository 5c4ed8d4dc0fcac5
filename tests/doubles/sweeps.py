"""Points of a longer proof: every few of them are tried by `make test`, all others by `make sweep`.

Not here: what is proved at each point.
"""

from collections.abc import Sequence
from typing import Any

import pytest


def swept(points: Sequence[Any], *, every: int) -> list[Any]:
    """The points as parameters of a test; all but every `every`-th bear the mark `sweep`."""
    return [
        point if number % every == 0 else _left_to_the_sweep(point) for number, point in enumerate(points)
    ]


def _left_to_the_sweep(point: Any) -> Any:
    values = point if isinstance(point, tuple) else (point,)
    return pytest.param(*values, marks=pytest.mark.sweep)
