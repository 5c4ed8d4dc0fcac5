"""The locks of the daemon: one daemon a state folder, one supervisor a run; and the epoch that tells them apart.

Not here: how a lock is taken (`verger_probes.locks`) and the locks of whoever drives a run (the kernel's).
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from verger_probes.identity import pid_namespace
from verger_probes.locks import FileLock, acquire
from verger_probes.records import RecordRefused, read_record, write_record

_DIGITS_MAX = 18


@dataclass(frozen=True)
class Control:
    """The hold on one run's supervision. Every write below `supervision/` is preceded by `check`."""

    lock: FileLock
    epoch: int

    def check(self) -> None:
        """Raises LockReplaced when somebody took the lock's file away: from then on nothing of ours may be written."""
        self.lock.check()

    def release(self) -> None:
        """Gives the run to another supervisor."""
        self.lock.release()


def take_control(path: Path, epoch: int) -> Control:
    """The supervision of the run whose `control.lock` is at `path`. Raises verger_probes.locks.Held."""
    return Control(acquire(path, epoch=epoch, pid_namespace=pid_namespace()), epoch)


def next_epoch(folder: Path) -> int:
    """A number that no daemon of `folder` had before, durable once this returns; the daemon's lock must be held."""
    path = folder / "epoch"
    epoch = max(_known(path), _highest_of(folder)) + 1
    write_record(path, b"%d\n" % epoch, durable=True)
    return epoch


def _known(path: Path) -> int:
    try:
        text = read_record(path).strip()
    except (OSError, RecordRefused):
        return 0
    return int(text) if text.isdigit() and len(text) <= _DIGITS_MAX else 0


def _highest_of(folder: Path) -> int:
    """The highest epoch that a run on record bears: what is left when the counter was torn."""
    highest = 0
    for record in (folder / "runs").glob("*.json"):
        with contextlib.suppress(OSError, RecordRefused, ValueError, TypeError):
            highest = max(highest, int(json.loads(read_record(record))["epoch"]))
    return highest
