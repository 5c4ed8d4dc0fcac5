"""How much is done for a figure.

Not here: the figures; see `item_figures.py` and `growth_figures.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What is compared is run in turns, `pairs` times. `chain`, `counted`, `long_chain`: items of a run.

    `views` are taken after each long chain; `tracked` files make up the repository that disk use is measured in.
    """

    pairs: int = 5
    chain: int = 11
    counted: int = 5
    long_chain: int = 60
    long_chains: int = 2
    many_files: int = 1000
    views: int = 5
    tracked: int = 300
    calls: int = 10
    syncs: int = 100
