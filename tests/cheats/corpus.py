"""The whole corpus: every cheat, every honest change, and what is left out where a program is missing.

Not here: the entries themselves; they stand by what they change.
"""

import shutil

from tests.cheats import (
    cheats_elsewhere,
    cheats_in_products,
    cheats_in_runners,
    cheats_in_tests,
    honest_products,
    honest_requests,
    honest_runners,
    honest_tests,
    other_languages,
)
from tests.cheats.entry import Entry

CHEATS: tuple[Entry, ...] = (
    *cheats_in_tests.CHEATS,
    *cheats_in_runners.CHEATS,
    *cheats_in_products.CHEATS,
    *cheats_elsewhere.CHEATS,
    *other_languages.CHEATS,
)
HONEST: tuple[Entry, ...] = (
    *honest_tests.HONEST,
    *honest_requests.HONEST,
    *honest_runners.HONEST,
    *honest_products.HONEST,
    *other_languages.HONEST,
)


def missing(entry: Entry) -> str:
    """The first program that `entry` needs and that is not on PATH; empty when all are there."""
    return next((program for program in entry.work.programs if not shutil.which(program)), "")
