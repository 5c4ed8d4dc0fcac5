"""Starting a kernel: a process of its own that does nothing before it was put on record and given its key.

Not here: what becomes of it (`watching.py`), and what is on record (`roster.py`).
"""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from verger_probes.exits import SIGNALLED
from verger_probes.rules.probe import KEY_BYTES, Identity

STARTED: set[int] = set()
"""The pids of our children that we started ourselves and have not reaped; every other child of ours was handed down."""


@dataclass(frozen=True)
class Child:
    """A kernel that was started here. `greeting` is our end of its socketpair, `pidfd` names it for ever."""

    pid: int
    pidfd: int
    greeting: socket.socket

    def ended(self) -> int | None:
        """The exit code once it ended, as a shell gives it; None while it runs. Reaps it; to be asked until then."""
        found = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        if found is None:
            return None
        STARTED.discard(self.pid)
        return found.si_status if found.si_code == os.CLD_EXITED else SIGNALLED + found.si_status


def take_away(pid: int) -> None:
    """Reaps a child that nobody waits for: handed down to us, or one whose greeting failed."""
    STARTED.discard(pid)
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)


def draw_key() -> bytes:
    """A key for one invocation."""
    return secrets.token_bytes(KEY_BYTES)


def start(
    words: Sequence[str], *, directory: Path, environment: Mapping[str, str], stdout: Path, stderr: Path
) -> Child:
    """Starts `verger-kernel` with `words`, in a session of its own; its streams are new files, never pipes into us.

    Raises OSError when it cannot be started; nothing is left then.
    """
    ours, theirs = socket.socketpair()
    try:
        with _new(stdout) as out, _new(stderr) as err:
            argv = [sys.executable, "-P", "-m", "verger_kernel", "--supervised", str(theirs.fileno()), *words]
            # Without preexec_fn: that forks the whole daemon, where this is a vfork.
            process = subprocess.Popen(
                argv,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    STARTED.add(process.pid)
    # It is our child and nobody waited for it: the number is still its own.
    pidfd = os.pidfd_open(process.pid)
    # Reaped by its pidfd, never by its number.
    process.returncode = 0
    ours.setblocking(False)
    return Child(process.pid, pidfd, ours)


async def finished(words: Sequence[str], *, directory: Path, environment: Mapping[str, str]) -> None:
    """Runs `verger-kernel` with `words` to its end, unsupervised and unheard. Raises OSError where it cannot start."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "verger_kernel", *words],
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    STARTED.add(process.pid)
    pidfd = os.pidfd_open(process.pid)
    process.returncode = 0
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, over.set)
    try:
        await over.wait()
    except asyncio.CancelledError:
        send(pidfd, signal.SIGTERM)
        raise
    finally:
        loop.remove_reader(pidfd)
        # Whoever reaps orphans may have been quicker.
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
        STARTED.discard(process.pid)
        os.close(pidfd)


def adopt(identity: Identity, *, start_ticks: int) -> int | None:
    """A pidfd of the process that `identity` names, None when it is gone; `start_ticks` are those of its number now."""
    if start_ticks != identity.start_ticks or not start_ticks:
        return None
    try:
        return os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None


def send(pidfd: int, number: signal.Signals) -> None:
    """Sends a signal to the process that `pidfd` names; one that is gone gets none, whoever has its number now."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def _new(path: Path) -> BinaryIO:
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600), "wb"
    )
