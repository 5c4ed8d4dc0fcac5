"""`where`: the absolute path of everything that a run or an item keeps.

Not here: what each of them is for; see docs/files.md.
"""

import argparse
import os
from pathlib import Path

import msgspec

from verger_kernel.commands.item_named import item_named, latest_attempt, plan_of
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.home import find_home, find_run
from verger_kernel.rules.ids import shown
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def where(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    home = find_home(args.directory, os.environ)
    folder = home.require().run(find_run(home, args.run))
    item, what = _meant(folder, args)
    places = item_places(folder, item) if item else run_places(folder, home.repository.root)
    if what:
        return _one(places, what, args)
    if args.format == "json":
        found = {name: {"path": str(path), "exists": path.exists()} for name, path in places.items()}
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return int(Exit.DONE)
    for name, path in places.items():
        print(f"{name:<12} {printable(str(path))}{'' if path.exists() else ' (not there)'}")
    return int(Exit.DONE)


def run_places(folder: RunFolder, checkout: Path) -> dict[str, Path]:
    """What a run keeps, by the name that `where` knows it under."""
    return {
        "run": folder.root,
        "state": folder.run_state,
        "journal": folder.journal,
        "playbook": folder.snapshot,
        "plan": folder.plan,
        "policy": folder.policy,
        "reports": folder.reports,
        "worktrees": folder.worktrees,
        "checkout": checkout,
    }


def item_places(folder: RunFolder, item: str) -> dict[str, Path]:
    """What the latest attempt at an item keeps; what is made anew in each round is that of the latest."""
    attempt = folder.attempt(item, max(1, latest_attempt(folder, item)))
    return {
        "item": folder.item(item),
        "attempt": attempt.root,
        "worktree": attempt.worktree,
        "logs": _newest(attempt.root / "logs", attempt.logs(0)),
        "agents": attempt.root / "agents",
        "answers": attempt.root / "answers",
        "reports": attempt.reports,
        "packet": _newest(attempt.packet(0).parent, attempt.packet(0)),
        "verification": _newest(attempt.root, attempt.verification(0)),
        "findings": _newest(attempt.root, attempt.findings(0)),
        "gate": attempt.gate,
        "escalation": attempt.escalation,
    }


def _newest(around: Path, first: Path) -> Path:
    """Of the paths that differ from `first` only in their round, the one of the latest; `first` when there is none."""
    head, _, tail = first.name.partition("round-0")
    rounds = {
        path.name.removeprefix(f"{head}round-").removesuffix(tail)
        for path in around.glob(f"{head}round-*{tail}")
    }
    numbers = [int(name) for name in rounds if name.isdigit()]
    return around / f"{head}round-{max(numbers)}{tail}" if numbers else first


def _meant(folder: RunFolder, args: argparse.Namespace) -> tuple[str, str]:
    """The item and the name that were asked for: with one word, it is an item if the run has one of that id."""
    if args.item is None or args.what is not None:
        return (item_named(folder, args.item) if args.item else ""), args.what or ""
    if args.item in run_places(folder, folder.root):
        known = {item.item_id for item in plan_of(folder).items}
        return ("", args.item) if args.item not in known else (args.item, "")
    return item_named(folder, args.item), ""


def _one(places: dict[str, Path], what: str, args: argparse.Namespace) -> int:
    if what not in places:
        raise CommandError(
            f"there is no place {shown(what)}", f"the places are: {', '.join(places)}", Exit.INPUT
        )
    path = places[what]
    if not path.exists():
        hint = "it may not be made yet, or be gone already; docs/files.md says how long each file stays"
        raise CommandError(f"the {what} is not there: {path}", hint, Exit.INPUT)
    if args.format == "json":
        print(msgspec.json.encode({what: {"path": str(path), "exists": True}}).decode())
    else:
        print(path)
    return int(Exit.DONE)
