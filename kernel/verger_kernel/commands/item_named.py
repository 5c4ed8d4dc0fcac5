"""The item of a run that a person names.

Not here: the run; see `verger_kernel.home.find_run`.
"""

from difflib import get_close_matches

from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import shown
from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.frozen import FrozenPlaybookInvalid, decode_plan
from verger_probes.exits import Exit


def plan_of(folder: RunFolder) -> NormalizedPlan:
    """The playbook that the run carries out. Raises CommandError when its copy cannot be read."""
    try:
        return decode_plan(read_file(folder.plan))
    except (OSError, FrozenPlaybookInvalid) as error:
        what = f"{folder.plan} cannot be read: {error}"
        raise CommandError(what, f"verger doctor --run-id {folder.root.name}", Exit.INPUT) from None


def item_named(folder: RunFolder, text: str) -> str:
    """`text`, if the run has an item of exactly that id; raises CommandError with what may have been meant."""
    known = [item.item_id for item in plan_of(folder).items]
    if text not in known:
        near = get_close_matches(text, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"its items are: {', '.join(known)}"
        raise CommandError(f"run {folder.root.name} has no item {shown(text)}", hint, Exit.INPUT)
    return text


def latest_attempt(folder: RunFolder, item: str) -> int:
    """The newest attempt at `item` that left anything in the run's folder; 0 when it was never begun."""
    names = (path.name.removeprefix("attempt-") for path in folder.item(item).glob("attempt-*"))
    return max((int(name) for name in names if name.isdigit()), default=0)
