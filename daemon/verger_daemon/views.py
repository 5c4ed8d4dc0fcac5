"""Runs as clients see them: what is proved right now, and beside it what is saved; in fields and in words.

Not here: what may be said (`verger_probes.rules.liveness`) and what the saved plane is (`verger_kernel.snapshot`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from verger_daemon.plans import Plan
from verger_daemon.protocol import messages as m
from verger_daemon.roster import OnRecord
from verger_daemon.rules import telling
from verger_daemon.rules.watch import Watch
from verger_daemon.watching import Watched
from verger_kernel.rules.now import Now, iso
from verger_kernel.snapshot import Snapshot, table_of, take
from verger_kernel.snapshot_text import text as saved_text
from verger_kernel.terminal import printable
from verger_probes.identity import boottime_ns
from verger_probes.rules.liveness import CLAIM_EXITS, Claim, Said
from verger_probes.rules.probe import Identity

_NS_PER_MS = 1_000_000
_AGE, _LEFT = 909_090_909_090_901, 909_090_909_090_902
"""What stands for the two times in an encoded view until it is sent."""

_AGE_TEXT, _LEFT_TEXT = b"%d" % _AGE, b"%d" % _LEFT
_NOBODY = Identity(pid=0, start_ticks=0, boot_id="", pid_namespace=0)
_HELD_NS = 1_000_000_000
"""For how long it is believed that a process which nobody watches still holds a run."""


class _Saved(NamedTuple):
    """What a run has saved, as it is sent and as it is shown."""

    view: Snapshot
    fields: dict[str, Any]
    text: str


class StatusView:
    """One run's status, encoded once, and again only when something else than time has changed."""

    def __init__(self, run: Watched) -> None:
        self._run = run
        self._watch: Watch | None = None
        self._drawn_of: tuple[object, ...] = ()
        self._made_of: tuple[object, ...] = ()
        self._form = b""
        """The encoded view, with places for the two times."""
        self._saved_of: tuple[object, ...] = ()
        self._saved: _Saved | None = None

    def encoded(self, at: Now, plan: Plan | None) -> bytes:
        """The result of `run.status` at the instant `at`, as JSON; the run's files are as they were last seen."""
        run, at_ns = self._run, at.boottime_ns
        watch = run.watch
        said, saved = telling.said(watch, at), self._looked_up(at_ns)
        drawn_of = (said, saved, plan, run.newest("heartbeats"))
        # A watch that only learnt what nobody is shown is another one all the same: told by itself, not compared.
        if watch is not self._watch or drawn_of != self._drawn_of:
            self._watch, self._drawn_of = watch, drawn_of
            self._draw(said, saved, plan)
        asked_ns = watch.seen.asked_ns
        age_ns = None if asked_ns is None else at_ns - asked_ns
        left_ns = None if said.expires_ns is None else said.expires_ns - at_ns
        return self._form % {b"age": _ms(age_ns), b"left": _ms(left_ns)}

    def _draw(self, said: Said, saved: _Saved | None, plan: Plan | None) -> None:
        is_enclosed = saved is not None and saved.view.sandbox == "required"
        seen = supervision(self._run, is_enclosed=is_enclosed)
        made_of = (said.claim, said.reason, seen, saved, plan)
        if made_of != self._made_of:
            seen = seen if seen.at_work else _planned(seen, plan)
            result = _status(self._run.run_id, said, seen, saved, age_ms=_AGE, left_ms=_LEFT)
            form = msgspec.json.encode(result).replace(b"%", b"%%")
            self._form = form.replace(_AGE_TEXT, b"%(age)b").replace(_LEFT_TEXT, b"%(left)b")
            self._made_of = made_of

    def _looked_up(self, at_ns: int) -> _Saved | None:
        observer = self._run.observer
        if observer is None:
            return None
        # Whoever drives a run that nobody watches may die without touching a file of it.
        lasts = at_ns // _HELD_NS if self._saved and self._saved.view.held else 0
        # The files as they were when they were looked at: what was written since is read, and read again next time.
        saved_of = (self._run.files, self._run.watch.seen.at_work, lasts)
        if saved_of != self._saved_of:
            self._saved = _drawn(take(observer.folder))
            self._saved_of = saved_of
        return self._saved


def _drawn(view: Snapshot) -> _Saved:
    return _Saved(view, msgspec.to_builtins(view), saved_text(view))


def _status(
    run_id: str,
    said: Said,
    seen: m.Supervision,
    saved: _Saved | None,
    *,
    age_ms: int | None,
    left_ms: int | None,
) -> m.RunStatusResult:
    return m.RunStatusResult(
        run_id=run_id,
        claim=said.claim.value,
        exit_code=CLAIM_EXITS[said.claim],
        reason=said.reason,
        ack_age_ms=age_ms,
        ack_expires_ms=left_ms,
        supervision=seen,
        kernel=saved.fields if saved else {},
        text=_text(run_id, said, seen, saved, age_ms),
    )


_NOTHING_SEEN = m.Supervision(
    at_work=False,
    invocation="",
    pid=0,
    start_ticks=0,
    boot_id="",
    pid_namespace=0,
    probe="unprotected",
    probe_socket="",
    missed=0,
    refused="",
    journal_seq=0,
    stage=None,
    doing=(),
    heartbeat="",
    intervention="",
    next="",
    next_utc="",
)


def unwatched(run_id: str, view: Snapshot) -> m.RunStatusResult:
    """Both planes of a run that this daemon has nothing to do with."""
    said = Said(Claim.SNAPSHOT_ONLY, "no kernel of this run is supervised")
    return _status(run_id, said, _NOTHING_SEEN, _drawn(view), age_ms=None, left_ms=None)


def _planned(seen: m.Supervision, plan: Plan | None) -> m.Supervision:
    """`seen` with what is going to be done about a run at rest."""
    if plan is None:
        return seen
    at = iso(plan.at_utc_ms) if plan.at_utc_ms is not None else ""
    return msgspec.structs.replace(seen, next=plan.why, next_utc=at)


def supervision(run: Watched, *, is_enclosed: bool) -> m.Supervision:
    """The plane of what is proved, of a run whose agents and commands are in a sandbox, or are not."""
    watch = run.watch
    answer = watch.known.answer
    ack = answer.ack if answer else None
    at_ns = boottime_ns()
    stage = ack.active_stage if ack else None
    known = watch.invocation.identity if watch.invocation else _NOBODY
    return m.Supervision(
        at_work=watch.seen.at_work,
        invocation=watch.invocation.invocation if watch.invocation else "",
        pid=known.pid,
        start_ticks=known.start_ticks,
        boot_id=known.boot_id,
        pid_namespace=known.pid_namespace,
        probe="protected" if is_enclosed else "unprotected",
        probe_socket=watch.invocation.probe_socket if watch.invocation else "",
        missed=watch.connection.missed,
        refused=watch.seen.refused,
        journal_seq=ack.journal_seq if ack else 0,
        stage=m.Stage(**msgspec.structs.asdict(stage)) if stage else None,
        doing=tuple(
            m.Effect(
                effect=one.effect,
                age_ms=(at_ns - one.began_ns) // _NS_PER_MS,
                left_ms=(one.deadline_ns - at_ns) // _NS_PER_MS,
            )
            for one in (ack.doing if ack else ())
        ),
        heartbeat=run.newest("heartbeats"),
        intervention=run.newest("interventions"),
        next="",
        next_utc="",
    )


_PROBES = {
    "protected": "protected: agents of this run see neither its key nor its socket",
    "unprotected": "unprotected: agents run as the same user and could forge an answer",
}


def _text(run_id: str, said: Said, seen: m.Supervision, saved: _Saved | None, age_ms: int | None) -> str:
    age = f", {age_ms} ms ago" if age_ms is not None and said.claim is Claim.LIVE_ATTACHED else ""
    kernel = f"pid {seen.pid}, invocation {seen.invocation}" if seen.at_work else "none at work"
    stage = seen.stage
    rows = {
        "run": run_id,
        "claim": f"{said.claim} (exit code {CLAIM_EXITS[said.claim]})",
        "because": f"{said.reason}{age}",
        "kernel": kernel,
        "at": f"{stage.item_id}, attempt {stage.attempt_number}, round {stage.round}: {stage.stage_name}"
        if stage
        else "",
        "doing": "; ".join(f"{one.effect} for {one.age_ms / 1000:.1f} s" for one in seen.doing),
        "probe": _PROBES[seen.probe] if seen.at_work else "",
        "heartbeat": seen.heartbeat,
        "intervention": seen.intervention,
        "next": f"{seen.next}; at {seen.next_utc}" if seen.next_utc else seen.next,
    }
    proved = "\n".join(f"{name:<12} {printable(value)}" for name, value in rows.items() if value)
    told = saved.text if saved else "nothing yet: the kernel has not made the run"
    return f"proved now, by the daemon\n{proved}\n\nsaved, by the kernel\n{told}"


def listed(rows: Sequence[tuple[OnRecord, Said, Snapshot | None]]) -> m.RunListResult:
    """Every run that the daemon knows, one a line."""
    runs = tuple(
        m.RunRow(
            run_id=kept.run_id,
            directory=kept.directory,
            claim=said.claim.value,
            reason=said.reason,
            state=view.current_state if view else "",
            item_id=view.current_item_id if view else "",
        )
        for kept, said, view in rows
    )
    if not runs:
        return m.RunListResult(runs=(), text="no runs")
    head = ("RUN", "CLAIM", "STATE", "ITEM", "DIRECTORY")
    lines = [(one.run_id, one.claim, one.state or "-", one.item_id or "-", one.directory) for one in runs]
    return m.RunListResult(runs=runs, text=table_of([head, *lines]))


def _ms(ns: int | None) -> bytes:
    return b"null" if ns is None else b"%d" % max(0, ns // _NS_PER_MS)
