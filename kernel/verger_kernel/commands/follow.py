"""`status --follow`: the lines of a run that another process drives, as they come, and the result at the end.

Not here: a run that this process drives; see `showing.py`. Both print the same lines.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.following.kinds import Line, encoded
from verger_kernel.following.lines import Step, lines
from verger_kernel.following.result import result
from verger_kernel.following.tail import Tail
from verger_kernel.rules import events as e
from verger_kernel.snapshot import take
from verger_probes.exits import Exit

LOOKED_S = 0.1
"""How long between two looks: a line is a tenth of a second late at most, and a look takes a tenth of a millisecond."""

Wait = Callable[[], None]


def follow(folder: RunFolder, args: argparse.Namespace, wait: Wait = lambda: time.sleep(LOOKED_S)) -> int:
    """Prints the lines from `--from` on until nobody drives the run; answers with 0, or the run's code if asked."""
    tail = Tail(folder)
    left: int | None = None
    code = Exit.DONE
    try:
        for step in followed(tail, folder, wait):
            left = step.event.code if isinstance(step.event, e.InvocationEnded) else left
            _print(*(line for line in lines(step) if line.seq >= (args.since or 0)))
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    return _end(folder, tail, left, code, args)


def followed(tail: Tail, folder: RunFolder, wait: Wait) -> Iterator[Step]:
    """Every step of the run, as it comes, until nobody drives it. Raises CommandError when there is no journal."""
    while True:
        # Asked before the look: what a driver wrote before it left is not missed.
        driven = tail.is_driven()
        try:
            steps = tail.steps()
        except OSError as error:
            what = f"cannot follow run {folder.root.name}: {error}"
            hint = f"verger doctor --run-id {folder.root.name}"
            raise CommandError(what, hint, Exit.INPUT) from None
        yield from steps
        if not steps:
            if not driven:
                return
            wait()


def _end(folder: RunFolder, tail: Tail, left: int | None, code: Exit, args: argparse.Namespace) -> int:
    state = tail.state
    if state is None:
        what = f"cannot follow run {folder.root.name}: {tail.flaw or 'its journal is empty'}"
        raise CommandError(what, f"verger doctor --run-id {folder.root.name}", Exit.INPUT)
    view = take(folder)
    driven = tail.is_driven()
    # What the driver said when it left; of one that is gone or still at work the files tell.
    own = view.exit_code if left is None or driven or state.invocation else left
    _print(result(state, view, own, is_driven=driven, error=tail.flaw))
    if tail.flaw and not driven:
        return int(Exit.INPUT)
    return int(code) or (own if args.exit_code else int(Exit.DONE))


def _print(*found: Line) -> None:
    for line in found:
        sys.stdout.buffer.write(encoded(line))
    sys.stdout.buffer.flush()
