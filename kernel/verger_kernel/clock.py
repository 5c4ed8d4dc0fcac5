"""The clocks of this machine, read once for each event.

Not here: what follows from a moment; rules get it as a value.
"""

import time
from functools import cache
from pathlib import Path

from verger_kernel.rules.now import Now

NO_BOOT_ID = "unknown"
"""What stands for the boot where the system does not name it."""


def now() -> Now:
    """This moment on all four scales."""
    return Now(
        utc_ms=time.time_ns() // 1_000_000,
        boot_id=boot_id(),
        boottime_ns=time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)),
        monotonic_ns=time.monotonic_ns(),
    )


@cache
def boot_id() -> str:
    """What names this boot of the machine; NO_BOOT_ID where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return NO_BOOT_ID


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
