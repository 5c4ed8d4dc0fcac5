"""`supervise status` where no daemon answers: nothing is proved then, and what the run has saved is all there is.

Not here: what the daemon says when it answers (`supervise.py`).
"""

import sys

from verger_client import wire
from verger_client.words import Words


def shown(words: Words, nobody: wire.NoDaemon) -> int:
    """Shows what is saved, after a line that says it is no more; answers with the exit code."""
    from verger_kernel.__main__ import main as kernel

    flags = ["--exit-code"] * ("--exit-code" in words.flags) + ["--json"] * words.as_json
    sys.argv[1:] = ["-C", words.directory, "status", words.run or "latest", "--unproved", nobody.why, *flags]
    return kernel()
