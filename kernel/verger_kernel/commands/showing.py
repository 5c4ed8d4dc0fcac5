"""What `run` and `resume` show while they work, and at the end: people a live line and words, programs JSON Lines.

Not here: a run that another process drives; see `follow.py`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio

from verger_kernel.clock import now
from verger_kernel.commands.result import show_result
from verger_kernel.disk.layout import RunFolder
from verger_kernel.errors import CommandError
from verger_kernel.following.kinds import encoded
from verger_kernel.following.lines import Step, lines
from verger_kernel.following.live import LiveLine
from verger_kernel.following.result import refusal, result
from verger_kernel.following.writer import Writer
from verger_kernel.rules.events import Event
from verger_kernel.rules.now import Now, iso
from verger_kernel.rules.state import RunState
from verger_kernel.snapshot import take
from verger_probes.exits import Exit

T = TypeVar("T")


class Show:
    """What one command shows. Without `--follow` nothing goes to standard output before the end."""

    def __init__(self, live: LiveLine, writer: Writer | None, style: str) -> None:
        self.tell = live.tell
        self._live = live
        self._writer = writer
        self._style = style
        self._state: RunState | None = None

    def watching(self, folder: RunFolder) -> Callable[[RunState | None, Event, RunState, Now], None]:
        """What takes each step of the run in `folder`, in order; called by whoever commits it."""
        return partial(self._watch, folder)

    def _watch(
        self, folder: RunFolder, before: RunState | None, event: Event, after: RunState, _moment: Now
    ) -> None:
        self._state = after
        self._live.watch(folder, event, after)
        if self._writer:
            for line in lines(Step(before, event, after)):
                self._writer.put(encoded(line))

    async def while_drawn(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `call` comes to, the live line being redrawn meanwhile."""
        failed: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._live.keep_drawing)
            try:
                answer = await call()
            except Exception as error:
                # Out of the group by hand: it would wrap the error in a group of its own.
                failed = error
            group.cancel_scope.cancel()
        self._live.end()
        if failed:
            raise failed
        return answer

    def result(self, state: RunState, folder: RunFolder, code: Exit) -> int:
        """Shows where the run stands when nobody holds it any more; answers with the exit code."""
        if self._writer is None:
            return show_result(state, folder, code, self._style)
        self._writer.put(encoded(result(state, take(folder), int(code))))
        return int(code)

    def refused(self, error: CommandError) -> None:
        """The last line of a command that stopped with an error."""
        if self._writer:
            self._writer.put(encoded(refusal(error, self._state, iso(now().utc_ms))))


@contextmanager
def showing(args: argparse.Namespace) -> Iterator[Show]:
    """What the command `args` shows; at the end every line of it was written, or its reader is gone."""
    sys.stdout.flush()
    writer = Writer(sys.stdout.fileno()) if args.follow else None
    # On a terminal that shows the JSON lines as well, a line that is redrawn would break into them.
    live = LiveLine(sys.stderr, os.environ, wanted=not (writer and sys.stdout.isatty()))
    show = Show(live, writer, args.format)
    try:
        yield show
    except CommandError as error:
        show.refused(error)
        raise
    except KeyboardInterrupt:
        show.refused(CommandError("interrupted", "begin again", Exit.INTERRUPTED))
        raise
    except Exception as error:
        code = Exit.ENVIRONMENT if isinstance(error, OSError) else Exit.UNEXPECTED
        show.refused(CommandError(f"{type(error).__name__}: {error}", "see standard error", code))
        raise
    finally:
        live.end()
        if writer:
            writer.close()
            if writer.refused:
                live.tell(f"--follow: the rest could not be written: {writer.refused}")
