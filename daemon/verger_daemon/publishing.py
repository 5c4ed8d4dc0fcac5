"""What happens to the runs under watch, told to everybody who asked to be told.

Not here: keeping and sending events (`events.py`).
"""

import msgspec

from verger_daemon.beginning import tail
from verger_daemon.events import Hub
from verger_daemon.watching import Watched
from verger_kernel.following.kinds import PER_RECORD, Line
from verger_kernel.following.lines import Step, lines
from verger_kernel.progress import line as progress
from verger_kernel.snapshot import take
from verger_probes.exits import Exit
from verger_probes.rules.liveness import Claim, Rest

_STEPS_MAX = 500
"""Of a run that was found again, so many of the last steps are told; `verger logs` and the journal have all."""


class Publisher:
    """Tells the hub. An event about a run that bears `record` is the line of that journal record."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def claimed(self, run: Watched, claim: Claim, reason: str) -> None:
        """Another claim holds, or the same one for another reason."""
        self._hub.publish("run.claimed", run.run_id, claim=claim.value, reason=reason)

    def settled(self, run: Watched) -> None:
        """The run has its folder."""
        self._hub.publish("run.made", run.run_id, run_root=run.watch.run_root)

    def stepped(self, run: Watched, steps: list[Step]) -> None:
        """The journal was read on: its lines, the last of each record with what it says to people."""
        for step in steps[-_STEPS_MAX:]:
            told = [_fields(line) for line in lines(step)]
            text = progress(step.before, step.event, step.after) if step.before else ""
            if text and not told:
                told = [{"type": "run.progress", "record": step.after.journal_seq * PER_RECORD}]
            if text:
                told[-1]["text"] = text
            for fields in told:
                self._hub.publish(str(fields.pop("type")), run.run_id, **fields)

    def rested(self, run: Watched, exit_code: int | None, rest: Rest) -> None:
        """The kernel is over: what it ended with, what it printed, and where nothing came of it, why."""
        streams = run.streams()
        code = exit_code
        if code is None and run.observer:
            code = take(run.observer.folder).exit_code
        self._hub.publish(
            "run.rested",
            run.run_id,
            exit_code=int(Exit.UNEXPECTED) if code is None else code,
            is_known=exit_code is not None,
            rest=rest,
            result=tail(streams[0]).rstrip("\n") if streams else "",
            text="" if run.observer or not streams else tail(streams[1]).rstrip("\n"),
        )

    def lost(self, run: Watched, why: str) -> None:
        """Somebody else supervises the run, or nobody can."""
        self._hub.publish(
            "run.lost", run.run_id, why=why, text=f"run {run.run_id} is not supervised any more: {why}"
        )


def _fields(line: Line) -> dict[str, object]:
    fields = msgspec.to_builtins(line)
    record = fields.pop("seq")
    # The event has a time and a run of its own.
    return {name: value for name, value in fields.items() if name not in ("run", "time")} | {"record": record}
