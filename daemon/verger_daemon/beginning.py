"""A kernel from the wish for it to its greeting: started, put on record, given its key, waited for until it listens.

Not here: the watch that begins then (`supervisor.py`).
"""

import asyncio
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple

from verger_daemon import activation, notify
from verger_daemon.greeting import Charge, GreetingFailed, greet
from verger_daemon.invocations import Child, draw_key, send, start
from verger_daemon.roster import OnRecord, Roster
from verger_kernel.clock import now
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.now import iso
from verger_probes.exits import Exit
from verger_probes.identity import boottime_ns
from verger_probes.rules.probe import Identity

REMEMBERED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM"}
    | {f"XDG_{name}" for name in ("STATE_HOME", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR")}
)
"""What of a kernel's environment a later daemon may know: a token that a person exported is no business of a file."""

_LEAVES_S = 5.0
"""How long a kernel that was not greeted may take to leave by itself; it has made nothing."""

_TO_ANOTHER = (*notify.VARIABLES, *activation.VARIABLES)

_NAME_DIGITS = 16
"""Of an invocation in the name of its socket, whose whole path has 107 bytes at most."""
_SAID_BYTES = 16 * 1024


def kernel_socket(sockets: Path, invocation: str) -> Path:
    """Where the kernel of `invocation` answers, below `sockets`; the path is as long for every one."""
    return sockets / f"{invocation[:_NAME_DIGITS]}.sock"


class StartRefused(Exception):
    """A kernel that was asked for is not at work: why, the way out, and what it said itself."""

    def __init__(self, why: str, hint: str, said: str = "", code: Exit = Exit.ENVIRONMENT) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        self.hint = hint
        self.said = said


class Order(NamedTuple):
    """What a client wants of a kernel: the folder it works in, its command and words, and its environment."""

    directory: Path
    command: str
    words: tuple[str, ...]
    environment: Mapping[str, str]


class Target(NamedTuple):
    """What a kernel is started for: the run, its folder (empty until it is made), and where its socket belongs.

    `others` are how many runs are at work already.
    """

    run_id: RunId
    run_root: str
    epoch: int
    sockets: Path
    home: Path
    others: int


class Begun(NamedTuple):
    """A kernel that listens."""

    child: Child
    kept: OnRecord
    streams: tuple[Path, Path]


async def begin(order: Order, target: Target, roster: Roster) -> Begun:
    """What `order` asks for: a kernel, on record and listening. Raises StartRefused; nothing is left of it then."""
    invocation = uuid.uuid4().hex
    streams = roster.streams(invocation)
    # A client that runs in a unit of its own sends what systemd says to that unit.
    environment = {
        name: value for name, value in (order.environment or os.environ).items() if name not in _TO_ANOTHER
    }
    # Before the client's words: after a `--` among them nothing is an option any more.
    named = () if target.run_root else ("--run-id", target.run_id)
    words = (order.command, "-C", str(order.directory), *named, *order.words)
    try:
        child = start(
            words,
            directory=Path(target.run_root) if target.run_root else target.home,
            environment=environment,
            stdout=streams[0],
            stderr=streams[1],
        )
    except OSError as error:
        raise StartRefused(f"no kernel could be started: {error}", "mend that, then try again") from error
    found: list[OnRecord] = []
    try:
        charge = partial(_charged, found, roster, invocation, words, order, environment, target)
        await greet(child.greeting, child.pid, charge)
    except GreetingFailed as failed:
        await _ended(child)
        said = tail(streams[1])
        _forget(roster, target, streams)
        raise StartRefused(f"the kernel did not begin: {failed}", "see what it said", said) from failed
    return Begun(child, found[0], streams)


def _charged(
    found: list[OnRecord],
    roster: Roster,
    invocation: str,
    words: tuple[str, ...],
    order: Order,
    environment: Mapping[str, str],
    target: Target,
    identity: Identity,
) -> Charge:
    """What the kernel is charged with, once it is on record: a daemon that is killed now finds it again."""
    kept = OnRecord(
        run_id=target.run_id,
        directory=str(order.directory),
        run_root=target.run_root,
        words=words,
        phase="at_work",
        epoch=target.epoch,
        invocation=invocation,
        identity=identity,
        session=identity.pid,
        key=draw_key().hex(),
        probe_socket=str(kernel_socket(target.sockets, invocation)),
        began_utc_ms=now().utc_ms,
        began_boottime_ns=boottime_ns(),
        environment={name: value for name, value in environment.items() if name in REMEMBERED},
    )
    roster.keep(kept)
    found.append(kept)
    return Charge(
        run_id=kept.run_id,
        invocation=invocation,
        epoch=kept.epoch,
        key=kept.key,
        probe_socket=kept.probe_socket,
        others=target.others,
    )


async def _ended(child: Child) -> None:
    """Waits until a kernel that was not greeted is gone, and makes it go if it does not."""
    child.greeting.close()
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(child.pidfd, gone.set)
    try:
        async with asyncio.timeout(_LEAVES_S):
            await gone.wait()
    except TimeoutError:
        send(child.pidfd, SIGKILL)
        await gone.wait()
    loop.remove_reader(child.pidfd)
    child.ended()
    os.close(child.pidfd)


def _forget(roster: Roster, target: Target, streams: tuple[Path, Path]) -> None:
    if not target.run_root:
        roster.forget(target.run_id)
    for path in streams:
        path.unlink(missing_ok=True)


def tail(path: Path) -> str:
    """The end of what a kernel wrote; empty when there is nothing."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SAID_BYTES))
        return file.read().decode(errors="replace")
    return ""


def new_run_id() -> RunId:
    """An id for a run that begins now."""
    stamp = iso(now().utc_ms)[:19].replace("-", "").replace(":", "")
    return RunId(f"RUN_{stamp}Z_{uuid.uuid4().hex}")
