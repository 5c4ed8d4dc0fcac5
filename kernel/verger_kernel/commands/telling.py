"""What is told while a command works: lines on standard error, for whoever is still listening.

Not here: results, which go to standard output; see `result.py`.
"""

import sys
from contextlib import suppress


def tell(text: str) -> None:
    """Writes one line at once. Nobody may be listening any more: the run goes on, and status tells the rest."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
