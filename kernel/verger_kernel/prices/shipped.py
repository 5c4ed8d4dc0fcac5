"""The price table in the wheel: dated, and never changed without a new version.

Not here: what is made of it; see `rules/prices.py`. A policy's own prices win over it.
"""

from functools import cache
from pathlib import Path

from verger_kernel.rules.prices import PriceTable
from verger_probes.decoding import decoded

TABLE = Path(__file__).with_name("table.json")


@cache
def shipped() -> PriceTable:
    """The table, read once."""
    return decoded(TABLE.read_bytes(), PriceTable)
