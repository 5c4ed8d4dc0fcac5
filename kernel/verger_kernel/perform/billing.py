"""The bill of an agent call, made once it is over: what it used, and what that costs by the policy's prices.

Not here: what the bill does to the run's budget; see `rules/budgets.py`.
"""

from dataclasses import replace
from typing import TypeVar

from verger_kernel.agents import usage_lines
from verger_kernel.agents.outcome import Outcome, Unanswered
from verger_kernel.disk.layout import CallFolder
from verger_kernel.perform.site import Site
from verger_kernel.prices.shipped import shipped
from verger_kernel.process.runner import Ended
from verger_kernel.rules.bills import Bill
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.prices import cost
from verger_kernel.rules.usage import nothing_used
from verger_probes.exits import SIGNALLED

_CUT_SHORT = frozenset({"silent", "timeout", "output", "memory", "processes", "disk", "killed"})
"""Ends at which an agent may not have said all that it used."""

Found = TypeVar("Found", bound=Outcome)


def billed(found: Found, site: Site, agent: str, call: EffectId, folder: CallFolder, *, whole: bool) -> Found:
    """`found` with the bill of `call`, which `agent` made and whose streams lie in `folder`.

    One that is not `whole` may have used more than it said, also where it answered.
    """
    kind = site.policy.agents[agent].kind
    whole = whole and not (isinstance(found, Unanswered) and found.kind in _CUT_SHORT)
    usage = found.usage
    if usage is None and kind in ("generic", "scripted"):
        usage = usage_lines.told(folder.stdout)
    if usage is None and (_never_began(found) or (kind == "scripted" and whole)):
        # It asked no model, and that is known.
        usage = nothing_used()
    known = cost(usage, site.policy.prices, shipped()) if usage else None
    bill = Bill(
        call=call,
        usage=usage,
        microusd=known.microusd if known else None,
        priced_by=known.by if known else "",
        whole=whole,
    )
    return replace(found, usage=usage, bill=bill)


def was_ended(ended: Ended) -> bool:
    """Whether a program did not end by itself: by a limit, by a signal, or because it stayed after its last word."""
    if ended.start_error:
        return False
    code = ended.exit_code
    return ended.breach is not None or code is None or not 0 <= code <= SIGNALLED


def _never_began(found: Outcome) -> bool:
    return isinstance(found, Unanswered) and found.kind == "not_started"
