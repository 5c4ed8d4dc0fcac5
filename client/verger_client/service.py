"""`verger daemon start|stop|restart|status|logs`: through systemd where the daemon is a unit, else by itself.

Not here: making it a unit (`installing.py`), and what is typed (`daemon.py`).
"""

import json
import os
import select
import signal
import sys
from pathlib import Path

from verger_client import wire
from verger_client.starting import connected, started
from verger_client.systemctl import Scope, become, installed
from verger_probes.locks import is_held
from verger_probes.places import daemon_home

_LEAVES_S = 30
_STOPPED_S = 660.0
"""Longer than a daemon may be told to wait for the end of kernels."""
_INPUT, _ENVIRONMENT = 4, 6
_LINES = "200"


def status(*, as_json: bool) -> int:
    """What the daemon says of itself, below what systemd says of its unit."""
    scope, found = installed(), dict[str, str]()
    if scope:
        try:
            found = scope.states("ActiveState", "SubState", "MainPID")
        except wire.Refused as refused:
            # The daemon itself can be asked from anywhere.
            sys.stderr.write(f"{refused.what}\n")
    if scope is None or not found:
        sys.stdout.write(_told(wire.daemon().ask("daemon.status"), as_json=as_json) + "\n")
        return 0
    state = f"{found.get('ActiveState')} ({found.get('SubState')})"
    if found.get("MainPID", "0") == "0" and not _stranger(0):
        # To ask would start it: systemd listens.
        raise wire.Refused(f"{scope.service} is {state}", "verger daemon start", _ENVIRONMENT)
    said = _told(wire.daemon().ask("daemon.status"), as_json=as_json)
    sys.stdout.write(said + "\n" if as_json else f"{'unit':<13} {scope.service}, {state}\n{said}\n")
    return 0


def start() -> int:
    """Has a daemon at work when it returns."""
    if scope := installed():
        make_room(scope)
        scope.ask("start", *scope.both)
        return _say(f"{scope.service} is started")
    try:
        pid, _ = wire.daemon().peer()
    except wire.Silent:
        raise
    except wire.NoDaemon:
        if why := started().removeprefix("error: "):
            what, _, hint = why.partition("; hint: ")
            raise wire.Refused(f"the daemon did not start: {what}", hint or "vergerd", _ENVIRONMENT) from None
        pid, _ = wire.daemon().peer()
        return _say(f"vergerd {pid} is started; it leaves when it is idle")
    return _say(f"vergerd {pid} is at work already")


def stop(*, kernels: bool) -> int:
    """Ends the daemon. A unit stops its kernels as well; a daemon that a command started does with `kernels`."""
    scope = installed()
    if scope and _runs(scope):
        scope.ask("stop", *scope.both)
        return _say(
            f"{scope.service} is stopped, with its kernels; to go on with a run: verger supervise resume"
        )
    return _end(kernels=kernels)


def restart() -> int:
    """Puts a new daemon in the place of the one that is there; kernels go on."""
    if scope := installed():
        make_room(scope)
        scope.ask("restart", scope.service)
        return _say(f"{scope.service} is restarted; kernels went on")
    try:
        _end(kernels=False)
    except wire.Silent:
        raise
    except wire.NoDaemon:
        # There is nothing to end, and start says what comes of it.
        pass
    return start()


def logs(*, follow: bool) -> int:
    """Becomes the program that shows what the daemon wrote."""
    if scope := installed():
        scope.become_journal(follow=follow)
    path = _home() / "vergerd.log"
    if not path.exists():
        hint = "one that was started by hand writes to its own terminal"
        raise wire.Refused(f"no daemon wrote to {path}", hint, _INPUT)
    become(["tail", "-n", _LINES, *(["-F"] if follow else []), str(path)])


def make_room(scope: Scope, home: Path | None = None) -> None:
    """Ends a daemon that a command started, which holds the lock that the unit's needs; kernels go on."""
    own = int(scope.states("MainPID").get("MainPID", "0") or 0)
    pid = _stranger(own, home)
    if not pid:
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    # Looked at again, now that the number cannot become another's.
    if _stranger(own, home) == pid:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        sys.stderr.write(f"vergerd {pid}, which a command started, leaves; kernels go on\n")
        _wait(handle, pid)
    os.close(handle)


def _stranger(own: int, home: Path | None = None) -> int:
    """The pid of the daemon that holds the lock and is not process `own`; 0 when there is none."""
    lock = (home or _home()) / "daemon.lock"
    if not is_held(lock):
        return 0
    pid = int(json.loads(lock.read_bytes().partition(b"\n")[0])["pid"])
    return 0 if pid == own else pid


def _runs(scope: Scope) -> bool:
    return scope.states("MainPID").get("MainPID", "0") not in ("", "0") or not _stranger(0)


def _end(*, kernels: bool) -> int:
    # Kernels that no daemon watches are found again by the next one, and only it can stop them.
    asking = connected(autostart=True) if kernels else wire.daemon()
    pid, _ = asking.peer()
    leaving = os.pidfd_open(pid)
    told = asking.ask("daemon.shutdown", {"kernels": kernels}, deadline_s=_STOPPED_S)
    sys.stdout.write(wire.text(told, "text") + "\n")
    sys.stdout.flush()
    asking.close()
    # Whoever starts another next must not find this one still holding the lock.
    return _wait(leaving, pid)


def _wait(leaving: int, pid: int) -> int:
    if not select.select([leaving], [], [], _LEAVES_S)[0]:
        sys.stderr.write(f"pid {pid} still runs after {_LEAVES_S} s\n")
        return 1
    return 0


def _told(result: str, *, as_json: bool) -> str:
    return result if as_json else wire.text(result, "text")


def _home() -> Path:
    return daemon_home(os.environ, Path(os.environ.get("HOME", "")))


def _say(line: str) -> int:
    sys.stdout.write(line + "\n")
    return 0
