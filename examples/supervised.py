"""The third story of `make demo`: the five items under a daemon, which is killed in the middle of the first command.

Not here: the five items; they ship with the kernel, see `kernel/verger_kernel/demo/`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verger_kernel.demo.show import PLAYBOOK, build
from verger_probes.identity import boot_id, start_ticks

RECORDS = 12
"""So far is the journal when the daemon is killed: the first item is under way."""
PATIENCE_S = 60.0
WANTED = (20, 0, 21, 22)
"""How the commands of the story end: a gate, a decision, evidence that is missing, an escalation."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Seat:
    """A user with a repository, a state folder and a runtime folder, all of them new."""

    repository: Path
    state: Path
    runtime: Path

    def environment(self) -> dict[str, str]:
        """What a command of this user is started with."""
        return os.environ | {"XDG_STATE_HOME": str(self.state), "XDG_RUNTIME_DIR": str(self.runtime)}

    def begun(self, *argv: str) -> "subprocess.Popen[bytes]":
        """A command of `verger`, under way."""
        words = (sys.executable, "-P", "-m", "verger_client", *argv)
        return subprocess.Popen(words, cwd=self.repository, env=self.environment())

    def journals(self) -> list[Path]:
        """The journals of all runs."""
        return sorted(self.state.glob("verger/*/runs/*/journal.jsonl"))

    def daemon(self) -> dict[str, Any]:
        """Who holds the lock of the daemon, as its text says; empty when nobody took it."""
        return _read(self.state / "verger" / "daemon" / "daemon.lock")

    def kernels(self) -> list[dict[str, Any]]:
        """The last kernel of each run that a daemon has on record."""
        records = (self.state / "verger" / "daemon" / "runs").glob("RUN_*.json")
        return [_read(path).get("identity", {}) for path in records]


def play(into: Path, say: Say) -> int:
    """Builds the repository below `into` and plays the story; answers with 0 when every command ends as told."""
    repository, evidence = into / "repository", into / "evidence"
    build(repository)
    evidence.mkdir()
    (evidence / "status.txt").write_text("all systems up\n", encoding="utf-8")
    decide = ("mark-manual-gate", "latest", "--item", "03", "--decision", "approved")
    by = ("--by", "the demo, in place of a person", "--note", "read docs/policy.md")
    with seated(repository, into / "state") as seat:
        codes = (
            killed_in_the_middle(seat, say, "supervise", "run", PLAYBOOK, "--next"),
            typed(seat, say, *decide, *by),
            typed(seat, say, "supervise", "resume", "latest"),
            typed(seat, say, "supervise", "resume", "latest", "--external-evidence-dir", str(evidence)),
        )
        typed(seat, say, "supervise", "list")
    return 0 if codes == WANTED else 1


@contextmanager
def seated(repository: Path, state: Path) -> Iterator[Seat]:
    """A user of `repository`; at the end neither a daemon nor a kernel of theirs is left, whatever happened."""
    # The path of a socket has 107 bytes, and a clone may lie deeper than that.
    runtime = Path(tempfile.mkdtemp(prefix="verger-"))
    seat = Seat(repository, state, runtime)
    try:
        yield seat
    finally:
        end(seat)
        shutil.rmtree(runtime)


def typed(seat: Seat, say: Say, *argv: str) -> int:
    """One command, to its end; its exit code."""
    say(f"\n$ verger {' '.join(_quoted(word) for word in argv)}")
    return seat.begun(*argv).wait()


def killed_in_the_middle(seat: Seat, say: Say, *argv: str) -> int:
    """The same, while the daemon is killed; the exit code of a command that did not let itself be disturbed."""
    say(f"\n$ verger {' '.join(_quoted(word) for word in argv)}")
    command = seat.begun(*argv)
    wait_until(lambda: command.poll() is not None or _records(seat) >= RECORDS)
    pid = seat.daemon()["pid"]
    say(f"# kill -9 {pid}: that was the daemon")
    os.kill(pid, signal.SIGKILL)
    return command.wait()


def end(seat: Seat) -> None:
    """Ends the kernels that are on record, then the daemon; they are gone then."""
    for found in (seat.kernels(), [seat.daemon()]):
        alive = [one for one in found if lives(one)]
        for one in alive:
            with suppress(ProcessLookupError):
                os.kill(one["pid"], signal.SIGCONT)
                os.kill(one["pid"], signal.SIGTERM)
        wait_until(lambda alive=alive: not any(map(lives, alive)))  # type: ignore[misc]


def lives(one: dict[str, Any]) -> bool:
    """Whether the process that a record names is still there, and is no later one that got its number."""
    known = (one.get("start_ticks"), one.get("boot_id"))
    return "pid" in one and known == (start_ticks(one["pid"]), boot_id())


def wait_until(condition: Callable[[], bool]) -> None:
    """Returns as soon as `condition` is true. Raises TimeoutError when it is not in time."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise TimeoutError("it did not come about in time")
        time.sleep(0.01)


def _records(seat: Seat) -> int:
    with suppress(FileNotFoundError):
        return max((path.read_bytes().count(b"\n") for path in seat.journals()), default=0)
    # A run that is being made lies in another folder until it is whole.
    return 0


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(path.read_bytes().partition(b"\n")[0])
        return found
    return {}


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word
