"""The hub of events: what happened, kept for a while, for everybody who asks to be told.

Not here: sockets; `server.py` takes from a stream what a connection has room for. So nothing is queued for a reader.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from verger_daemon.protocol.messages import SubscribedResult
from verger_daemon.protocol.notices import GAP
from verger_kernel.rules.now import iso

KEPT = 10_000
KEPT_BYTES = 8 << 20


class Lagging(Exception):
    """Events that a stream had not taken are gone. Who comes back with its last seq is told how many."""


class _Kept(NamedTuple):
    run: str
    line: bytes


class Hub:
    """The events of one epoch. The newest `kept` of them, and no more than `kept_bytes`, can be asked for again."""

    def __init__(
        self, epoch: int, utc_ms: Callable[[], int], *, kept: int = KEPT, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self.epoch = epoch
        self.seq = 0
        """The number of the last event."""
        self._utc_ms = utc_ms
        self._most, self._most_bytes = kept, kept_bytes
        self._kept: dict[int, _Kept] = {}
        self._first, self._bytes = 1, 0
        self._waiting: set[Stream] = set()

    def publish(self, type_: str, run: str = "", **fields: Any) -> int:
        """Makes an event of the type, of `run` or of none, and gives its seq. Never waits; costs microseconds."""
        self.seq += 1
        line = self.line(self.seq, type_, run, **fields)
        self._kept[self.seq] = _Kept(run, line)
        self._bytes += len(line)
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.pop(self._first).line)
            self._first += 1
        waiting, self._waiting = self._waiting, set()
        for stream in waiting:
            stream.wake()
        return self.seq

    def subscribe(self, *, run: str = "", since: int | None = None, epoch: int | None = None) -> "Stream":
        """The events after `since`, of one run or of all; only new ones when it is None.

        What is not kept any more is told as a gap; `since` that no event of this epoch has is one of another epoch.
        """
        if since is None:
            return Stream(self, run, self.seq + 1, b"")
        if epoch not in (None, self.epoch) or since > self.seq:
            # How many of the other epoch were missed, nobody knows.
            return Stream(self, run, self._first, self._gap(0))
        if since + 1 < self._first:
            return Stream(self, run, self._first, self._gap(since + 1))
        return Stream(self, run, since + 1, b"")

    def after(self, seq: int, run: str, bytes_max: int) -> tuple[int, bytes]:
        """Lines of `run`, or of all, from `seq` on, about `bytes_max` of them, and where to go on. Raises Lagging."""
        if seq < self._first:
            raise Lagging
        lines, size = [], 0
        while seq <= self.seq and size < bytes_max:
            kept = self._kept[seq]
            if not run or kept.run == run:
                lines.append(kept.line)
                size += len(kept.line)
            seq += 1
        return seq, b"".join(lines)

    def wait(self, stream: "Stream") -> None:
        """Wakes `stream` once, at the next event."""
        self._waiting.add(stream)

    def forget(self, stream: "Stream") -> None:
        """Wakes `stream` no more."""
        self._waiting.discard(stream)

    def line(self, seq: int, type_: str, run: str, **fields: Any) -> bytes:
        """The notification as it is sent."""
        said = {
            "seq": seq,
            "epoch": self.epoch,
            "type": type_,
            "run": run,
            "time": iso(self._utc_ms()),
            **fields,
        }
        return b'{"jsonrpc":"2.0","method":"event","params":%b}\n' % msgspec.json.encode(said)

    def _gap(self, first: int) -> bytes:
        last = self._first - 1
        return self.line(last, GAP, "", **{"from": first, "to": last})


class Stream:
    """What one subscriber is told. A method that subscribes returns it: `opened` is the result, events follow."""

    def __init__(self, hub: Hub, run: str, first: int, gap: bytes) -> None:
        self.opened = SubscribedResult(epoch=hub.epoch, seq=hub.seq, first=first)
        self.wake: Callable[[], None] = lambda: None
        """Called once when there is something to take again, after a take that gave nothing."""
        self._hub, self._run, self._next, self._gap = hub, run, first, gap

    def take(self, bytes_max: int) -> bytes:
        """The next lines, about `bytes_max` of them; empty when there is none yet. Raises Lagging."""
        if self._gap:
            gap, self._gap = self._gap, b""
            return gap
        self._next, lines = self._hub.after(self._next, self._run, bytes_max)
        if not lines:
            self._hub.wait(self)
        return lines

    def close(self) -> None:
        """Ends it; it is never woken again."""
        self._hub.forget(self)
