"""A command in the background whose output is read while it works; killed when the test is over or waits too long.

Not here: one that nobody reads; see `Workplace.begun`.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from tests.doubles.workplace import PATIENCE_S, Workplace


@contextmanager
def running(place: Workplace, *argv: str, **streams: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """`verger ARGV`, its standard output a pipe unless `streams` say else."""
    with subprocess.Popen(
        (sys.executable, "-P", "-m", "verger_kernel", *argv),
        cwd=place.repository,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL} | streams,
    ) as process:
        # Whoever reads line by line would wait for ever on one that says nothing.
        patience = Timer(2 * PATIENCE_S, process.kill)
        patience.start()
        try:
            yield process
        finally:
            patience.cancel()
            process.kill()
