"""A post: a real daemon beside a workshop, in a process of its own, with its clock and memory read from outside.

Not here: what is measured of it (`supervised_figures.py`, `many_runs_figures.py`), and runs that are made up for it
(`many_runs.py`). Whoever leaves the `with` leaves nothing: kernels first, then the daemon, then its folders.
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.workshop import CommandFailed, Workshop

from verger_probes.identity import start_ticks

PATIENCE_S = 30.0


class Client:
    """A connection to the daemon with no more between it and the socket than JSON."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self._rest = b""

    def ask(self, method: str, **params: Any) -> Any:
        """The result. Raises CommandFailed with what the daemon refused."""
        said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(said).encode() + b"\n")
        answer = self.line()
        if "error" in answer:
            raise CommandFailed(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def line(self) -> Any:
        """The next message."""
        while b"\n" not in self._rest:
            found = self.socket.recv(1 << 18)
            if not found:
                raise CommandFailed("the daemon closed the connection")
            self._rest += found
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def until(self, is_it: Callable[[Any], bool]) -> Any:
        """The next event for which `is_it` holds."""
        while not is_it(event := self.line()["params"]):
            continue
        return event

    def close(self) -> None:
        """Ends it."""
        self.socket.close()


@dataclass
class Post:
    """The daemon of a workshop. `runtime` holds its socket."""

    made: Workshop
    runtime: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.runtime / "verger" / "vergerd.sock"

    @property
    def home(self) -> Path:
        """The daemon's own folder."""
        return self.made.state / "verger" / "daemon"

    def environment(self) -> dict[str, str]:
        """What the daemon and its clients are started with."""
        return self.made.environment() | {"XDG_RUNTIME_DIR": str(self.runtime), "VERGERD_RECOVER": "false"}

    def client(self, *words: str) -> tuple[str, ...]:
        """The command line of `verger` for `words`, in the repository."""
        return (sys.executable, "-P", "-m", "verger_client", "-C", str(self.made.repository), *words)

    def start(self) -> None:
        """Starts the daemon and waits until it listens. Raises CommandFailed when it does not."""
        ours, theirs = os.pipe()
        try:
            self.process = subprocess.Popen(
                # On demand: should even this process be killed, it leaves by itself.
                (sys.executable, "-P", "-m", "verger_daemon", "--on-demand", "--ready-fd", str(theirs)),
                env=self.environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs,),
            )
        finally:
            os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as pipe:
            said = pipe.read(4096) if select.select([pipe], [], [], PATIENCE_S)[0] else b"nothing"
        if said != b"ready\n":
            raise CommandFailed(f"the daemon said {said!r}")

    def kill(self) -> None:
        """Ends the daemon with no word of warning."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def connected(self) -> Client:
        """A new connection."""
        return Client(self.socket)

    def begin(self, client: Client) -> Any:
        """A supervised run of the first item, without anybody who stays with it; what the daemon answered."""
        return client.ask(
            "run.start",
            directory=str(self.made.repository),
            words=("playbook.md", "--next"),
            environment=self.environment(),
        )

    def cpu_s(self) -> float:
        """The processor time that the daemon has had, all its threads together, to the nanosecond."""
        assert self.process
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def rss_mb(self) -> float:
        """The memory of the daemon that lies in the machine's now."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def kernels(self) -> list[int]:
        """The kernels on record that still run."""
        found = []
        for path in (self.home / "runs").glob("*.json"):
            known = json.loads(path.read_bytes())["identity"]
            if known["pid"] != os.getpid() and start_ticks(known["pid"]) == known["start_ticks"]:
                found.append(int(known["pid"]))
        return found

    def end(self) -> None:
        """Ends every kernel with all that it started, then the daemon."""
        for pid in (kernels := self.kernels()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        _wait_until(lambda: not any(start_ticks(pid) for pid in kernels))
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)


@contextmanager
def post(made: Workshop, *, begun: bool = True) -> Iterator[Post]:
    """The daemon of a workshop, started unless it is not to have `begun`."""
    # A path of a socket has 107 bytes, and a clone may lie deep.
    runtime = Path(tempfile.mkdtemp(prefix="verger-"))
    one = Post(made, runtime)
    try:
        if begun:
            one.start()
        yield one
    finally:
        try:
            one.end()
        finally:
            shutil.rmtree(runtime)


def _wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until_s:
            raise CommandFailed("a kernel that was asked to end goes on")
        time.sleep(0.01)
