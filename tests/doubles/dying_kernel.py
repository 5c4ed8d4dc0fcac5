"""The real kernel, ended by its own SIGKILL right before or right after it did one thing for the N-th time.

Not here: its death at a journal record; see `killed_kernel.py`. Nothing else of what the kernel does is changed.

`python -P dying_kernel.py save|move|publish N before|after -- ARGV…`: the state is saved, a reference is moved, or what
people read is written.
"""

import os
import signal
import sys
from types import ModuleType
from typing import Any

from verger_kernel import invocation
from verger_kernel.__main__ import main
from verger_kernel.disk import store
from verger_kernel.git import refs

SEAMS: dict[str, ModuleType] = {"save": store, "move": refs, "publish": invocation}


def _dying(seam: str, at: int, when: str) -> None:
    module, seen = SEAMS[seam], [0]
    real = getattr(module, seam)

    def real_and_die(*args: Any, **more: Any) -> Any:
        seen[0] += 1
        if seen[0] == at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*args, **more)
        if seen[0] == at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(module, seam, real_and_die)


if __name__ == "__main__":
    name, number, moment, _, *argv = sys.argv[1:]
    _dying(name, int(number), moment)
    sys.argv = ["verger", *argv]
    sys.exit(main())
