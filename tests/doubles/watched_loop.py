"""The real kernel, which writes down at its end each step of its event loops that took long, and what that step was.

Not here: any change of what the kernel does.

`python -P watched_loop.py --supervised FD ARGV…` writes to the file that WATCHED_LOOP names, a JSON line a step: its
milliseconds, those of them that this thread waited for a processor, those that it computed, and what it was.
"""

import asyncio.events
import atexit
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from verger_kernel.__main__ import main

SLOW_MS = 10.0
_SEEN: list[tuple[float, float, float, str]] = []


def _waited_ns() -> int:
    # Of this very thread: processor, wait for a processor, turns.
    return int(Path("/proc/thread-self/schedstat").read_bytes().split()[1])


def _watch() -> None:
    real = asyncio.events.Handle._run

    def run(self: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            real(self)
            return
        what = repr(self)
        waited, computed, began = _waited_ns(), time.thread_time_ns(), time.perf_counter_ns()
        real(self)
        took = time.perf_counter_ns() - began
        if took > SLOW_MS * 1e6:
            parts = (took, _waited_ns() - waited, time.thread_time_ns() - computed)
            _SEEN.append((*(round(part / 1e6, 2) for part in parts), what))  # type: ignore[arg-type]  # three of them

    asyncio.events.Handle._run = run  # type: ignore[method-assign]  # the one seam: a step of the loop


def _tell() -> None:
    lines = "".join(f"{json.dumps(seen)}\n" for seen in _SEEN)
    Path(os.environ["WATCHED_LOOP"]).write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    _watch()
    atexit.register(_tell)
    sys.exit(main())
