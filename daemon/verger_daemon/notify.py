"""What systemd is told: that the daemon is ready, what it is at, that it is well, that it leaves.

Not here: whether the daemon is well (`standing.py`), and the socket that systemd hands over (`activation.py`).
Standard library only.
"""

import socket
from collections.abc import MutableMapping
from contextlib import suppress

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What systemd says to the daemon alone. A kernel or an agent that had them could speak in its name."""

_WORDS_MAX = 1000


class Notices:
    """The way to tell systemd something; silent where nobody asked for it. Nothing here ever raises."""

    def __init__(self, address: str = "", *, watchdog_s: float = 0) -> None:
        self.watchdog_s = watchdog_s
        """Within which time systemd wants to hear that all is well; 0 when it does not care."""
        self._address = address
        self._status = ""

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self) -> None:
        """The daemon listens, and every run that was saved was seen again."""
        self._tell("READY=1")

    def status(self, words: str) -> None:
        """What the daemon is at, for people; said when it is something else than before."""
        if words != self._status:
            self._status = words
            # A line feed would begin another field.
            self._tell(f"STATUS={' '.join(words.split())[:_WORDS_MAX]}")

    def well(self) -> None:
        """The daemon proved to itself that it is well."""
        self._tell("WATCHDOG=1")

    def leaving(self, *, within_s: float = 0) -> None:
        """The daemon leaves; with `within_s` it asks for that much time, whatever the unit gives it."""
        longer = [f"EXTEND_TIMEOUT_USEC={int(within_s * 1e6)}"] if within_s else []
        self._tell("STOPPING=1", *longer)

    def _tell(self, *fields: str) -> None:
        if not self._address:
            return
        # An abstract address is written with an at sign, and begins with a NUL.
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, kind) as teller:
            teller.sendto("\n".join(fields).encode(), address)


def taken(environ: MutableMapping[str, str], pid: int) -> Notices:
    """The way that `environ` names for process `pid`; takes the variables out, so that nobody inherits them."""
    address, usec, meant = (environ.pop(name, "") for name in VARIABLES)
    if not address.startswith(("/", "@")):
        return Notices()
    ours = not meant or meant == str(pid)
    return Notices(address, watchdog_s=int(usec) / 1e6 if ours and _is_count(usec) else 0)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()
