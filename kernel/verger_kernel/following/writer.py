"""Lines on their way to standard output while a run goes on: a reader that is slow or leaves never holds the run up.

Not here: what the lines say; see `lines.py`.
"""

import os
from queue import SimpleQueue
from threading import Thread


class Writer:
    """Writes to `descriptor` in a thread of its own, in order. After a reader has left, the rest goes nowhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self.refused = ""
        """Why the rest was not written, when it was not because the reader left."""
        # A daemon: a reader that neither reads nor leaves must not keep an interrupted process here.
        self._thread = Thread(target=self._work, name="verger-follow", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Takes `data` to be written; never waits."""
        self._queue.put(data)

    def close(self) -> None:
        """Waits until all of it was written, or the reader is gone."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except BrokenPipeError:
                return
            except OSError as error:
                self.refused = f"{error}"
                return
