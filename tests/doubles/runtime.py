"""A runtime folder of one user for a while, and an end of all that was begun with it: the daemon, and its kernels.

Not here: a daemon that a test itself starts and ends; see `daemons.py`.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.doubles.workplace import wait_until

from verger_probes.identity import boot_id, start_ticks


@contextmanager
def runtime(state: Path) -> Iterator[Path]:
    """A folder for XDG_RUNTIME_DIR; at the end nobody of the daemon that keeps runs below `state` is left."""
    # As short as those of real sessions: the path of a socket has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="verger-"))
    try:
        yield folder
    finally:
        # The daemon last: who is not there to see it writes nothing about an end.
        end(state)
        shutil.rmtree(folder)


def end(state: Path) -> None:
    """Ends the kernels that a daemon has on record below `state`, then the daemon itself; they are gone then."""
    home = state / "verger" / "daemon"
    kernels = [_read(path).get("identity", {}) for path in (home / "runs").glob("RUN_*.json")]
    for who in (kernels, [_read(home / "daemon.lock")]):
        alive = [one for one in who if _lives(one)]
        for one in alive:
            with suppress(ProcessLookupError):
                os.kill(one["pid"], signal.SIGCONT)
                os.kill(one["pid"], signal.SIGTERM)
        wait_until(lambda alive=alive: not any(map(_lives, alive)))  # type: ignore[misc]


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(path.read_bytes().partition(b"\n")[0])
        return found
    return {}


def _lives(one: dict[str, Any]) -> bool:
    known = (one.get("start_ticks"), one.get("boot_id"))
    return "pid" in one and known == (start_ticks(one["pid"]), boot_id())
