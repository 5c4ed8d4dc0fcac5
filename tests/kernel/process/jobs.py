"""Small programs to run, limits that hold, and ways to see which processes are left."""

import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from verger_kernel.rules.limits import Limits


def python(code: str, *args: str) -> tuple[str, ...]:
    """The argv of a small Python program."""
    return (sys.executable, "-I", "-S", "-c", textwrap.dedent(code), *args)


def limits(**changed: int | None) -> Limits:
    """Limits that no test breaks by accident."""
    return Limits(
        **{  # type: ignore[arg-type]  # each name is a field of Limits
            "runtime_s_max": 60,
            "silence_s_max": 60,
            "output_bytes_max": 1 << 20,
            "memory_bytes_max": 1 << 30,
            **changed,
        }
    )


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Returns when `condition` holds; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def pid_in(path: Path) -> int:
    """The pid that a process wrote to `path`, once it stands there whole."""
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), f"a pid in {path.name}")
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    """Whether no process with this pid runs."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def bearers(run_marker: str) -> list[psutil.Process]:
    """The processes that bear the marker, as psutil sees them."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VERGER_RUN") == run_marker:
                found.append(process)
        except psutil.Error:
            continue
    return found
