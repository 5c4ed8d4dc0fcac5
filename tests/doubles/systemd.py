"""A manager of units, as far as a daemon meets one: sockets, notices, watchdog, signals, `systemctl`.

It reads the very units that are installed, and signals as they say. Not here: what must come of it; see
tests/journeys/test_systemd*.py. Groups, namespaces and filters are not made.
"""

import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles.workplace import PATIENCE_S, wait_until

# In the child itself, for its own pid is what it must be told.
_HAND_OVER = """
import os, sys
number = int(sys.argv[1])
if number != 3:
    os.dup2(number, 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "vergerd.socket"}
os.execvp(sys.argv[2], sys.argv[2:])
"""
_ASKS = """#!{python} -IS
import _socket, os, sys
asking = _socket.socket(_socket.AF_UNIX)
asking.connect({path!r})
asking.send("\\0".join([os.path.basename(sys.argv[0]), *sys.argv[1:]]).encode() + b"\\n")
said = b""
while more := asking.recv(65536):
    said += more
code, _, said = said.partition(b"\\n")
(sys.stdout if code == b"0" else sys.stderr).write(said.decode())
sys.exit(int(code))
"""


@dataclass(frozen=True)
class Notice:
    """One datagram: its fields, who sent it by the system's word, and when (monotonic seconds)."""

    fields: Mapping[str, str]
    pid: int
    at_s: float


class Listener:
    """A notify socket, and all that was said there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[Notice] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(65536, socket.CMSG_SPACE(12))
            if data == b"over":
                return
            pid = int.from_bytes(ancillary[0][2][:4], "little")
            fields = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.heard.append(Notice(fields, pid, time.monotonic()))

    def times(self, name: str, pid: int = 0) -> list[float]:
        """When a field was said, by whoever or by one process."""
        return [one.at_s for one in self.heard if name in one.fields and pid in (0, one.pid)]

    def values(self, name: str) -> list[str]:
        """What was said in a field, one after the other."""
        return [one.fields[name] for one in self.heard if name in one.fields]

    def close(self) -> None:
        """Hears no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"over", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@dataclass
class Unit:
    """A unit file: its directives; of those that stand more than once, all."""

    directives: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Unit":
        """The unit at `path`."""
        found: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            if re.match(r"\w+=", line):
                name, _, value = line.partition("=")
                found.setdefault(name, []).append(value)
        return cls(found)

    def __getitem__(self, name: str) -> str:
        (value,) = self.directives[name]
        return value


class Systemd:
    """One user's manager. `runtime` is %t, `folder` where his units lie, `environ` what it gives to each of them."""

    def __init__(self, runtime: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self.runtime, self.folder = runtime, folder
        self.environ = dict(environ)
        self.watchdog_s = 0.0
        """In the place of the unit's own; 0 is that."""
        self.armed_s = float("inf")
        """Since when (monotonic seconds) a main process that is not fed is ended; see `arm`."""
        self.more: tuple[str, ...] = ()
        """Words that a person added to ExecStart."""
        self.asked: list[list[str]] = []
        self.watchdog_kills: list[int] = []
        self.main: subprocess.Popen[bytes] | None = None
        self.log = runtime / "journal"
        self.notices = Listener(str(runtime / "notify"))
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._watch), threading.Thread(target=self._answer)]
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(runtime / "manager"))
        self._door.listen()
        for thread in self._threads:
            thread.start()

    def programs(self, folder: Path) -> None:
        """Puts `systemctl`, `journalctl` and `loginctl` into `folder`, which ask this manager."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("systemctl", "journalctl", "loginctl"):
            path = folder / name
            path.write_text(_ASKS.format(python=sys.executable, path=str(self.runtime / "manager")))
            path.chmod(0o755)

    def listen(self) -> None:
        """Starts the socket unit, if it is not."""
        unit = Unit.read(self.folder / "vergerd.socket")
        path = Path(unit["ListenStream"].replace("%t", str(self.runtime)))
        if self._socket:
            return
        path.parent.mkdir(mode=int(unit["DirectoryMode"], 8), parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        path.chmod(int(unit["SocketMode"], 8))
        self._socket.listen()

    def start(self) -> int:
        """Starts the service unit and waits until it is ready; its pid."""
        if self._lives():
            assert self.main
            return self.main.pid
        unit = Unit.read(self.folder / "vergerd.service")
        self.listen()
        assert self._socket
        watchdog_s = self.watchdog_s or float(unit["WatchdogSec"])
        environ = self.environ | dict(
            shlex.split(one)[0].split("=", 1) for one in unit.directives["Environment"]
        )
        words = (*shlex.split(unit["ExecStart"].replace("$$", "$").replace("%%", "%")), *self.more)
        self.main = subprocess.Popen(
            (sys.executable, "-IS", "-c", _HAND_OVER, str(self._socket.fileno()), *words),
            env=environ
            | {
                "XDG_RUNTIME_DIR": str(self.runtime),
                "NOTIFY_SOCKET": self.notices.address,
                "WATCHDOG_USEC": str(int(watchdog_s * 1e6)),
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            pass_fds=(self._socket.fileno(),),
        )
        pid = self.main.pid
        wait_until(lambda: bool(self.notices.times("READY", pid)) or not self._lives())
        assert self._lives(), self.log.read_text()
        return pid

    def arm(self) -> None:
        """From now on the watchdog bites. Before, a busy machine would be taken for a daemon that hangs."""
        self.armed_s = time.monotonic()

    def disarm(self) -> None:
        """From now on it does not."""
        self.armed_s = float("inf")

    def restart(self) -> int:
        """Signals the main process as the unit says for a restart, and starts it again."""
        self._end("RestartKillSignal")
        return self.start()

    def stop(self) -> None:
        """Signals the main process as the unit says for a stop."""
        self._end("KillSignal")

    def close(self) -> None:
        """Ends what was started here, as a stop does, and then all else."""
        if self._lives():
            self.stop()
        self._over.set()
        with socket.socket(socket.AF_UNIX) as last, suppress(OSError):
            last.connect(str(self.runtime / "manager"))
        for thread in self._threads:
            thread.join()
        self._door.close()
        if self._socket:
            self._socket.close()
        self.notices.close()

    def _lives(self) -> bool:
        return self.main is not None and self.main.poll() is None

    def _end(self, name: str) -> None:
        unit = Unit.read(self.folder / "vergerd.service")
        # Only one kind is known here: whatever descends from the main process is left alone.
        assert unit["KillMode"] == "process"
        if self.main and self._lives():
            self.main.send_signal(signal.Signals[unit[name]])
            self.main.wait(PATIENCE_S)

    def _watch(self) -> None:
        """Ends a main process that did not say in time that it is well."""
        while not self._over.wait(0.02):
            main = self.main
            if not main or not self.watchdog_s or main.poll() is not None:
                continue
            said = [*self.notices.times("READY", main.pid), *self.notices.times("WATCHDOG", main.pid)]
            if not said or main.pid in self.watchdog_kills:
                continue
            if time.monotonic() - max(*said, self.armed_s) > self.watchdog_s:
                self.watchdog_kills.append(main.pid)
                main.send_signal(signal.SIGABRT)
                main.send_signal(signal.SIGCONT)

    def _answer(self) -> None:
        while True:
            asked, _ = self._door.accept()
            with asked:
                if self._over.is_set():
                    return
                words = asked.recv(65536).decode().rstrip("\n").split("\0")
                self.asked.append(words)
                try:
                    code, said = 0, self._carry_out(words)
                except (LookupError, AssertionError, OSError) as error:
                    code, said = 1, f"{error}\n"
                asked.sendall(f"{code}\n{said}".encode())

    def _carry_out(self, words: list[str]) -> str:
        program, plain = words[0], [word for word in words[1:] if not word.startswith("-")]
        if program == "loginctl":
            return "no\n"
        if program == "journalctl":
            return self.log.read_text() if self.log.exists() else ""
        if "--version" in words:
            return "systemd 252 (252.1)\n"
        assert "--user" in words, "this is no manager of the machine"
        match plain:
            case ["show", _]:
                return self._shown()
            case ["show"]:
                return "Version=252\n"
            case ["start" | "enable", *_] if plain[0] == "start" or "--now" in words:
                self.start()
            case ["restart", "vergerd.service"]:
                self.restart()
            case ["stop", *names] | ["disable", *names]:
                self.stop()
                if "vergerd.socket" in names:
                    self._close_socket()
            case ["daemon-reload"] | ["enable", *_]:
                pass
            case _:
                raise LookupError(f"Unknown command verb {plain}.")
        return ""

    def _close_socket(self) -> None:
        if self._socket:
            Path(self._socket.getsockname()).unlink()
            self._socket.close()
        self._socket = None

    def _shown(self) -> str:
        lives = self._lives()
        pid = self.main.pid if self.main and lives else 0
        active, sub = ("active", "running") if lives else ("inactive", "dead")
        return f"ActiveState={active}\nSubState={sub}\nMainPID={pid}\n"


@contextmanager
def managed(runtime: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[Systemd]:
    """A manager for as long as the test takes."""
    made = Systemd(runtime, folder, environ)
    try:
        yield made
    finally:
        made.close()


def is_socket(path: Path) -> bool:
    """Whether there is a socket at `path`."""
    return path.exists() and stat.S_ISSOCK(path.lstat().st_mode)


def lives(pid: int) -> bool:
    """Whether there is such a process, not ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    # A process is a zombie as soon as its first thread has ended, and others may still be ending.
    return fields[0] != b"Z" or int(fields[17]) > 1
