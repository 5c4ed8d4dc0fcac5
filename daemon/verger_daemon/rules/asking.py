"""When the kernel is asked and reached, and which answer is one: right in every field, in time, and never twice.

Not here: what a right answer proves; that rests on the run's files too, see `reading.py`.
"""

from msgspec.structs import replace

from verger_daemon.rules import reading
from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_kernel.rules.now import Now
from verger_probes.rules.probe import Ack, Challenge, mismatch

MISSING = "probe_ack_missing"
OTHER_ROOT = "probe_ack_mismatch:run_root"


def elapsed(watch: w.Watch, now: Now) -> w.Watch:
    """The watch once it has taken in how late it is: a challenge past its deadline, or another boot."""
    if watch.invocation is None or not watch.seen.at_work:
        return watch
    if now.boot_id != watch.seen.boot_id:
        # Whoever answered is gone with the machine, and no time of that boot compares with one of this.
        return replace(reading.unproven(watch, ""), connection=w.Connection())
    one, challenge = watch.connection, watch.connection.challenge
    if challenge is None or now.boottime_ns <= challenge.sent_ns + watch.pace.deadline_ns:
        return watch
    missed = one.missed + 1
    # Asked again at once, for the miss may be an accident of that one; then at the usual pace.
    ask_ns = now.boottime_ns if missed == 1 else one.ask_ns
    one = replace(one, challenge=None, missed=missed, ask_ns=ask_ns)
    if missed % watch.pace.misses_max == 0:
        one = replace(one, is_open=False, ask_ns=None, connect_ns=now.boottime_ns)
    return reading.refuse(replace(watch, connection=one), challenge.heard or MISSING)


def due(watch: w.Watch, now: Now) -> tuple[w.Watch, tuple[f.Effect, ...]]:
    """What time asks for: to connect, or to ask. Each is tried again later even if no hand ever reports of it."""
    one, invocation = watch.connection, watch.invocation
    if invocation is None or now.boot_id != watch.seen.boot_id:
        return watch, ()
    at_ns, pace = now.boottime_ns, watch.pace
    if not one.is_open and one.connect_ns is not None and one.connect_ns <= at_ns:
        one = replace(one, connect_ns=at_ns + pace.reconnect_ns(one.failures), failures=one.failures + 1)
        return replace(watch, connection=one), (f.Connect(probe_socket=invocation.probe_socket),)
    if one.is_open and one.challenge is None and one.ask_ns is not None and one.ask_ns <= at_ns:
        one = replace(one, ask_ns=at_ns + pace.ask_every_ns)
        ask = f.Ask(run_id=watch.run_id, invocation=invocation.invocation, epoch=invocation.epoch)
        return replace(watch, connection=one), (ask,)
    return watch, ()


def next_ns(watch: w.Watch) -> int | None:
    """When `elapsed` or `due` has something to do."""
    one = watch.connection
    if not one.is_open:
        return one.connect_ns
    return one.ask_ns if one.challenge is None else one.challenge.sent_ns + watch.pace.deadline_ns + 1


def reachable(watch: w.Watch, now: Now) -> w.Watch:
    """The watch with a connection, over which is asked at once."""
    if not _can_be_asked(watch, now):
        return watch
    one = replace(watch.connection, is_open=True, connect_ns=None, ask_ns=now.boottime_ns, challenge=None)
    return replace(watch, connection=one)


def unreachable(watch: w.Watch, event: e.Unreachable, now: Now) -> w.Watch:
    """The watch without a connection, which is made again after a while; the claim stands until its time is over."""
    if not _can_be_asked(watch, now):
        return watch
    one = watch.connection
    wait = watch.pace.reconnect_ns(one.failures)
    connect_ns = now.boottime_ns + wait if one.is_open or one.connect_ns is None else one.connect_ns
    one = replace(one, is_open=False, ask_ns=None, challenge=None, connect_ns=connect_ns)
    return reading.refuse(replace(watch, connection=one), f"probe_unreachable: {event.reason}")


def asked(watch: w.Watch, event: e.Asked, now: Now) -> w.Watch:
    """The watch with a challenge in flight."""
    if not _can_be_asked(watch, now) or not watch.connection.is_open:
        return watch
    challenge = w.InFlight(nonce=event.nonce, sent_ns=event.sent_ns, sent_utc_ms=now.utc_ms)
    ask_ns = watch.pace.next_ask_ns(event.sent_ns)
    one = replace(watch.connection, challenge=challenge, ask_ns=ask_ns, asked_ns=event.sent_ns)
    return replace(watch, connection=one)


def hinted(watch: w.Watch, event: e.Hinted) -> w.Watch:
    """The watch that asks sooner, because the journal is said to have moved. A hint proves nothing else."""
    one = watch.connection
    acked = watch.known.acked
    if one.ask_ns is None or one.asked_ns is None or (acked and event.seq <= acked.seq):
        return watch
    ask_ns = min(one.ask_ns, one.asked_ns + watch.pace.hint_gap_ms * w.NS_PER_MS)
    return replace(watch, connection=replace(one, ask_ns=ask_ns))


def refused(watch: w.Watch, event: e.AnswerRefused, now: Now) -> w.Watch:
    """The watch after a line that nobody with the key can have meant: over another connection it may be better."""
    if not _can_be_asked(watch, now):
        return watch
    one = watch.connection
    connect_ns = now.boottime_ns + watch.pace.reconnect_ns(one.failures)
    if not one.is_open and one.connect_ns is not None:
        connect_ns = one.connect_ns
    one = replace(
        one, is_open=False, ask_ns=None, challenge=None, connect_ns=connect_ns, missed=one.missed + 1
    )
    return reading.refuse(replace(watch, connection=one), event.reason)


def answered(watch: w.Watch, event: e.Answered, now: Now) -> tuple[w.Watch, w.Answer | None]:
    """The watch after an answer, and the answer if it is right in every field and came in time.

    Whoever has the key and answers the nonce with anything wrong ends the claim: the kernel is not what was believed.
    """
    invocation, challenge = watch.invocation, watch.connection.challenge
    if invocation is None or not _can_be_asked(watch, now):
        return watch, None
    if challenge is None:
        return _late(watch, None), None
    put = Challenge(
        run_id=watch.run_id,
        invocation=invocation.invocation,
        epoch=invocation.epoch,
        nonce=challenge.nonce,
    )
    if event.ack.nonce != challenge.nonce:
        return _late(watch, replace(challenge, heard=mismatch(event.ack, put, invocation.identity))), None
    one = replace(watch.connection, challenge=None)
    why = mismatch(event.ack, put, invocation.identity) or _other_root(watch, event.ack)
    if why:
        return reading.unproven(replace(watch, connection=one), why), None
    watch = replace(watch, connection=replace(one, missed=0, failures=0))
    return watch, w.Answer(ack=event.ack, challenge=challenge, doings=_doings(event.ack))


def _late(watch: w.Watch, challenge: w.InFlight | None) -> w.Watch:
    # It may be late or recorded: nobody can tell, so it is counted and proves nothing.
    one = replace(watch.connection, challenge=challenge, late=watch.connection.late + 1)
    return replace(watch, connection=one)


def _other_root(watch: w.Watch, ack: Ack) -> str:
    return OTHER_ROOT if watch.run_root and ack.run_root and watch.run_root != ack.run_root else ""


def _can_be_asked(watch: w.Watch, now: Now) -> bool:
    return watch.seen.at_work and now.boot_id == watch.seen.boot_id


def _doings(ack: Ack) -> w.Doings:
    effects = tuple(sorted(one.effect for one in ack.doing))
    stage = ack.active_stage
    if stage is None:
        return replace(w.NO_DOINGS, effects=effects)
    return w.Doings(
        stage=stage.stage_name,
        item_id=stage.item_id,
        attempt_number=stage.attempt_number,
        round=stage.round,
        effects=effects,
    )
