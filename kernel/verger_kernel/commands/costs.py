"""`status --costs`: what each stage and lane of each item cost so far, from the journal.

Not here: `status` without it, which reads the state alone and not the machine; see `status.py`.
"""

import msgspec

from verger_kernel.call_cost_views import RunCosts, call_cost_view, text
from verger_kernel.cost_views import cost_view
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.following.lines import Step
from verger_kernel.following.tail import Tail
from verger_kernel.rules.bills import Bill
from verger_kernel.rules.budgets import Held
from verger_kernel.rules.call_costs import bill_in, cost_rows_of
from verger_probes.exits import Exit


def costs(folder: RunFolder, style: str) -> str:
    """What is shown, in `style`. Raises CommandError where the journal cannot be read."""
    tail = Tail(folder)
    try:
        rows = cost_rows_of(map(_held, tail.steps()))
    except OSError as error:
        raise CommandError(
            f"{folder.journal} cannot be read: {error}",
            f"verger doctor --run-id {folder.root.name}",
            Exit.INPUT,
        ) from error
    view = RunCosts(
        run_id=folder.root.name,
        cost=cost_view(tail.state.spending) if tail.state else None,
        calls=tuple(map(call_cost_view, rows)),
        flaw=tail.flaw,
    )
    if style == "json":
        return msgspec.json.format(msgspec.json.encode(view), indent=2).decode()
    return text(view, rows)


def _held(step: Step) -> tuple[tuple[Held, ...], Bill | None, tuple[Held, ...]]:
    before = step.before.spending.held if step.before else ()
    return before, bill_in(step.event), step.after.spending.held
