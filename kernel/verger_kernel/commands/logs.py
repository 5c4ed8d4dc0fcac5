"""`logs`: what the agents and commands of an item wrote, in order, each below a line that names it.

Not here: which files these are; see `following/sources.py`.
"""

import argparse
import codecs
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from verger_kernel.commands.item_named import item_named, plan_of
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.following.sources import Commands, Source, Sources
from verger_kernel.following.tail import Tail
from verger_kernel.home import find_home, find_run
from verger_kernel.rules.policy_snapshot import read_policy_snapshot
from verger_kernel.terminal import printable
from verger_probes.exits import Exit

LOOKED_S = 0.1
_CHUNK_BYTES = 1 << 20


def logs(args: argparse.Namespace, wait: Callable[[], None] = lambda: time.sleep(LOOKED_S)) -> int:
    """Runs the command; answers with the exit code."""
    if args.follow and args.format == "json":
        raise CommandError("--follow and --json do not go together", "leave one of them out", Exit.USAGE)
    home = find_home(args.directory, os.environ)
    folder = home.require().run(find_run(home, args.run))
    sources = _sources(folder, args)
    tail = Tail(folder)
    shown = _Shown(sys.stdout.isatty())
    while True:
        # Asked before the look: what was written before the driver left is not missed.
        goes_on = args.follow and tail.is_driven()
        _look(tail, sources, folder)
        if not goes_on or sources.is_over(tail.state):
            break
        for source in _wanted(sources, args):
            shown.more(source)
        wait()
    found = _wanted(sources, args)
    _refuse_nothing(found, sources, folder, args)
    if args.format == "json":
        print(msgspec.json.format(msgspec.json.encode([_as_json(one) for one in found]), indent=2).decode())
    else:
        for source in found:
            shown.more(source, whole=True)
    return int(Exit.DONE)


def _sources(folder: RunFolder, args: argparse.Namespace) -> Sources:
    name = item_named(folder, args.item)
    item = next(item for item in plan_of(folder).items if item.item_id == name)
    setup: tuple[str, ...] = ()
    with suppress(OSError, msgspec.DecodeError):
        setup = read_policy_snapshot(read_file(folder.policy)).policy.setup
    hints = item.verification_hints
    commands = Commands(setup, hints.required_commands, hints.suggested_commands)
    return Sources(folder, name, commands, args.attempt)


def _look(tail: Tail, sources: Sources, folder: RunFolder) -> None:
    try:
        for step in tail.steps():
            sources.take(step)
    except OSError as error:
        what = f"cannot read run {folder.root.name}: {error}"
        raise CommandError(what, f"verger doctor --run-id {folder.root.name}", Exit.INPUT) from None


def _wanted(sources: Sources, args: argparse.Namespace) -> list[Source]:
    return [
        source
        for source in sources.found()
        if _is_of(source.stage, args.stage)
        and args.round in (None, source.round)
        and (args.stream is None or source.stream in ("", args.stream))
    ]


def _is_of(stage: str, wanted: str | None) -> bool:
    return wanted is None or stage == wanted or stage.startswith((f"{wanted}-", f"{wanted} "))


def _refuse_nothing(
    found: list[Source], sources: Sources, folder: RunFolder, args: argparse.Namespace
) -> None:
    if found or (args.follow and sources.attempt):
        return
    if not sources.attempt:
        attempt = f"attempt {args.attempt} at item" if args.attempt else "item"
        what = f"{attempt} {args.item} of run {folder.root.name} was not begun"
    else:
        what = f"attempt {sources.attempt} at item {args.item} has no such output"
    raise CommandError(what, f"see where the run stands: verger status {folder.root.name}", Exit.INPUT)


def _as_json(source: Source) -> dict[str, object]:
    stage, _, trial = source.stage.partition(" ")
    return {
        "stage": stage,
        "trial": trial,
        "round": source.round,
        "try": source.tries,
        "who": source.who,
        "stream": source.stream,
        "path": str(source.path),
        "bytes": source.path.stat().st_size,
    }


class _Shown:
    """What was printed so far, by source. On a terminal nothing that a log holds is obeyed."""

    def __init__(self, harmless: bool) -> None:
        self._harmless = harmless
        self._offsets: dict[str, int] = {}
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}
        self._last = ""
        self._at_line_start = True

    def more(self, source: Source, *, whole: bool = False) -> None:
        """Prints what `source` got since the last time, below its title where another was printed in between."""
        try:
            file = source.path.open("rb")
        except OSError:
            # Kept under its own name a moment ago, or already removed: the next look knows.
            return
        with file:
            file.seek(self._offsets.get(source.key, 0))
            if whole and source.key not in self._offsets:
                # That a log is empty is worth a line, too.
                self._title(source)
            while chunk := file.read(_CHUNK_BYTES):
                self._title(source)
                self._offsets[source.key] = self._offsets.get(source.key, 0) + len(chunk)
                self._write(source, chunk)
        sys.stdout.flush()

    def _title(self, source: Source) -> None:
        if self._last != source.key:
            between = "" if not self._last else "\n" if self._at_line_start else "\n\n"
            print(f"{between}==> {printable(source.title)} <==")
            self._last, self._at_line_start = source.key, True

    def _write(self, source: Source, chunk: bytes) -> None:
        self._at_line_start = chunk.endswith(b"\n")
        if not self._harmless:
            sys.stdout.flush()
            sys.stdout.buffer.write(chunk)
            return
        decoder = self._decoders.setdefault(
            source.key, codecs.getincrementaldecoder("utf-8")("backslashreplace")
        )
        text = decoder.decode(chunk)
        sys.stdout.write("".join(char if char in "\n\t" else printable(char) for char in text))
