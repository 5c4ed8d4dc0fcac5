"""Supervisors of others, each started with programs that sleep, asked with its own client, and ended with all of them.

Not here: which figures are taken; see `peers.py`. What runs in a peer's own Python is `peer_asker.py`.
"""

import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ASKER = Path(__file__).parent / "peer_asker.py"
PATIENCE_S = 60.0
_LISTENER = """\
import sys, time
while True:
    print("READY", flush=True)
    head = dict(word.split(":") for word in sys.stdin.readline().split())
    sys.stdin.read(int(head["len"]))
    with open(sys.argv[1], "a") as file:
        file.write(f"{time.perf_counter()}\\n")
    print("RESULT 2", end="\\nOK", flush=True)
"""


class NotMeasured(Exception):
    """A figure that cannot be taken of a peer: why."""


@dataclass(frozen=True)
class Peer:
    """A supervisor: its program, and its configuration for a folder, the command of a program, and how many of it."""

    name: str
    program: str
    configured: Callable[[Path, Path, str, int], str]
    flags: tuple[str, ...] = ()


@dataclass
class Running:
    """A peer at work, with programs that nobody else has: `mark` stands in the command line of each."""

    peer: Peer
    place: Path
    folder: Path
    mark: str
    count: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Starts it, and waits until all its programs are there."""
        words = (str(self.place / "bin" / self.peer.program), *self.peer.flags, str(self.folder / "conf"))
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until_s = time.monotonic() + PATIENCE_S
        while len(self.programs()) < self.count:
            if time.monotonic() > until_s or self.process.poll() is not None:
                last = (self.folder / "log").read_text(errors="replace")[-200:]
                raise NotMeasured(f"it did not start its programs: {last}")
            time.sleep(0.05)

    def programs(self) -> list[int]:
        """The programs that run, whoever is their parent."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if path.read_bytes() == f"sleep\0{self.mark}\0".encode():
                    found.append(int(path.parent.name))
        return found

    def asked(self, what: str, value: object) -> object:
        """What the asker says, in the peer's own Python. Raises NotMeasured with its last words."""
        words = (str(self.place / "bin" / "python"), str(ASKER), self.peer.name, str(self.folder))
        ended = subprocess.run((*words, what, str(value)), capture_output=True, text=True, check=False)
        if ended.returncode:
            raise NotMeasured(ended.stderr.strip().rpartition("\n")[2])
        return json.loads(ended.stdout)

    def rate(self, seconds: float) -> float:
        """Answers a second to 16 clients."""
        return float(str(self.asked("rate", seconds)))

    def noticed_s(self) -> float:
        """From SIGKILL of a program until a listener of the peer has its event. The next program is waited for."""
        (pid,) = self.programs()
        stamps = self.folder / "stamps"
        if self.peer.name == "circus":
            taken = float(str(self.asked("noticed", pid)))
        else:
            before = len(_lines(stamps))
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            until_s = began + PATIENCE_S
            while len(_lines(stamps)) == before:
                if time.perf_counter() > until_s:
                    raise NotMeasured("no event came")
                time.sleep(0.001)
            taken = float(_lines(stamps)[before]) - began
        while self.programs() in ([], [pid]):
            time.sleep(0.05)
        return taken

    def cpu_s_per_min(self, seconds: float) -> float:
        """The processor time of the peer itself, while nobody asks it."""
        began_s, before_s = time.perf_counter(), self._cpu_s()
        time.sleep(seconds)
        return (self._cpu_s() - before_s) / (time.perf_counter() - began_s) * 60

    def rss_mb(self) -> float:
        """The memory of the peer itself."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def copies_after_its_death(self) -> float:
        """How many programs run too many after the peer was killed and started again."""
        assert self.process
        before = set(self.programs())
        self.process.kill()
        self.process.wait()
        with suppress(NotMeasured):
            self._start_again(len(before))
        return len(self.programs()) - self.count

    def _start_again(self, before: int) -> None:
        for name in ("s", "c", "p", "pid"):
            (self.folder / name).unlink(missing_ok=True)
        self.count, wanted = before * 2, self.count
        try:
            self.start()
        finally:
            self.count = wanted

    def _cpu_s(self) -> float:
        assert self.process
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def end(self) -> None:
        """Ends the peer first, so that it starts nothing again, then every program."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.programs():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def at_work(peer: Peer, place: Path, count: int) -> Iterator[Running]:
    """A peer with so many programs."""
    folder = Path(tempfile.mkdtemp(prefix="verger-peer-"))
    mark = f"{99_999 - secrets.randbelow(9_999)}.{secrets.randbelow(10**9):09}"
    (folder / "listener.py").write_text(_LISTENER)
    (folder / "conf").write_text(peer.configured(folder, place, f"sleep {mark}", count))
    one = Running(peer, place, folder, mark, count)
    try:
        one.start()
        yield one
    finally:
        one.end()
        shutil.rmtree(folder)


def asked_by_its_own_client(one: Running, *, calls: int) -> list[float]:
    """The medians of three rounds of calls, microseconds each."""
    rounds = []
    for _ in range(3):
        waits = one.asked("waits", calls)
        assert isinstance(waits, list)
        rounds.append(statistics.median(waits))
    return rounds


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _supervisor(folder: Path, place: Path, command: str, count: int) -> str:
    programs = "".join(
        f"[program:p{number}]\ncommand={command}\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
        for number in range(count)
    )
    listener = f"command={place}/bin/python {folder}/listener.py {folder}/stamps"
    return (
        f"[unix_http_server]\nfile={folder}/s\n"
        f"[supervisord]\nnodaemon=true\nlogfile={folder}/main.log\npidfile={folder}/pid\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"{programs}[eventlistener:ended]\n{listener}\nevents=PROCESS_STATE_EXITED\n"
        "stderr_logfile=NONE\n"
    )


def _circus(folder: Path, _: Path, command: str, count: int) -> str:
    programs = "".join(
        f"[watcher:p{number}]\ncmd={command}\nnumprocesses=1\ncopy_env=true\n" for number in range(count)
    )
    return f"[circus]\nendpoint=ipc://{folder}/c\npubsub_endpoint=ipc://{folder}/p\nstatsd=false\n{programs}"


PEERS = {
    "supervisor": Peer("supervisor", "supervisord", _supervisor, ("-n", "-c")),
    "circus": Peer("circus", "circusd", _circus),
}
