"""What an attempt is made on: a user's place with secrets, servers, sockets and a process that does no harm.

Not here: the attempts; see `corpus.py`.
"""

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from glob import glob
from pathlib import Path

from tests.doubles.workplace import Workplace

_VICTIM = "import sys, time; secret = sys.stdin.readline(); print('up', flush=True); time.sleep(300)"


class World:
    """One world, below `root`. Closed, nothing of it is left, below `root` or elsewhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = Workplace(root)
        self.outside = root / "outside"
        self.outside.mkdir(parents=True)
        self.runtime = root / "runtime"
        self.number = secrets.token_hex(4)
        self.mark = f"planted-{self.number}"
        self.secret = f"secret-{secrets.token_hex(8)}"
        self.victim: subprocess.Popen[bytes] | None = None
        self.contacts: list[str] = []
        self.code = 0
        self.ports: dict[str, int] = {}
        self._servers: list[socket.socket] = []
        self._foreign: list[Path] = []

    def variables(self) -> dict[str, str]:
        """What a script may know: as much as an attacker who has read the documentation and looked around."""
        known = {
            "OUT": self.outside,
            "H": self.place.home,
            "CHECKOUT": self.place.repository,
            "GITDIR": self.place.repository / ".git",
            "STATE": self.place.state / "verger",
            "RUNTIME": self.runtime,
            "N": self.number,
            "MARK": self.mark,
            "VICTIM": self.victim.pid if self.victim else 0,
            "PY": sys.executable,
            "ADDRESS": own_address(),
            "HANDLE": handle_of(self.outside),
        }
        return {name: str(value) for name, value in known.items()} | {
            f"PORT_{name}": str(port) for name, port in self.ports.items()
        }

    def text(self, pattern: str) -> str:
        """What stands in all files that `pattern` names, with the variables put in."""
        return "\n".join(self.texts(pattern))

    def texts(self, pattern: str) -> list[str]:
        """The same, file by file."""
        for name, value in sorted(self.variables().items(), reverse=True):
            pattern = pattern.replace(f"${name}", value)
        found = []
        for place in glob(pattern, recursive=True, include_hidden=True):  # noqa: PTH207 - of a whole path
            with suppress(OSError):
                found.append(Path(place).read_text(errors="replace"))
        return found

    def has_loot(self) -> bool:
        """Whether the secret stands in a file of the state."""
        wanted = self.secret.encode()
        files = (path for path in (self.place.state / "verger").rglob("*") if path.is_file())
        return any(wanted in path.read_bytes() for path in files)

    def has_left(self, name: str) -> bool:
        """Whether a worktree of the run, or the branch that came of it, holds a file `name`."""
        trees = (self.place.state / "verger").rglob(name)
        branches = self.place.git("log", "--all", "--format=", "--name-only").splitlines()
        return any(trees) or name in branches

    def keep(self, place: Path, text: str = "") -> None:
        """Puts the secret, or `text`, into a file; away with it at the end, where it lies elsewhere."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text or self.secret)
        self.foreign(place)

    def foreign(self, place: Path) -> None:
        """Sees to it that `place` is gone at the end."""
        self._foreign.append(place)

    def start_victim(self) -> None:
        """Starts the process that does no harm, with the secret in its memory and environment."""
        self.victim = subprocess.Popen(
            (sys.executable, "-I", "-S", "-c", _VICTIM),
            env={"SECRET": self.secret},
            cwd=self.place.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.victim.stdin and self.victim.stdout
        self.victim.stdin.write(f"{self.secret}\n".encode())
        self.victim.stdin.flush()
        self.victim.stdout.readline()

    def listen(self, name: str, family: int, kind: int, address: object) -> None:
        """Serves at `address`: whatever it hears is a contact. Of an inet address the port is kept as `name`."""
        server = socket.socket(family, kind)
        self._servers.append(server)
        server.bind(address)  # type: ignore[arg-type]
        if family in (socket.AF_INET, socket.AF_INET6):
            self.ports[name] = server.getsockname()[1]
        if kind == socket.SOCK_STREAM:
            server.listen()
        threading.Thread(target=self._hear, args=(server, name, kind), daemon=True).start()

    def _hear(self, server: socket.socket, name: str, kind: int) -> None:
        with suppress(OSError):
            while True:
                if kind == socket.SOCK_STREAM:
                    server.accept()[0].close()
                else:
                    server.recvfrom(100)
                self.contacts.append(name)

    def close(self) -> None:
        """Ends and removes everything."""
        for server in self._servers:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        if self.victim:
            self.victim.kill()
            self.victim.communicate()
        for mount in (self.outside,):
            subprocess.run(("umount", "-q", "-l", str(mount)), check=False, capture_output=True)
        for place in self._foreign:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
                with suppress(OSError):
                    os.rmdir(place)  # noqa: PTH106 - a control group
            else:
                place.unlink(missing_ok=True)


def own_address() -> str:
    """An address of this machine beside the loopback; the loopback where it has no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        # Nothing is sent: the system only looks which way it would go.
        asking.connect(("192.0.2.1", 9))
        return str(asking.getsockname()[0])
    return "127.0.0.1"


def handle_of(folder: Path) -> str:
    """What the system calls `folder` beside its name, in hexadecimal digits; it is the same for everybody."""
    room = 128
    handle = ctypes.create_string_buffer(room.to_bytes(4, sys.byteorder), room + 8)
    number = ctypes.c_int()
    ctypes.CDLL(None).name_to_handle_at(-100, os.fsencode(folder), handle, ctypes.byref(number), 0)
    return handle.raw[: 8 + int.from_bytes(handle.raw[:4], sys.byteorder)].hex()
