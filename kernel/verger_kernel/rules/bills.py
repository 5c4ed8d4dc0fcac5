"""What one agent call is counted at: held back before it begins, settled once when it is over.

Not here: what it may cost (`budgets.py`) and what tokens cost (`prices.py`).
"""

import msgspec

from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.usage import Usage, tokens


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tokens, and millionths of a US dollar."""

    tokens: int = 0
    microusd: int = 0


class Bill(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of the call `call` once it is over. It holds what counted, so a later price changes nothing.

    `microusd` is None where nobody knows a price, `priced_by` says who knew. A call that was cut short is not `whole`:
    it used at least so much.
    """

    call: EffectId
    usage: Usage | None = None
    microusd: int | None = None
    priced_by: str = ""
    whole: bool = True


class Spent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sum of settled calls. The `assumed` part of it is what was held back for calls that did not say it."""

    calls: int = 0
    unknown: int = 0
    tokens: int = 0
    microusd: int = 0
    assumed_tokens: int = 0
    assumed_microusd: int = 0


def settled(held: Amount, bill: Bill | None) -> Spent:
    """What one call counts as, of which `held` was held back: what is unknown counts as that, never as nothing."""
    known_tokens = tokens(bill.usage) if bill and bill.usage else None
    known_microusd = bill.microusd if bill else None
    whole = bool(bill and bill.whole)
    used, assumed_tokens = _counted(held.tokens, known_tokens, whole)
    paid, assumed_microusd = _counted(held.microusd, known_microusd, whole)
    return Spent(
        calls=1,
        unknown=int(known_tokens is None or known_microusd is None or not whole),
        tokens=used,
        microusd=paid,
        assumed_tokens=assumed_tokens,
        assumed_microusd=assumed_microusd,
    )


def _counted(held: int, known: int | None, whole: bool) -> tuple[int, int]:
    """What counts, and how much of it nobody said."""
    if known is None:
        return held, held
    return (known, 0) if whole or known >= held else (held, held - known)


def together(one: Spent, other: Spent) -> Spent:
    """The sum of both."""
    return Spent(**{name: getattr(one, name) + getattr(other, name) for name in Spent.__struct_fields__})
