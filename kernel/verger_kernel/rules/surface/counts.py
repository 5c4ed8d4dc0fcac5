"""What a test file holds: its tests, its assertions, its skips and what it leaves out, each by its text.

Not here: reading them; see `python.py` and `text.py`.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """Each counter holds a text as it stands in the file, and how often: a moved test is known again by it.

    `excluded` is what keeps other tests from being run: an `.only`, a `__test__ = False`, a hook that deselects.
    """

    tests: Counter[str] = field(default_factory=Counter)
    assertions: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
