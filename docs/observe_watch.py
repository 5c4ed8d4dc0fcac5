"""Every step that the watch over a run can take, observed: from each state that is reached all that can come is tried.

Not here: how it is drawn; see `draw_machines.py`.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, get_args

from msgspec.structs import replace

from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_daemon.rules.supervision import advance
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, Rest, judge
from verger_probes.rules.probe import Ack, Doing, Identity

BOOT = "the boot"
IDENTITY = Identity(pid=2, start_ticks=3, boot_id=BOOT, pid_namespace=4)
SOON_NS, LATER_NS = 10 * w.NS_PER_MS, 2000 * w.NS_PER_MS
LINK = w.Link(seq=1, head="the head", run_state_sha256="the digest")
START = w.opened("RUN_1", 1, Now(utc_ms=0, boot_id=BOOT, boottime_ns=0, monotonic_ns=0))


class Watched(NamedTuple):
    """What was seen: ways from phase to phase by event, claims in each phase, and the events each effect came after."""

    ways: dict[tuple[str, str], set[str]]
    claims: dict[str, set[Claim]]
    causes: dict[str, set[str]]


def watched() -> Watched:
    """All that came of it, until no state was left that is not like one before."""
    seen = Watched(defaultdict(set), defaultdict(set), defaultdict(set))
    known, todo = {_kind(START, 0)}, [(START, 0)]
    while todo:
        watch, at_ns = todo.pop()
        seen.claims[watch.phase].add(_claim(watch, at_ns))
        for event, then_ns in _events(watch, at_ns):
            after, effects = advance(watch, event, _now(then_ns))
            name = type(event).__name__
            seen.ways[watch.phase, name].add(after.phase)
            for effect in effects:
                seen.causes[type(effect).__name__].add(name)
            if _kind(after, then_ns) not in known:
                known.add(_kind(after, then_ns))
                todo.append((after, then_ns))
    assert set(seen.causes) == {kind.__name__ for kind in get_args(f.Effect)}
    return seen


def _now(at_ns: int) -> Now:
    return Now(utc_ms=at_ns // w.NS_PER_MS, boot_id=BOOT, boottime_ns=at_ns, monotonic_ns=at_ns)


def _claim(watch: w.Watch, at_ns: int) -> Claim:
    return judge(watch.seen, boot_id=BOOT, at_ns=at_ns, fresh_ns=watch.pace.fresh_ns).claim


def _kind(watch: w.Watch, at_ns: int) -> tuple[object, ...]:
    """What makes a state another one here: everything but times and counts."""
    one, known = watch.connection, watch.known
    asking = (one.is_open, one.challenge is None, one.ask_ns is None, one.connect_ns is None)
    reading = (known.reading is None, known.agreed is None, known.doubt, known.answer is None)
    return (watch.phase, _claim(watch, at_ns), watch.seen.rest, *asking, *reading)


def _events(watch: w.Watch, at_ns: int) -> Iterator[tuple[e.Event, int]]:
    """All that can come now, each with when; of time itself both a little and more than an answer lasts."""
    soon = at_ns + SOON_NS
    yield e.Tick(), soon
    yield e.Tick(), at_ns + LATER_NS
    if watch.invocation is None:
        yield e.Started(invocation="a", identity=IDENTITY, probe_socket="/s"), soon
        yield e.Adopted(invocation="a", identity=IDENTITY, epoch=1, probe_socket="/s"), soon
    yield e.Reachable(), soon
    yield e.Unreachable(reason="gone"), soon
    yield e.Asked(nonce="a nonce", sent_ns=soon), soon
    yield e.AnswerRefused(reason="probe_mac_invalid"), soon
    yield e.Hinted(seq=2), soon
    yield e.Touched(files="others"), soon
    yield e.StopAsked(reason="asked"), soon
    yield e.Ended(invocation="a", code=0), soon
    yield e.LockLost(), soon
    if watch.invocation and watch.connection.challenge:
        yield e.Answered(ack=_ack(watch.invocation, "a nonce", soon), files="files"), soon
        yield e.Answered(ack=_ack(watch.invocation, "another", soon), files="files"), soon
    if watch.known.reading:
        for found in _readings(watch.known.reading):
            yield found, soon


def _ack(invocation: w.Invocation, nonce: str, at_ns: int) -> Ack:
    return Ack(
        run_id=START.run_id,
        invocation=invocation.invocation,
        epoch=invocation.epoch,
        nonce=nonce,
        identity=invocation.identity,
        run_root="",
        run_state_sha256=LINK.run_state_sha256,
        journal_seq=LINK.seq,
        journal_head=LINK.head,
        active_stage=None,
        doing=(Doing(effect="execute", began_ns=at_ns, deadline_ns=at_ns + SOON_NS),),
    )


def _readings(reading: w.Reading) -> Iterator[e.RunRead]:
    agreed = e.RunRead(
        number=reading.number,
        state_seq=LINK.seq,
        state_head=LINK.head,
        run_state_sha256=LINK.run_state_sha256,
        journal_head=LINK.head,
        heads=tuple(link.head for link in reading.links),
        files="files",
    )
    for rest in get_args(Rest):
        yield replace(agreed, rest=rest)
    yield replace(agreed, flaw="run_state_missing")
