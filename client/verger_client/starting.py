"""Starting a daemon where none listens: detached, and waited for until it listens or says why it does not.

Not here: the daemon itself, which is another program.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from verger_client.wire import Connection, NoDaemon, Refused, Silent, daemon, socket_path

_DEADLINE_S = 15.0
_READY = b"ready\n"


def connected(*, autostart: bool) -> Connection:
    """A connection to the daemon, which is started when it has to be; says so in a line. Raises NoDaemon."""
    try:
        return daemon()
    except Silent:
        # It holds the lock: another could not begin.
        raise
    except NoDaemon:
        if not autostart:
            raise
    words = started().removeprefix("error: ")
    if words:
        what, _, hint = words.partition("; hint: ")
        raise NoDaemon(f"the daemon did not start: {what}", hint or "start it by hand: vergerd")
    sys.stderr.write("started vergerd, which watches the run; it leaves when it is idle\n")
    return daemon()


def become_settings(*, as_json: bool) -> NoReturn:
    """Becomes `vergerd --settings`, which says what a daemon that is started here would go by."""
    flags = ["--settings", "--json"] if as_json else ["--settings"]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "verger_daemon", *flags])


def started() -> str:
    """Starts a daemon and waits until one listens; empty then, else why not."""
    with _pipe() as (ours, theirs):
        argv = [sys.executable, "-P", "-m", "verger_daemon", "--on-demand", "--ready-fd", str(theirs)]
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        os.set_inheritable(theirs, True)
        # In a session of its own: closing the terminal must not end it.
        os.posix_spawn(sys.executable, argv, os.environ, file_actions=null, setsid=True)
        os.set_inheritable(theirs, False)
        os.close(theirs)
        said = _said(ours)
    if said == _READY:
        return ""
    return "" if _listens() else said.decode(errors="replace").strip() or "it ended without a word"


def _listens() -> bool:
    # Who lost the race for the lock says so; the winner may just not listen yet.
    for _ in range(100):
        try:
            Connection(socket_path()).ask("daemon.ping")
        except (NoDaemon, Refused):
            select.select([], [], [], 0.05)
        else:
            return True
    return False


def _said(pipe: int) -> bytes:
    said = b""
    while select.select([pipe], [], [], _DEADLINE_S)[0]:
        found = os.read(pipe, 4096)
        if not found:
            return said
        said += found
        if said == _READY:
            return said
    return said or b"it did not listen in time"


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ours, theirs = os.pipe()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
