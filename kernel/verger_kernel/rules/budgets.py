"""What a run may spend, what it has spent, and what is held back for calls that are at work.

Not here: what one call counts as (`bills.py`), and the park that a refusal becomes (`parks.py`).

A call begins only if all that it may use still fits; what is held back for it is on record from then on. So a run
spends more than it may only by what calls use beyond what was held back for them.
"""

import msgspec
from msgspec.structs import replace

from verger_kernel.rules.bills import Amount, Bill, Spent, settled, together
from verger_kernel.rules.ids import EffectId, tries_of
from verger_kernel.rules.money import usd
from verger_kernel.rules.now import Now


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The most that a run, or one item of it, may use; None is no bound. `wall_s` counts while a kernel is at work."""

    microusd: int | None = None
    tokens: int | None = None
    wall_s: int | None = None
    item_microusd: int | None = None
    item_tokens: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is bounded."""
        return any(getattr(self, name) is not None for name in self.__struct_fields__)


FLAGS = {
    "microusd": "--budget-usd",
    "tokens": "--budget-tokens",
    "wall_s": "--budget-wall-s",
    "item_microusd": "--item-budget-usd",
    "item_tokens": "--item-budget-tokens",
}
"""What raises each bound, on the command line of `resume`."""


class Overspent(Exception):
    """A call that may not begin. `fits_later` says that it may once the calls at work have settled."""

    def __init__(self, why: str, raise_with: str, *, fits_later: bool) -> None:
        super().__init__(why)
        self.why = why
        self.raise_with = raise_with
        self.fits_later = fits_later


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is held back for the call `effect`. One that is not `at_work` was cut off, and settles with its next try."""

    effect: EffectId
    amount: Amount
    at_work: bool


class Stamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A moment of the monotonic clock, which counts within one boot."""

    boot_id: str
    monotonic_ns: int


class StageSpent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one stage of all items has spent."""

    stage: str
    spent: Spent


class Spending(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The money of a run. `item` is about the item in hand, all its attempts; `stages` is sorted by name.

    `worked_ms` is for how long kernels were at work, up to the last record; `counted_at` is that record's moment while
    one is.
    """

    budget: Budget
    spent: Spent = Spent()
    item: Spent = Spent()
    stages: tuple[StageSpent, ...] = ()
    held: tuple[Held, ...] = ()
    worked_ms: int = 0
    counted_at: Stamp | None = None


def began(spending: Spending, now: Now) -> Spending:
    """After a kernel took the run: no call of an earlier one is at work any more."""
    return replace(_cut_off(spending), counted_at=_stamp(now))


def ended(spending: Spending) -> Spending:
    """After that kernel left."""
    return replace(_cut_off(spending), counted_at=None)


def ticked(spending: Spending, now: Now) -> Spending:
    """With the time since the last record counted, if a kernel is at work in the same boot."""
    last = spending.counted_at
    if last is None:
        return spending
    since_ms = (now.monotonic_ns - last.monotonic_ns) // 1_000_000 if last.boot_id == now.boot_id else 0
    if since_ms <= 0 and last.boot_id == now.boot_id:
        return spending
    return replace(spending, worked_ms=spending.worked_ms + since_ms, counted_at=_stamp(now))


def held_for(spending: Spending, effect: EffectId, amount: Amount) -> Spending:
    """With `amount` held back for the call `effect`, after its earlier tries were settled. Raises Overspent."""
    spending = settle(spending, effect, None)
    for name in FLAGS:
        _refuse(spending, name, effect, amount)
    one = Held(effect=effect, amount=amount, at_work=True)
    return replace(spending, held=(*spending.held, one))


def settle(spending: Spending, effect: EffectId, bill: Bill | None) -> Spending:
    """With the call `effect` and its earlier tries settled: the one that `bill` is about by it, others as held back.

    What was settled before, or never begun, counts nothing: done twice, it is done once.
    """
    over = [one for one in spending.held if _is_no_later(one.effect, effect)]
    for one in over:
        spent = settled(one.amount, bill if bill and bill.call == one.effect else None)
        spending = _counted(spending, _stage(effect), spent)
    left = tuple(one for one in spending.held if one not in over)
    return replace(spending, held=left) if over else spending


def next_item(spending: Spending) -> Spending:
    """Once another item is in hand."""
    return replace(spending, item=Spent())


def cut_off(spending: Spending, effect: EffectId) -> Spending:
    """After the call `effect` ended in a way that says nothing of it: it settles with its next try."""
    held = tuple(replace(one, at_work=False) if one.effect == effect else one for one in spending.held)
    return replace(spending, held=held)


def is_raised(old: Budget, new: Budget) -> bool:
    """Whether `new` lowers no bound of `old`, adds none, and raises one."""
    pairs = [(getattr(old, name), getattr(new, name)) for name in FLAGS]
    return old != new and all(a == b or (a is not None and b is not None and a < b) for a, b in pairs)


def held_back(spending: Spending) -> Amount:
    """All that is held back."""
    return _sum(spending.held)


def _sum(held: tuple[Held, ...]) -> Amount:
    return Amount(
        tokens=sum(one.amount.tokens for one in held), microusd=sum(one.amount.microusd for one in held)
    )


def _refuse(spending: Spending, name: str, effect: EffectId, wanted: Amount) -> None:
    allowed = getattr(spending.budget, name)
    if allowed is None:
        return
    flag = FLAGS[name]
    if name == "wall_s":
        if spending.worked_ms >= allowed * 1000:
            why = f"the run may be at work for {allowed} s and was for {spending.worked_ms // 1000} s"
            raise Overspent(f"{why}; {flag} raises that", flag, fits_later=False)
        return
    unit = name.removeprefix("item_")
    whose = "item" if name != unit else "run"
    spent = getattr(spending.item if whose == "item" else spending.spent, unit)
    # Of one item at a time agents are at work, so all that is held back is held back for it.
    held, at_work = (
        getattr(_sum(some), unit)
        for some in (spending.held, tuple(one for one in spending.held if one.at_work))
    )
    more = getattr(wanted, unit)
    if spent + held + more <= allowed:
        return
    shown = usd if unit == "microusd" else _tokens
    why = (
        f"the {whose} may spend {shown(allowed)}: {shown(spent)} are spent, {shown(held)} are held back, "
        f"and {_stage(effect)} of {effect.partition('/')[0]} may use {shown(more)}; {flag} raises that"
    )
    raise Overspent(why, flag, fits_later=at_work > 0 and spent + held - at_work + more <= allowed)


def _tokens(count: int) -> str:
    return f"{count:,} tokens"


def _counted(spending: Spending, stage: str, spent: Spent) -> Spending:
    known = {one.stage: one.spent for one in spending.stages}
    known[stage] = together(known.get(stage, Spent()), spent)
    return replace(
        spending,
        spent=together(spending.spent, spent),
        item=together(spending.item, spent),
        stages=tuple(StageSpent(stage=name, spent=known[name]) for name in sorted(known)),
    )


def _cut_off(spending: Spending) -> Spending:
    return replace(spending, held=tuple(replace(one, at_work=False) for one in spending.held))


def _stamp(now: Now) -> Stamp:
    return Stamp(boot_id=now.boot_id, monotonic_ns=now.monotonic_ns)


def _is_no_later(one: EffectId, other: EffectId) -> bool:
    """Whether `one` is `other` or an earlier try of it."""
    same = one.rpartition("/t")[0] == other.rpartition("/t")[0]
    return same and tries_of(one) <= tries_of(other)


def _stage(effect: EffectId) -> str:
    return effect.split("/")[3].partition("-")[0]
