"""What became of each item of the demo, and where to look.

Not here: the story; see `show.py`.
"""

import os
from pathlib import Path

from verger_kernel.disk.store import load
from verger_kernel.home import find_home, find_run, links
from verger_kernel.rules import state as s
from verger_kernel.rules.playbook.frozen import decode_plan
from verger_kernel.snapshot import state_name, table_of


def outcome_table(repository: Path) -> str:
    """The items in plan order with how they ended, then the paths worth opening."""
    home = find_home(repository, os.environ)
    folder = home.require().run(find_run(home, "latest"))
    state = load(folder).state
    plan = decode_plan(folder.plan.read_bytes())
    rows = [("ITEM", "END", "ROUNDS", "ACTION")]
    rows += [(item.item_id, *_end(state, item.item_id), item.action) for item in plan.items]
    shown = next(
        path for path, target in links(repository, home.require()).items() if target == folder.root.parent
    )
    run = shown.relative_to(repository) / folder.root.name
    paths = {
        "run branch": f"git log -p {state.run_branch}",
        "journal": run / folder.journal.relative_to(folder.root),
        "state": run / folder.run_state.relative_to(folder.root),
        "item 02": run / folder.attempt("02", 1).root.relative_to(folder.root),
        "gate 03": run / folder.attempt("03", 1).gate.relative_to(folder.root),
        "why 05": run / folder.attempt("05", 1).escalation.relative_to(folder.root),
    }
    where = "\n".join(f"{name:<11} {path}" for name, path in paths.items())
    return f"\n{table_of(rows)}\n\nLook around: cd {repository}\n\n{where}"


def _end(state: s.RunState, item: str) -> tuple[str, str]:
    for entry in state.passed:
        if entry.item == item:
            by = ", by a person" if entry.decision else ""
            return f"passed{by}", str(entry.round + 1)
    stage = state.stage
    if not isinstance(stage, s.Opening | s.Idle) and stage.spot.item == item:
        return state_name(stage), str(stage.spot.round + 1)
    return "not begun", "0"
