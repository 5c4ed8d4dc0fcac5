"""How much is done for a figure.

Not here: the figures; see `item_figures.py`, `growth_figures.py` and `growth_rows.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What is compared is run in turns, `pairs` times. `chain`, `counted`, `long_chain`: items of a run.
    `chains` of a supervised run are held against as many of an unsupervised one, `starts` of a look against Python's.

    `views` are taken after each long chain; `tracked` files make up the repository that disk use is measured in.
    `deaths` kernels are killed under watch; the daemon has each of `runs` on record or at work, is asked `asked` times
    in a row or for `asking_s`, and is then left alone `rests` times for `rest_s`.
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
    chains: int = 3
    deaths: int = 9
    starts: int = 15
    runs: tuple[int, int] = (10, 100)
    asked: int = 2_000
    asking_s: float = 1.0
    asks: int = 5
    rests: int = 3
    rest_s: float = 20.0


@dataclass(frozen=True)
class Size:
    """Items that are carried one after the other, in a repository of so many tracked files."""

    items: int
    files: int


@dataclass(frozen=True)
class GrowthEffort:
    """The rows of the growth table: `items` in a repository of `fewest` files, then 1 and `chain` in larger ones.

    Each is measured `times` times by turns, those of `long_items` or `large_files` and more once.
    """

    items: tuple[int, ...] = (1, 10, 100, 1_000)
    files: tuple[int, ...] = (10_000, 100_000)
    fewest: int = 100
    chain: int = 3
    times: int = 3
    long_items: int = 100
    large_files: int = 100_000
    looks: int = 3

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The size of each row, the single item first of those of a repository."""
        few = (Size(items, self.fewest) for items in self.items)
        return (*few, *(Size(items, files) for files in self.files for items in (1, self.chain)))

    def is_long(self, size: Size) -> bool:
        """Whether it takes too long to be measured more than once."""
        return size.items >= self.long_items or size.files >= self.large_files
