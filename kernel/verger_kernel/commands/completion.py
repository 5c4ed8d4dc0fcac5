"""`completion`: the script that lets a shell complete `verger`, and the names that it asks for while one types.

Not here: the scripts themselves; see `verger_kernel.completion`.
"""

import argparse
import json
import os

from verger_kernel.errors import CommandError
from verger_kernel.home import find_home, find_run, run_ids
from verger_probes.exits import Exit


def completion(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    if args.runs or args.items:
        return _names(args)
    if args.shell is None:
        raise CommandError("no shell was named", "verger completion bash, zsh or fish", Exit.USAGE)
    script = _script(args.shell)
    print(
        json.dumps({"shell": args.shell, "script": script}) + "\n" if args.format == "json" else script,
        end="",
    )
    return int(Exit.DONE)


def _script(shell: str) -> str:
    # Not wanted, and not paid for, while one types.
    from verger_kernel.cli import parser
    from verger_kernel.completion.fish import fish
    from verger_kernel.completion.posix import bash, zsh
    from verger_kernel.completion.table import table

    return {"bash": bash, "zsh": zsh, "fish": fish}[shell](table(parser()))


def _names(args: argparse.Namespace) -> int:
    try:
        names = _runs(args) if args.runs else _items(args)
    except CommandError:
        # Who types has asked for nothing yet: where there is nothing to offer, nothing is said.
        names = []
    for name in names:
        print(name)
    return int(Exit.DONE)


def _runs(args: argparse.Namespace) -> list[str]:
    """Every run, the newest first."""
    return [*reversed(run_ids(find_home(args.directory, os.environ).require()))]


def _items(args: argparse.Namespace) -> list[str]:
    from verger_kernel.commands.item_named import plan_of

    home = find_home(args.directory, os.environ)
    folder = home.require().run(find_run(home, args.items))
    return [item.item_id for item in plan_of(folder).items]
