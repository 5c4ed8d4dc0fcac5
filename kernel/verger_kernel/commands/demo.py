"""`demo`: the whole story in a throw-away repository, with no keys and no network.

Not here: the story; see `verger_kernel/demo/`.
"""

import argparse
import tempfile
from pathlib import Path

from verger_kernel.demo.show import play, state_home_for


def demo(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    into = args.into or Path(tempfile.mkdtemp(prefix="verger-demo-")) / "demo"
    state_home_for(into)
    return play(into, _say)


def _say(text: str) -> None:
    # Flushed, so that it stands before what the commands of the story write.
    print(text, flush=True)
