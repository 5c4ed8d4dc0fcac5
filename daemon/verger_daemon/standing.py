"""What the daemon stands upon: its lock, its disk, and the key under which it proves that it is there.

Not here: what it is at; see `app.py`. Who asks for the proof from inside is `watchdog.py`.
"""

import asyncio
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from verger_daemon.protocol.messages import PingParams, PingResult
from verger_probes.locks import FileLock
from verger_probes.version import VERSION

_ROOM_BYTES = 64 * 1024
"""What must be free for the next records."""


class Found(NamedTuple):
    """What was found at one look."""

    lock_held: bool
    journal_writable: bool


class Standing:
    """What a daemon of `epoch` that holds `lock` and keeps its records in `home` stands upon."""

    def __init__(self, home: Path, lock: FileLock, epoch: int) -> None:
        self.epoch = epoch
        self.loop_lag_us = 0
        """How much later than it should the loop came to its last look around."""
        self._home = home
        self._lock = lock
        self._key = _key(home)
        self._found: Found | None = None

    def answer(self, params: PingParams) -> PingResult:
        """The answer to a question that only this daemon can answer."""
        found = self._look()
        return PingResult(
            nonce=params.nonce,
            mac=self.mac(params.nonce),
            pid=os.getpid(),
            epoch=self.epoch,
            version=VERSION,
            lock_held=found.lock_held,
            journal_writable=found.journal_writable,
            loop_lag_us=self.loop_lag_us,
        )

    def mac(self, nonce: str) -> str:
        """What this process answers to `nonce`, and no other can."""
        words = f"verger-daemon/1\0{nonce}\0{os.getpid()}\0{self.epoch}"
        return hmac.digest(self._key, words.encode(), "sha256").hex()

    def write(self) -> None:
        """Writes and syncs as much as the next record may have. Raises OSError when it cannot. Waits for the disk."""
        path = self._home / "writable"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
            # A file that keeps its blocks could be written on a full disk.
            path.unlink(missing_ok=True)

    def _look(self) -> Found:
        """What is found, looked at once for all that is asked in one turn of the loop."""
        if self._found is None:
            self._found = Found(self._holds_lock(), self._has_room())
            asyncio.get_running_loop().call_soon(self._look_again)
        return self._found

    def _look_again(self) -> None:
        self._found = None

    def _holds_lock(self) -> bool:
        try:
            self._lock.check()
        except OSError:
            return False
        return True

    def _has_room(self) -> bool:
        try:
            room = os.statvfs(self._home)
        except OSError:
            return False
        # Root may have what is kept for it; f_bavail is what is there for this user in either case.
        return os.access(self._home, os.W_OK) and room.f_bavail * room.f_frsize >= _ROOM_BYTES


def _key(home: Path) -> bytes:
    """The key under which the daemon proves that it is this user's; made once."""
    path = home / "ping.key"
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()
