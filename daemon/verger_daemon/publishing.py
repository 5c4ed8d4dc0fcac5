"""What happens to the runs under watch, told to everybody who asked to be told.

Not here: keeping and sending events (`events.py`).
"""

from typing import Any

import msgspec

from verger_daemon.beginning import tail
from verger_daemon.events import Hub
from verger_daemon.watching import Watched
from verger_kernel.clock import now
from verger_kernel.errors import CommandError
from verger_kernel.following.kinds import PER_RECORD, Line
from verger_kernel.following.lines import Step, lines
from verger_kernel.following.result import refusal, result
from verger_kernel.progress import line as progress
from verger_kernel.rules.now import iso
from verger_kernel.rules.state import RunState
from verger_kernel.snapshot import Snapshot, take
from verger_probes.exits import Exit
from verger_probes.rules.liveness import Claim, Rest

_STEPS_MAX = 500
"""Of a run that was found again, so many of the last steps are told; `verger logs` and the journal have all."""


class Publisher:
    """Tells the hub. An event about a run that bears `record` is the line of that journal record."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._states: dict[str, RunState] = {}
        """Of each run what its journal came to, as far as it was told."""

    def claimed(self, run: Watched, claim: Claim, reason: str) -> None:
        """Another claim holds, or the same one for another reason."""
        self._hub.publish("run.claimed", run.run_id, claim=claim.value, reason=reason)

    def settled(self, run: Watched) -> None:
        """The run has its folder."""
        self._hub.publish("run.made", run.run_id, run_root=run.watch.run_root)

    def stepped(self, run: Watched, steps: list[Step]) -> None:
        """The journal was read on: its lines, the last of each record with what it says to people."""
        self._states[run.run_id] = steps[-1].after
        for step in steps[-_STEPS_MAX:]:
            told = [_fields(line) for line in lines(step)]
            text = progress(step.before, step.event, step.after) if step.before else ""
            if text and not told:
                told = [{"type": "run.progress", "record": step.after.journal_seq * PER_RECORD}]
            if text:
                told[-1]["text"] = text
            for fields in told:
                self._hub.publish(str(fields.pop("type")), run.run_id, **fields)

    def rested(self, run: Watched, exit_code: int | None, rest: Rest, goes_on: str = "") -> None:
        """The kernel is over: what it ended with, what it printed, and where nothing came of it, why.

        `goes_on` says why another one is begun right away, empty where none is.
        """
        streams = run.streams()
        complaint = _complaint(tail(streams[1])) if streams else ""
        if not complaint and not run.observer and streams:
            complaint = tail(streams[1]).rstrip("\n")
        view = take(run.observer.folder) if run.observer else None
        code = exit_code if exit_code is not None else view.exit_code if view else int(Exit.UNEXPECTED)
        self._hub.publish(
            "run.rested",
            run.run_id,
            invocation=run.last_invocation(),
            exit_code=code,
            is_known=exit_code is not None,
            rest=rest,
            goes_on=goes_on,
            result=tail(streams[0]).rstrip("\n") if streams else "",
            text=complaint,
            end=self._end(run.run_id, view, code, complaint.partition("\n")[0]),
        )

    def _end(self, run: str, view: Snapshot | None, code: int, complaint: str) -> dict[str, Any]:
        """The line `result` of docs/following.md."""
        state = self._states.pop(run, None)
        if state and view:
            return dict(msgspec.to_builtins(result(state, view, code, error=complaint)))
        what, _, hint = complaint.removeprefix("error: ").partition("; hint: ")
        refused = CommandError(what, hint, Exit(code) if code in set(Exit) else Exit.UNEXPECTED)
        return dict(msgspec.to_builtins(refusal(refused, None, iso(now().utc_ms)))) | {
            "exit_code": code,
            "run": run if view else "",
        }

    def troubled(self, run: Watched, why: str) -> None:
        """Something could not be done for the run, which is watched all the same."""
        self._hub.publish("run.troubled", run.run_id, why=why, text=f"run {run.run_id}: {why}")

    def lost(self, run: Watched, why: str) -> None:
        """Somebody else supervises the run, or nobody can."""
        self._hub.publish(
            "run.lost", run.run_id, why=why, text=f"run {run.run_id} is not supervised any more: {why}"
        )


def _fields(line: Line) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(line)
    # The event has a seq, a time and a run of its own.
    del fields["run"]
    return fields | {"record": fields.pop("seq"), "at": fields.pop("time")}


def _complaint(said: str) -> str:
    """The error that a kernel ended with, from what it wrote; empty when it ended without one."""
    lines = said.rstrip("\n").splitlines()
    last = max((at for at, line in enumerate(lines) if line.startswith("error: ")), default=len(lines))
    return "\n".join(lines[last:])
