"""A daemon's part towards one real kernel: it starts it over a socketpair, gives it a key, and asks on its socket.

Not here: what a claim follows from the answers; that is the daemon's own.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from tests.doubles.notes import PLAYBOOK
from tests.doubles.workplace import Workplace

from verger_probes.rules.probe import Ack, Challenge, Identity, ask, mismatch, read_answer

PATIENCE_S = 20.0
MODULE = ("-m", "verger_kernel")


def run_id() -> str:
    """An id that no other run on this machine has: by it the processes of a run are found, and ended."""
    return f"RUN_20260325T101112Z_{secrets.token_hex(16)}"


def nonce() -> str:
    """A nonce that nobody drew before."""
    return secrets.token_hex(32)


class Line:
    """One connection to a probe socket. Reading is bounded; `closed` says that the kernel ended it."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self._text = b""

    def send(self, data: bytes) -> None:
        """Sends bytes, whatever they are."""
        self.socket.sendall(data)

    def line(self) -> bytes:
        """The next line; empty when the kernel closed the connection."""
        while b"\n" not in self._text:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return b""
            if not more:
                return b""
            self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return line + b"\n"

    def answer(self) -> bytes:
        """The next line that is no hint."""
        while (line := self.line()).startswith(b"moved "):
            continue
        return line

    @property
    def closed(self) -> bool:
        """Whether the kernel closed the connection, waited for within the patience of a test."""
        return self.answer() == b""

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()


@dataclass
class Asker:
    """The orders of one kernel, and its process."""

    place: Path
    run_id: str = field(default_factory=run_id)
    invocation: str = "f" * 32
    epoch: int = 1
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    process: "subprocess.Popen[bytes] | None" = None
    hello: dict[str, Any] = field(default_factory=dict)
    listening_s: float = 0.0

    @property
    def path(self) -> Path:
        """The probe socket."""
        return self.place / "probe.sock"

    @property
    def words(self) -> tuple[str, ...]:
        """The command that begins the run."""
        return ("run", "--run-id", self.run_id, PLAYBOOK, "--item", "01")

    @property
    def pid(self) -> int:
        """The kernel's."""
        assert self.process
        return self.process.pid

    @property
    def identity(self) -> Identity:
        """Who the kernel said that it is."""
        return Identity(**self.hello["identity"])

    def orders(self, **changed: object) -> bytes:
        """The daemon's line of the greeting."""
        told = {
            "run_id": self.run_id,
            "invocation": self.invocation,
            "epoch": self.epoch,
            "key": self.key.hex(),
            "probe_socket": str(self.path),
        }
        return json.dumps(told | changed).encode() + b"\n"

    def challenge(self, **changed: Any) -> Challenge:
        """A challenge to this kernel, with a nonce of its own unless `changed` says otherwise."""
        plain: dict[str, Any] = {
            "run_id": self.run_id,
            "invocation": self.invocation,
            "epoch": self.epoch,
            "nonce": nonce(),
        }
        return Challenge(**plain | changed)

    def asked(self, line: Line, challenge: Challenge | None = None) -> Ack:
        """The answer to a challenge, proved to be one."""
        challenge = challenge or self.challenge()
        line.send(ask(self.key, challenge))
        ack = read_answer(self.key, line.answer())
        assert mismatch(ack, challenge, self.identity) == ""
        return ack

    def is_refused(self, line: Line, data: bytes) -> bool:
        """Whether `data` ends the connection."""
        line.send(data)
        return line.closed


@contextmanager
def asker() -> Iterator[Asker]:
    """Orders with a folder for the socket whose path is short, whatever the tests' own folder is called."""
    place = Path(tempfile.mkdtemp(prefix="vgr-"))
    try:
        yield Asker(place)
    finally:
        shutil.rmtree(place)


@contextmanager
def started(
    workplace: Workplace, words: tuple[str, ...], program: tuple[str, ...] = MODULE, **environment: str
) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket]]:
    """A supervised kernel before its greeting, and the daemon's end of the socketpair; killed at the end."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE_S)
    with ours, tempfile.TemporaryFile() as out:
        with theirs:
            process = subprocess.Popen(
                (sys.executable, "-P", *program, "--supervised", str(theirs.fileno()), *words),
                cwd=workplace.repository,
                env=workplace.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        try:
            yield process, ours
        finally:
            process.kill()
            process.communicate()


@contextmanager
def supervised(
    workplace: Workplace,
    *words: str,
    orders: Asker | None = None,
    program: tuple[str, ...] = MODULE,
    **environment: str,
) -> Iterator[Asker]:
    """A supervised kernel that listens; its end of the socketpair stays open as long as it lives."""
    with asker() as made:
        asking = orders or made
        began = time.perf_counter()
        with started(workplace, words or asking.words, program, **environment) as (process, greeting):
            lines = greeting.makefile("rb")
            asking.process, asking.hello = process, json.loads(lines.readline())
            greeting.sendall(asking.orders())
            assert json.loads(lines.readline()) == {"listening": True}, process.communicate()
            asking.listening_s = time.perf_counter() - began
            yield asking


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """The exit code of a kernel that comes to its end, and what it said on standard error."""
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


def encoded(value: object) -> bytes:
    """A JSON line."""
    return msgspec.json.encode(value) + b"\n"


def socket_mode(path: Path) -> int:
    """The permissions of a socket."""
    return os.lstat(path).st_mode & 0o777


class Delays:
    """How long threads of a process waited for a processor that others had: a busy machine, and no fault of theirs."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._before = self._read()

    def since_ns(self) -> int:
        """The sum over the threads that were there before and still are."""
        now = self._read()
        return sum(now[task] - before for task, before in self._before.items() if task in now)

    def _read(self) -> dict[str, int]:
        found = {}
        with suppress(FileNotFoundError):
            for task in self._tasks.iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    found[task.name] = int((task / "schedstat").read_bytes().split()[1])
        return found
