"""What the daemon says of itself: how it stands, and which settings are in force.

Not here: the answer to a ping, which proves that it is alive; see `standing.py`.
"""

import os
from pathlib import Path

from verger_daemon.protocol import daemon_messages as d
from verger_daemon.settings import Resolved
from verger_kernel.rules.now import iso
from verger_probes.version import VERSION


def said(
    *, epoch: int, began_utc_ms: int, socket: Path, home: Path, counts: tuple[int, int], leaves_s: int
) -> d.DaemonStatusResult:
    """The daemon at a glance. `counts` are all runs, and those that can be proved alive; `leaves_s` is 0 for never."""
    words = {
        "vergerd": f"{VERSION}, pid {os.getpid()}, epoch {epoch}",
        "since": iso(began_utc_ms),
        "listens at": str(socket),
        "remembers in": str(home),
        "runs": counted(*counts),
        "leaves": f"after {leaves_s} s without work" if leaves_s else "when it is told to",
    }
    return d.DaemonStatusResult(
        version=VERSION,
        pid=os.getpid(),
        epoch=epoch,
        started_utc=iso(began_utc_ms),
        socket=str(socket),
        state=str(home),
        runs=counts[0],
        live=counts[1],
        idle_exit_s=leaves_s,
        text="\n".join(f"{name:<13} {value}" for name, value in words.items()),
    )


def told(resolved: Resolved) -> d.SettingsResult:
    """Every setting, and where its value came from."""
    found = tuple(d.Setting(**one) for one in resolved.told())
    return d.SettingsResult(file=str(resolved.file), settings=found, text="\n".join(resolved.lines()))


def counted(runs: int, live: int) -> str:
    """How many runs there are, and how many of them are alive, in words."""
    return f"{runs}, of which {live} can be proved alive right now"
