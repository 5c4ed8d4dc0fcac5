"""Staying with a run that the daemon watches: its steps as they happen, until it ends, waits, or the person leaves.

Not here: the run. Whatever becomes of this process, the daemon and the kernel go on.
"""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from verger_client import wire
from verger_client.starting import connected

_HELD, _GATE, _BLOCKED, _PARKED, _INTERRUPTED = 5, 20, 21, 75, 130
_WAITING = (_GATE, _BLOCKED, _PARKED)
_LOOKS_MAX = 5
"""How often a run that waits no more is looked at before nobody is believed to go on with it."""
_RETURNS_S = 30.0
"""How long a daemon that went away is waited for, or started again."""
_LOOK_S = 1.0
"""How often a run that waits is looked at: a person may go on with it where no daemon sees it."""
_BEGUN = ("run.made", "invocation.started")
_LOST = "the lock on the run was lost"
_LIVE, _UNPROVEN = "live_attached", "attachment_unproven"


class Wishes(NamedTuple):
    """How to stay: while the run waits too, for `limit_s` at most; whether steps are for programs."""

    waits: bool
    limit_s: float | None
    follow: bool
    autostart: bool


class _Over(Exception):
    """No reason to stay any more; `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Stay:
    """What was shown so far of one run, so that nothing is shown twice when the daemon had to be found again.

    `begun` is what the daemon said when it was begun or attached to; `asked` says where it is looked for.
    """

    def __init__(self, begun: Mapping[str, Any], asked: Mapping[str, str], wishes: Wishes) -> None:
        self._run: str = begun["run_id"]
        self._asked = {**asked, "run": self._run}
        self._wishes = wishes
        self._is_attached: bool = begun["attached"]
        self._opening: str = begun["text"]
        """What is said once the run is there: a kernel that refuses says enough by itself."""
        self._since: dict[str, int] = {"since": begun["seq"]}
        self._record: int = begun["record"]
        self._claim = ""
        self._waited_since: float | None = None
        self._looks = 0
        self._autostart = wishes.autostart
        self._is_at_rest = False
        """Whether the daemon that is asked now found the run at rest, so that it may never tell how it ended."""

    def until_over(self, daemon: wire.Connection) -> int:
        """Shows the run until it is over; finds the daemon again when it goes away. The exit code of the run."""
        try:
            while True:
                try:
                    self._follow(daemon)
                except wire.NoDaemon as nobody:
                    daemon = self._found_again(nobody)
        except _Over as over:
            return over.code
        except KeyboardInterrupt:
            _tell(
                f"\ndetached: run {self._run} goes on, watched by the daemon; see: verger supervise status "
                f"{self._run}; come back: verger supervise resume {self._run}"
            )
            return _INTERRUPTED

    def until_begun(self, daemon: wire.Connection) -> int:
        """0 once the run is there and goes on; else the exit code of its kernel, whose words are shown."""
        self._subscribe(daemon)
        while not self._is_attached:
            said = self._heard(daemon, None)
            if said["type"] == "run.rested":
                self._show_text(said)
                return int(said["exit_code"])
            self._is_attached = said["type"] in _BEGUN
        self._open()
        sys.stdout.write(self._run + "\n")
        _tell(
            f"detached: see verger supervise status {self._run}; "
            f"come back: verger supervise resume {self._run}"
        )
        return 0

    def _subscribe(self, daemon: wire.Connection) -> None:
        opened = json.loads(daemon.ask("events.subscribe", {"run": self._run, **self._since}))
        self._since["epoch"] = opened["epoch"]

    def _open(self) -> None:
        if self._opening:
            _tell(self._opening)
            self._opening = ""

    def _follow(self, daemon: wire.Connection) -> None:
        self._subscribe(daemon)
        if self._is_attached:
            self._open()
        while True:
            try:
                said = self._heard(daemon, self._patience_s())
            except wire.Silent:
                self._look()
                continue
            self._show(said)

    def _heard(self, daemon: wire.Connection, patience_s: float | None) -> dict[str, Any]:
        """The next event."""
        said: dict[str, Any] = json.loads(daemon.line(patience_s))["params"]
        self._since = {"since": said.get("seq", said.get("to", 0)), "epoch": said["epoch"]}
        return said

    def _patience_s(self) -> float | None:
        """For how long it may be silent before the run itself is looked at."""
        if self._waited_since is None:
            return _LOOK_S if self._is_at_rest else None
        if self._wishes.limit_s is None:
            return _LOOK_S
        left_s = self._waited_since + self._wishes.limit_s - time.monotonic()
        if left_s <= 0:
            _tell(f"waited for {self._wishes.limit_s:g} s; to go on: verger supervise resume {self._run}")
            raise _Over(_PARKED)
        return min(_LOOK_S, left_s)

    def _look(self) -> None:
        """Leaves when the run came to an end that no event tells: where no daemon watched, or after a decision."""
        status = self._status()
        if status["supervision"]["at_work"]:
            self._is_at_rest = False
            return
        saved = status["kernel"]
        waits = saved["exit_code"] in _WAITING
        if waits and self._wishes.waits:
            self._looks = 0
            self._wait()
            return
        self._looks += 1
        is_left = saved["exit_code"] == 0 and saved["passed"] < saved["items_total"]
        goes_on = saved["held"] or (is_left and self._looks < _LOOKS_MAX)
        if self._waited_since is None or not (waits or goes_on):
            _tell(f"run {self._run} rests: {saved['current_state']}")
            raise _Over(int(saved["exit_code"]))

    def _status(self) -> dict[str, Any]:
        daemon = wire.Connection(wire.socket_path())
        try:
            return dict(json.loads(daemon.ask("run.status", self._asked)))
        finally:
            daemon.close()

    def _show(self, said: dict[str, Any]) -> None:
        record = said.get("record", 0)
        if record and record <= self._record:
            return
        self._record = max(self._record, record)
        if record or said["type"] in _BEGUN:
            self._open()
        self._show_text(said)
        match said["type"]:
            case "run.rested":
                self._rested(said)
            case "run.claimed":
                self._claimed(said["claim"], said["reason"])
            case "run.lost" if not self._is_held():
                _tell(f"the kernel goes on; see: verger status {self._run}")
                raise _Over(_HELD)
            case "daemon.leaving":
                # Somebody told it to: it is not for us to start another.
                self._autostart = False
            case "invocation.started":
                self._waited_since = None
            case "invocation.ended":
                # It stops to answer because it ends.
                self._claim = ""
        if record and self._wishes.follow and said["type"] != "run.progress":
            told = {"type": said["type"], "seq": record, "time": said["at"], "run": said["run"]}
            hidden = ("record", "epoch", "text", "at")
            _say(told | {name: value for name, value in said.items() if name not in (*told, *hidden)})

    def _show_text(self, said: dict[str, Any]) -> None:
        if text := said.get("text"):
            _tell(text)

    def _claimed(self, claim: str, reason: str) -> None:
        """Says when what was proved is not, or is again."""
        if self._claim and claim != self._claim and claim in (_LIVE, _UNPROVEN):
            _tell(f"{claim}: {reason}")
        if self._claim or claim == _LIVE:
            self._claim = claim

    def _is_held(self) -> bool:
        return bool(self._status()["reason"] != _LOST)

    def _rested(self, said: dict[str, Any]) -> None:
        """No kernel is at work any more: shows how it ended, and leaves unless it waits and so do we."""
        code = int(said["exit_code"])
        if not said["is_known"]:
            _tell("the kernel ended while no daemon watched it; how, its journal says")
        if code == _GATE and (self._wishes.waits or sys.stderr.isatty()):
            self._show_gate()
        if said["goes_on"]:
            _tell(f"the daemon goes on with it: {said['goes_on']}")
            return
        if code in _WAITING and self._wishes.waits:
            self._wait()
            return
        if code == _PARKED and (at := self._status()["supervision"]["next_utc"]):
            _tell(f"the daemon goes on with it at {at}; to decline: verger supervise stop {self._run}")
        if self._wishes.follow:
            _say(said["end"])
        else:
            self._show_result(said)
        raise _Over(code)

    def _wait(self) -> None:
        if self._waited_since is None:
            self._waited_since = time.monotonic()
            _tell(f"waiting; to go on at once: verger supervise resume {self._run}")

    def _show_gate(self) -> None:
        daemon = wire.Connection(wire.socket_path())
        try:
            _tell(json.loads(daemon.ask("gate.show", self._asked))["text"])
        except wire.Refused:
            # Somebody was quicker, and decided.
            return
        finally:
            daemon.close()

    def _show_result(self, said: dict[str, Any]) -> None:
        """What the kernel printed, all of it; of one that made no run nothing is kept but what was told."""
        daemon = wire.Connection(wire.socket_path())
        chunk, offset = "", 0
        asked = {**self._asked, "stream": "stdout", "invocation": said["invocation"]}
        try:
            while offset == 0 or chunk:
                found = json.loads(daemon.ask("run.logs", {**asked, "offset": offset}))
                chunk, offset = found["chunk"], found["offset"] or 1
                sys.stdout.write(chunk)
        except (wire.Refused, wire.NoDaemon):
            if offset == 0 and said["result"]:
                sys.stdout.write(said["result"] + "\n")
        finally:
            daemon.close()

    def _found_again(self, nobody: wire.NoDaemon) -> wire.Connection:
        """A connection to the daemon, or another one. Raises _Over when there is none in time."""
        _tell(f"{nobody.why}; the kernel goes on without it")
        end = time.monotonic() + (_RETURNS_S if self._autostart else _LOOK_S)
        while True:
            try:
                daemon = connected(autostart=self._autostart)
                self._is_at_rest = not self._status()["supervision"]["at_work"]
            except wire.NoDaemon as still:
                if time.monotonic() > end:
                    _tell(f"{still.why}; come back: verger supervise resume {self._run}")
                    raise _Over(_PARKED) from None
                time.sleep(0.1)
            else:
                return daemon


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()
