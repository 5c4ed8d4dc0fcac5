"""The real kernel, ended by its own SIGKILL at a chosen journal record.

Not here: any change of what the kernel does before that moment.

`python -P killed_kernel.py N before|after -- ARGV…` dies right before or right after this process's N-th append is
durable, in the thread that makes it, so nothing that follows the record has begun.
"""

import os
import signal
import sys

from verger_kernel.__main__ import main
from verger_kernel.disk.journal import Journal
from verger_kernel.rules.events import Event
from verger_kernel.rules.now import Now


def _dying(at: int, when: str) -> None:
    append, seen = Journal.append, [0]

    def append_and_die(journal: Journal, now: Now, event: Event) -> None:
        seen[0] += 1
        if seen[0] == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        append(journal, now, event)
        if seen[0] == at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.append = append_and_die  # type: ignore[method-assign]  # the one seam: the moment of a record


if __name__ == "__main__":
    number, moment, _, *argv = sys.argv[1:]
    _dying(int(number), moment)
    sys.argv = ["verger", *argv]
    sys.exit(main())
