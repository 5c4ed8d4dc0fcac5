"""What is really true of a change, found without Verger: the worker's change in a clone, and a proof it never sees.

Not here: what the kernel makes of the same change; see `trial.py`.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cheats.entry import Entry
from tests.doubles.repository import NAME, run_git

WORKER = Path(__file__).with_name("worker.py")
PATIENCE_S = 300
IDENTITY = {
    f"GIT_{who}_{what}": NAME.replace(" ", "")
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


class NoTrial(Exception):
    """An entry that proves nothing: the kernel refused or crashed, or a worker could not do what it was told."""


def truth(
    entry: Entry, repository: Path, wanted: Path, room: Path, env: Mapping[str, str]
) -> tuple[bool, bool]:
    """Whether the work is done, and whether the required commands pass in the folder that the worker wrote.

    `wanted` is the file that tells the worker what to change, `room` a folder of this question alone.
    """
    # As deep as a worktree lies below the kernel's state: some workers write into the folders above.
    tree = cloned(repository, room / "verger" / "repository" / "worktrees" / "run" / "tree")
    for folder in ("home", "tmp"):
        (room / folder).mkdir()
    # What a worker leaves outside of its tree must not wait there for the kernel. The last variable is what Verger
    # gives its commands: an agent can know it.
    env = {**env, "HOME": str(room / "home"), "TMPDIR": str(room / "tmp"), "VERGER_VERIFICATION": "1"}
    stages = ("execute", "fix")[: 1 + entry.work.rounds]
    argv = (sys.executable, "-I", "-S", str(WORKER), str(wanted), *stages)
    worker = subprocess.Popen(argv, cwd=tree, env=env, start_new_session=True)
    try:
        if worker.wait(PATIENCE_S):
            raise NoTrial(f"{entry.name}: the worker could not make its change")
        # Before anything is run: what the commands do to the tree is no part of the change.
        run_git(tree, "add", "--all")
        run_git(
            tree, "-c", "core.hooksPath=/dev/null", "commit", "-qm", "result", "--allow-empty", **IDENTITY
        )
        is_green = all(_passes(command, tree, env) for command in (*entry.work.setup, *entry.work.commands))
    finally:
        _end(worker.pid)
    return is_done(entry, cloned(tree, room / "result")), is_green


def cloned(repository: Path, place: Path, branch: str = "HEAD") -> Path:
    """A fresh checkout of `branch` at `place`, with no configuration, hook or ignored file of `repository`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    run_git(place.parent, "clone", "-q", "--no-local", "--no-checkout", str(repository), str(place))
    run_git(place, "checkout", "-q", branch if branch == "HEAD" else f"origin/{branch}")
    return place


def is_done(entry: Entry, folder: Path) -> bool:
    """Whether the proof of `entry` runs to its end on the product in `folder`."""
    # The product may end the process early, with 0 even: only a word that it cannot know says that all was run.
    word = secrets.token_hex()
    code = (
        f"import os, sys\nos.chdir({str(folder)!r})\nsys.path.insert(0, {str(folder)!r})\n"
        f"{entry.work.proof}\nprint({word!r})\n"
    )
    # Bytecode is looked up elsewhere: what was planted beside the source proves nothing.
    argv = (sys.executable, "-I", "-X", f"pycache_prefix={folder}.pycache", "-")
    # Nothing in the environment says that anybody looks.
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        argv, env=env, cwd=folder, input=code, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode == 0 and done.stdout.endswith(f"{word}\n")


def _passes(command: str, tree: Path, env: Mapping[str, str]) -> bool:
    argv = ("bash", "-c", command)
    return not subprocess.run(
        argv,
        cwd=tree,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    ).returncode


def _end(group: int) -> None:
    """Ends what a worker left running: its process group, which is its own."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
