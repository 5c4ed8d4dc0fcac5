"""`status`: where runs stand, read from their files.

Not here: whether they are alive; see `supervise status`.
"""

import argparse
import os

import msgspec

from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.gate_views import GateView
from verger_kernel.home import Home, find_home, find_run, run_ids
from verger_kernel.home import sources as sources_of_home
from verger_kernel.remembered import look, remember
from verger_kernel.snapshot import Snapshot, listed, sources, table_of, take
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def status(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code, which is 0 without --exit-code."""
    if args.since is not None and not args.follow:
        raise CommandError("--from goes with --follow", "verger status RUN --follow --from SEQ", Exit.USAGE)
    home = find_home(args.directory, os.environ)
    if args.all:
        return _all(home, args)
    if args.follow:
        # Its price, the whole machine, is paid by nobody else.
        from verger_kernel.commands.follow import follow

        return follow(home.require().run(find_run(home, args.run)), args)
    folder = home.require().run(find_run(home, args.run))
    view = take(folder)
    words = _json(view) if args.format == "json" else text(view)
    print(words)
    if args.exit_code:
        return view.exit_code
    _keep(args, home, folder, view, words)
    return int(Exit.DONE)


def _keep(args: argparse.Namespace, home: Home, folder: RunFolder, view: Snapshot, words: str) -> None:
    """Remembers what was said, if all of it still holds once its sources were looked at."""
    of_home, of_run = sources_of_home(home, args.directory), sources(folder, view)
    if of_home is None or of_run is None:
        return
    seen = look([*of_home, *of_run])
    again = find_home(args.directory, os.environ)
    if again == home and find_run(again, args.run) == view.run_id and take(folder) == view:
        remember(args.typed, seen, words)


def _all(home: Home, args: argparse.Namespace) -> int:
    folder = home.folder
    views = [take(folder.run(name)) for name in run_ids(folder)] if folder else []
    views.sort(key=lambda view: (view.updated_at_utc, view.run_id), reverse=True)
    print(_json(views) if args.format == "json" else table(views))
    return max((view.exit_code for view in views), default=0) if args.exit_code else int(Exit.DONE)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def text(view: Snapshot) -> str:
    """One run as labelled lines; what is empty is left out."""
    item = (
        f"{view.current_item_id}, attempt {view.attempt}, round {view.round}" if view.current_item_id else ""
    )
    rows = {
        "run": view.run_id,
        "status": f"{level(view)} (exit code {view.exit_code})",
        "state": view.current_state + (" (a process holds the run)" if view.held else ""),
        "item": item,
        "why": view.why,
        "found": listed(view.details),
        "read": view.report,
        "passed": "" if view.error else f"{view.passed} of {view.items_total}",
        "agents": ", ".join(f"{role} {name}" for role, name in view.lanes.items()),
        "gates": "; ".join(map(gate_text, view.gates)),
        "agent calls": "" if view.error else str(view.agent_calls),
        "run branch": view.run_branch,
        "playbook": view.playbook,
        "updated": view.updated_at_utc,
        "state file": view.run_state_path,
        "error": view.error,
        "look": view.look_at,
        "next": view.pending_action,
    }
    return "\n".join(f"{name:<12} {printable(value)}" for name, value in rows.items() if value)


def level(view: Snapshot) -> str:
    """How the run is, in a word: one that stopped for a person is no error of Verger's."""
    return "stopped" if view.exit_code == Exit.ESCALATED else view.status_level


def gate_text(gate: GateView) -> str:
    """One gate in words: what stands, who said so, and how far that can be trusted."""
    who = f" by {gate.by}" if gate.by else ""
    # Before the decision there is nothing that could be assured.
    assurance = f" ({gate.assurance})" if gate.by else ""
    papers = f"; its evidence: {', '.join(gate.evidence_changed)}" if gate.evidence_changed else ""
    return f"{gate.item} {gate.status}{who}{assurance}{papers}"


def table(views: list[Snapshot]) -> str:
    """All runs, newest first, one a line."""
    if not views:
        return "no runs"
    rows = [("RUN", "STATUS", "STATE", "ITEM", "PASSED", "UPDATED")]
    rows += [
        (
            view.run_id,
            level(view),
            view.current_state or "unreadable",
            view.current_item_id or "-",
            "-" if view.error else f"{view.passed}/{view.items_total}",
            view.updated_at_utc or "-",
        )
        for view in views
    ]
    return table_of(rows)
