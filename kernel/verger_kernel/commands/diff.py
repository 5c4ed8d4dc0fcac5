"""`diff`: what a run changed, or one item of it.

Not here: the patch that auditors read; `where RUN ITEM packet` leads to it.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import msgspec

from verger_kernel.commands.item_named import item_named
from verger_kernel.commands.telling import tell
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.following.results import Came, results
from verger_kernel.git.command import Git, GitError
from verger_kernel.git.comparison import counted, shown
from verger_kernel.home import find_home, find_run
from verger_kernel.terminal import printable
from verger_probes.exits import Exit

_COLOURS = (("diff --git ", "1"), ("+++", "1"), ("---", "1"), ("@@", "36"), ("+", "32"), ("-", "31"))


def diff(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    home = find_home(args.directory, os.environ)
    folder = home.require().run(find_run(home, args.run))
    came = _came(folder, args.item)
    git = Git(home.repository.common_dir)
    try:
        if args.format == "json":
            files = counted(git, came.old, came.new)
            found = {"run_id": folder.root.name, "item": args.item or "", "old": came.old, "new": came.new}
            print(msgspec.json.format(msgspec.json.encode(found | {"files": files}), indent=2).decode())
            return int(Exit.DONE)
        style = "--stat" if args.stat else "--name-only" if args.name_only else "--patch"
        text = shown(git, came.old, came.new, style=style)
    except GitError as error:
        raise CommandError(f"cannot compare: {error}", error.hint, Exit.ENVIRONMENT) from None
    if text:
        write(text, sys.stdout, os.environ)
    else:
        tell("nothing was changed" if came.old != came.new else "nothing was recorded yet")
    return int(Exit.DONE)


def _came(folder: RunFolder, item: str | None) -> Came:
    try:
        state, found = results(folder)
    except OSError as error:
        raise _unreadable(folder, str(error)) from None
    if state is None:
        raise _unreadable(folder, "its journal holds no record that can be read")
    if item is None:
        return Came(state.frame.base_commit, state.tip)
    if item_named(folder, item) not in found:
        what = f"item {item} of run {folder.root.name} was not begun"
        raise CommandError(what, f"see where the run stands: verger status {folder.root.name}", Exit.INPUT)
    return found[item]


def _unreadable(folder: RunFolder, why: str) -> CommandError:
    what = f"cannot read run {folder.root.name}: {why}"
    return CommandError(what, f"verger doctor --run-id {folder.root.name}", Exit.INPUT)


def write(text: str, stream: TextIO, environ: Mapping[str, str]) -> None:
    """Writes a difference to `stream`: to a terminal harmless and in colours, elsewhere byte for byte."""
    if not stream.isatty():
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        return
    has_colour = not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
    for line in text.removesuffix("\n").split("\n"):
        harmless = "\t".join(map(printable, line.split("\t")))
        print(_coloured(harmless) if has_colour else harmless, file=stream)


def _coloured(line: str) -> str:
    for head, colour in _COLOURS:
        if line.startswith(head):
            return f"\x1b[{colour}m{line}\x1b[0m"
    return line
