"""Who a process is, so that nobody who got its number later is taken for it: pid, start ticks, boot, pid namespace.

Not here: what follows from it. Standard library only.
"""

import os
import time
from functools import cache
from pathlib import Path

NO_BOOT_ID = "unknown"
"""What stands for the boot where the system does not name it."""
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def boot_id() -> str:
    """What names this boot of the machine; NO_BOOT_ID where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return NO_BOOT_ID


def boottime_ns() -> int:
    """Nanoseconds of this boot, those asleep included: what the age of a claim is counted by."""
    return time.clock_gettime_ns(_BOOTTIME)


def start_ticks(pid: int) -> int:
    """When process `pid` started, in clock ticks since boot; 0 when it is gone or the system does not say.

    Who has ended and is only not reaped is gone: nothing runs and no lock is held any more.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # The command name, in parentheses, may hold spaces and parentheses itself.
    fields = stat.rpartition(b")")[2].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def pid_namespace() -> int:
    """The number of the pid namespace that this process counts in; 0 where the system has none.

    Of another process only its owner may ask, and not at all once it hides its memory; so each tells its own.
    """
    try:
        return os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - a Path cannot say that it follows the link
    except OSError:
        return 0
