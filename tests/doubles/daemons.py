"""A real daemon of one user, with a repository whose item goes on until it is let go; and somebody who keeps asking.

Not here: what must come of it; see tests/journeys/test_supervised*.py.
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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.notes import WRITTEN, item
from tests.doubles.workplace import PATIENCE_S, Workplace, wait_until, workplace

import verger_client
import verger_daemon
from verger_probes.identity import start_ticks

POLL_S = 0.05
WAITS = ': > "$1.waited_for"; until [ -e "$1" ]; do sleep 0.02; done\n'


class Refused(Exception):
    """The daemon answered with an error: what it said."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class Asking:
    """A connection to the daemon, as a script has one."""

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patience_s)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._asked = 0

    def ask(self, method: str, **params: Any) -> Any:
        """The result. Raises Refused, and OSError when nobody answers."""
        self._asked += 1
        said = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._socket.sendall(json.dumps(said).encode() + b"\n")
        answer = self.line()
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def line(self) -> Any:
        """The next message."""
        line = self._file.readline()
        if not line:
            raise ConnectionResetError("the daemon closed the connection")
        return json.loads(line)

    def close(self) -> None:
        """Ends it."""
        self._file.close()
        self._socket.close()


@dataclass
class Seat:
    """One user's place of work with a runtime folder, and at most one daemon at a time that is ours to end."""

    place: Workplace
    runtime: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def socket(self) -> Path:
        """Where the daemon listens."""
        return self.runtime / "verger" / "vergerd.sock"

    @property
    def release(self) -> Path:
        """Once this is there, the item goes on."""
        return self.place.root / "release"

    @property
    def daemon_home(self) -> Path:
        """The daemon's own folder."""
        return self.place.state / "verger" / "daemon"

    def environment(self, **more: str) -> dict[str, str]:
        """What every command of this user is started with."""
        # What is seen of a run that ended is looked at in peace; who tests recovery turns it on.
        ours = {"XDG_RUNTIME_DIR": str(self.runtime), "VERGERD_RECOVER": "false"}
        found = self.place.environment(**ours | more)
        packages = (verger_daemon.__path__[0], verger_client.__path__[0])
        found["PYTHONPATH"] += "".join(f"{os.pathsep}{Path(package).parent}" for package in packages)
        return found

    def start(self, *flags: str, **more: str) -> int:
        """Starts a daemon and waits until it listens; its pid."""
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            (sys.executable, "-P", "-m", "verger_daemon", "--ready-fd", str(theirs), *flags),
            env=self.environment(**more),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.place.root / "vergerd.log").open("ab"),
            pass_fds=(theirs,),
        )
        os.close(theirs)
        assert select.select([ours], [], [], PATIENCE_S)[0]
        assert os.read(ours, 4096) == b"ready\n", (self.place.root / "vergerd.log").read_text()
        os.close(ours)
        return self.process.pid

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the daemon with a signal, and waits until it is gone."""
        assert self.process
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)

    def asking(self, *, patience_s: float = PATIENCE_S) -> Asking:
        """A new connection."""
        return Asking(self.socket, patience_s=patience_s)

    def ask(self, method: str, **params: Any) -> Any:
        """One question over a connection of its own."""
        asking = self.asking()
        try:
            return asking.ask(method, **params)
        except ConnectionError as error:
            # A daemon that is gone is another finding than one that hangs up.
            error.add_note(f"the daemon ended with {self.process.poll()}" if self.process else "none of ours")
            raise
        finally:
            asking.close()

    def begin(self, *words: str) -> Any:
        """A supervised run; what the daemon answered."""
        words = words or ("playbook.md", "--item", "01")
        directory, environment = str(self.place.repository), self.environment()
        return self.ask("run.start", directory=directory, words=words, environment=environment)

    def status(self, run: str = "latest") -> Any:
        """What the daemon says of a run."""
        return self.ask("run.status", directory=str(self.place.repository), run=run)

    def verger(self, *argv: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """One command of the client, to its end."""
        return subprocess.run(
            (sys.executable, "-P", "-m", "verger_client", *argv),
            cwd=self.place.repository,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def until(self, claim: str, run: str = "latest") -> Any:
        """The status as soon as it says `claim`."""
        found: list[Any] = []

        def said() -> bool:
            found[:] = [self.status(run)]
            return bool(found[0]["claim"] == claim)

        wait_until(said)
        return found[0]

    def kernel(self) -> int:
        """The pid of the kernel that is at work."""
        pid = self.status()["supervision"]["pid"]
        assert pid
        return int(pid)

    def at_work(self) -> str:
        """A run that is proved alive and writes nothing before it is released; its id."""
        run: str = self.begin()["run_id"]
        return self.standing(run)

    def standing(self, run: str) -> str:
        """The same for a run that was begun."""
        wait_until(self.release.with_name("release.waited_for").exists)
        self.until("live_attached", run)
        return run

    def supervision(self) -> Path:
        """The folder of the newest run that the daemon writes."""
        return self.place.run().root / "supervision"


@contextmanager
def seated(root: Path, **how: Any) -> Iterator[Seat]:
    """A user with one item that waits for `release`; what is still at work at the end is ended, and must be gone."""
    # As short as those of real sessions: the path of a socket has 107 bytes.
    runtime = Path(tempfile.mkdtemp(prefix="verger-"))
    waits = item("01", required_verification_commands=f"`sh wait.sh {root / 'place' / 'release'}`")
    content = {"rows": (waits,), "script": WRITTEN, "files": {"wait.sh": WAITS}} | how
    seat = Seat(workplace(root / "place", **content), runtime)
    try:
        yield seat
    finally:
        _end(seat)
        # What a kernel that was killed left behind waits for this, and must be gone as well.
        seat.release.touch()
        wait_until(lambda: not _left_behind(seat))
        shutil.rmtree(runtime)


def _end(seat: Seat) -> None:
    kernels = _kernels(seat)
    for pid in kernels:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(start_ticks(pid) for pid in kernels))
    if seat.process and seat.process.poll() is None:
        seat.process.send_signal(signal.SIGCONT)
        seat.kill(signal.SIGTERM)


def _left_behind(seat: Seat) -> list[str]:
    """The processes that have to do with this user's place."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"{seat.place.root}/" in words and path.parent.name != str(os.getpid()):
                found.append(words)
    return found


def _kernels(seat: Seat) -> list[int]:
    """The kernels of this user that still run, by what the daemons put on record."""
    found = []
    for path in (seat.daemon_home / "runs").glob("*.json"):
        known = json.loads(path.read_bytes())["identity"]
        if start_ticks(known["pid"]) == known["start_ticks"]:
            found.append(int(known["pid"]))
    return found


@dataclass(frozen=True)
class Heard:
    """One answer: when it was asked for and when it came (monotonic seconds), and the claim; empty for no answer."""

    asked_s: float
    came_s: float
    claim: str
    reason: str = ""


class Poll:
    """Somebody who asks for the status each 50 ms, in a thread of its own, and remembers all that was said."""

    def __init__(self, seat: Seat, run: str) -> None:
        self._seat, self._run = seat, run
        self._over = threading.Event()
        self.heard: list[Heard] = []
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Poll":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        asking: Asking | None = None
        while not self._over.is_set():
            asked_s = time.monotonic()
            try:
                asking = asking or self._seat.asking(patience_s=1.0)
                directory = str(self._seat.place.repository)
                said = asking.ask("run.status", directory=directory, run=self._run)
                self.heard.append(Heard(asked_s, time.monotonic(), said["claim"], said["reason"]))
            except (OSError, Refused) as error:
                if asking:
                    asking.close()
                asking = None
                self.heard.append(Heard(asked_s, time.monotonic(), "", str(error)))
            self._over.wait(POLL_S)

    def live_after(self, event_s: float) -> list[Heard]:
        """The answers that were asked for after an instant and said that the run is alive."""
        return [one for one in self.heard if one.asked_s > event_s and one.claim == "live_attached"]

    def wait(self, what: Callable[[Heard], bool]) -> Heard:
        """The first answer from now on that is so."""
        begun = len(self.heard)
        wait_until(lambda: any(map(what, self.heard[begun:])))
        return next(filter(what, self.heard[begun:]))
