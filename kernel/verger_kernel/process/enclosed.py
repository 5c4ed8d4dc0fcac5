"""A job's sandbox as its kernel sees it: started with its plan, heard while it is made, and asked how it went.

Not here: what becomes of the job (`runner.py`), and what the sandbox shows (`sandbox.py`).
"""

import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import verger_kernel
from verger_kernel.process.sandbox import Sandbox, plan

_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from verger_kernel.process.inside import main; main()"
)
_MESSAGE_BYTES = 1024
PROCESSES = 2
"""The processes that a sandbox has of its own, beside those of the job."""


class Enclosure:
    """The kernel's end of what a sandbox says. `listening` is the socket that its proxy must serve, once it came."""

    def __init__(self, sandbox: Sandbox, bytes_max: int) -> None:
        self._sandbox = sandbox
        self._bytes_max = bytes_max
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._near.setblocking(False)
        self.listening: socket.socket | None = None
        self.entered = False
        """Whether the job itself began."""
        self.failure = ""
        """Why the sandbox could not be made, in words."""
        self.errno = 0
        """Why the program could not be executed, as a number of the system."""
        self.left = 0
        """How many processes the job left behind, which ended with it."""

    def start(
        self, argv: tuple[str, ...], env: Mapping[str, str], held: tuple[int, ...], *streams: IO[bytes] | int
    ) -> "subprocess.Popen[bytes]":
        """The outermost process; `streams` are its three. Raises OSError, and ValueError for a text with a NUL."""
        if any("\0" in text for text in (*argv, *env, *env.values())):
            raise ValueError("embedded null byte")
        stdin, stdout, stderr = streams
        told = plan(self._sandbox, argv, env, held, self._bytes_max)
        with os.fdopen(os.memfd_create("plan"), "wb+") as file:
            marshal.dump(told, file)
            file.flush()
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            fds = (file.fileno(), self._far.fileno())
            place = str(Path(verger_kernel.__path__[0]).parent)
            process = subprocess.Popen(
                (sys.executable, "-I", "-S", "-c", _START, place, *map(str, fds)),
                cwd="/",
                env=env,
                pass_fds=(*fds, *held),
                start_new_session=True,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
        self._far.close()
        return process

    @property
    def fileno(self) -> int:
        """What becomes readable when there is something to hear."""
        return self._near.fileno()

    def hear(self) -> bool:
        """Takes in what was said so far; false once nothing more will be."""
        with suppress(BlockingIOError):
            while True:
                try:
                    said, fds, _, _ = socket.recv_fds(self._near, _MESSAGE_BYTES, 1)
                except ConnectionResetError:
                    return False
                if not said:
                    return False
                self._take(said, fds)
        return True

    def _take(self, said: bytes, fds: list[int]) -> None:
        word, text = said[:1], said[1:].decode(errors="replace")
        match word:
            case b"L":
                (descriptor,) = fds
                self.listening = socket.socket(fileno=descriptor)
            case b"E":
                self.entered = True
            case b"F":
                self.failure = text
            case b"X":
                self.entered, self.errno = False, int(text)
            case b"S":
                self.left = int(text)

    def close(self) -> None:
        """Gives the descriptors back."""
        for one in (self._near, self._far, self.listening):
            if one:
                one.close()


@contextmanager
def enclosure_kept(sandbox: Sandbox | None, bytes_max: int) -> Iterator[Enclosure | None]:
    """The enclosure of a job, None for one without a sandbox."""
    if sandbox is None:
        yield None
        return
    enclosure = Enclosure(sandbox, bytes_max)
    try:
        yield enclosure
    finally:
        enclosure.close()
