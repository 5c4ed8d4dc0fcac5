"""`status`: where runs stand, read from their files.

Not here: whether they are alive; see `supervise status`.
"""

import argparse
import os

import msgspec

from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.home import Home, find_home, find_run, run_ids
from verger_kernel.home import sources as sources_of_home
from verger_kernel.remembered import look, remember
from verger_kernel.snapshot import Snapshot, sources, take
from verger_kernel.snapshot_text import table, text
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
    if args.costs:
        # Like --follow it folds the whole journal.
        from verger_kernel.commands.costs import costs

        print(costs(folder, args.format))
        return view.exit_code if args.exit_code else int(Exit.DONE)
    if args.unproved:
        return _unproved(folder, view, args)
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


def _unproved(folder: RunFolder, view: Snapshot, args: argparse.Namespace) -> int:
    """What is saved, said to be no more: no daemon answers, so nothing is proved."""
    from verger_probes.rules.liveness import CLAIM_EXITS, Claim

    # A kernel may be at work where one was registered and nobody saw it end.
    claim = Claim.ATTACHMENT_UNPROVEN if folder.registration.exists() else Claim.SNAPSHOT_ONLY
    code = CLAIM_EXITS[claim]
    if args.format == "json":
        found = {"run_id": view.run_id, "claim": claim, "exit_code": code, "reason": args.unproved}
        print(_json(found | {"kernel": view}))
    else:
        print(f"proved now: nothing\nclaim        {claim} (exit code {code})\nbecause      {args.unproved}")
        print(f"\nsaved, by the kernel\n{text(view)}")
    return code if args.exit_code else int(Exit.DONE)


def _all(home: Home, args: argparse.Namespace) -> int:
    folder = home.folder
    views = [take(folder.run(name)) for name in run_ids(folder)] if folder else []
    views.sort(key=lambda view: (view.updated_at_utc, view.run_id), reverse=True)
    print(_json(views) if args.format == "json" else table(views))
    return max((view.exit_code for view in views), default=0) if args.exit_code else int(Exit.DONE)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
