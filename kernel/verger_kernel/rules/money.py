"""US dollars as people write them and as they are counted: whole millionths, for a state holds no fractions.

Not here: what anything costs; see `prices.py`.
"""

from verger_kernel.rules.pattern import lazy

USD = r"[0-9]{1,7}(\.[0-9]{1,6})?"
"""Dollars, with at most six decimals."""
_USD = lazy(USD)
_MICRO = 1_000_000


def micro(text: str) -> int:
    """The millionths of a dollar that `text` spells, such as 2.50. Raises ValueError for anything else."""
    if not _USD.fullmatch(text):
        raise ValueError(f"{text} is no sum of dollars such as 2.50")
    whole, _, part = text.partition(".")
    return int(whole) * _MICRO + int(part.ljust(6, "0") if part else 0)


def plain(text: str) -> str:
    """The same sum as it is kept: at least two decimals, and no more than say something. Raises ValueError."""
    return dollars(micro(text))


def dollars(microusd: int) -> str:
    """The whole sum in dollars, as `plain` writes it."""
    whole, part = divmod(microusd, _MICRO)
    return f"{whole}.{f'{part:06}'.rstrip('0').ljust(2, '0')}"


def usd(microusd: int) -> str:
    """The sum for people: whole cents, rounded up, so that nothing that was spent looks like nothing."""
    return f"${dollars(-(-microusd // 10_000) * 10_000)}"
