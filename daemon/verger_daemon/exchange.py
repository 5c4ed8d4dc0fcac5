"""The sockets of all kernels: questions of one turn of the loop go out together, and their answers are read together.

Not here: what is asked and what came; see `prober.py`.
"""

import asyncio
import select
from typing import Protocol

_GATHERED_S = 0.004
"""How long answers to many questions gather: to wake up for one costs more than to read it."""
_GATHERINGS = 10
"""So often at most after one turn: who has not answered by then is not waited for."""
_MANY = 8


class Party(Protocol):
    """One end of a connection to a kernel."""

    def read(self) -> None:
        """Reads what came."""

    def send(self, line: bytes) -> None:
        """Sends a line."""


class Exchange:
    """The connections of the running loop, by their descriptors."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._parties: dict[int, Party] = {}
        self._unsent: list[tuple[Party, bytes]] = []
        self._awaited: set[Party] = set()
        self._gatherings = 0
        self._listen()

    def join(self, descriptor: int, party: Party) -> None:
        """Has `party` read whenever something came."""
        self._parties[descriptor] = party
        self._epoll.register(descriptor, select.EPOLLIN)

    def leave(self, descriptor: int) -> None:
        """Forgets a connection, before it is closed."""
        del self._parties[descriptor]
        if not self._epoll.closed:
            self._epoll.unregister(descriptor)

    def send_soon(self, party: Party, line: bytes) -> None:
        """Has `party` send `line`, after this turn of the loop and with all that is to be sent in it."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append((party, line))

    def close(self) -> None:
        """Reads no more. The connections are closed by who made them."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._epoll.fileno(), self._read)

    def _read(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            # Whoever reads may end others, and a number be given out again: who has it finds nothing to read.
            if party := self._parties.get(descriptor):
                self._awaited.discard(party)
                party.read()

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        for party, line in unsent:
            party.send(line)
        if len(unsent) > _MANY and not self._epoll.closed:
            self._awaited = {party for party, _ in unsent}
            if not self._gatherings:
                self._loop.remove_reader(self._epoll.fileno())
                self._loop.call_later(_GATHERED_S, self._gathered)
            self._gatherings = _GATHERINGS

    def _gathered(self) -> None:
        if self._epoll.closed:
            return
        self._gatherings -= 1
        try:
            self._read()
        finally:
            if len(self._awaited) > _MANY and self._gatherings:
                self._loop.call_later(_GATHERED_S, self._gathered)
            else:
                self._gatherings = 0
                self._listen()
