"""The clocks of this machine, read once for each event.

Not here: what follows from a moment; rules get it as a value.
"""

import time

from verger_kernel.rules.now import Now
from verger_probes.identity import boot_id, boottime_ns


def now() -> Now:
    """This moment on all four scales."""
    return Now(
        utc_ms=time.time_ns() // 1_000_000,
        boot_id=boot_id(),
        boottime_ns=boottime_ns(),
        monotonic_ns=time.monotonic_ns(),
    )
