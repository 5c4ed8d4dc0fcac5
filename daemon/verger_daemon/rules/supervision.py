"""The watch's heart: `advance(watch, event, now)` gives the next watch and the effects to perform.

Not here: asking (`asking.py`), comparing with the run's files (`reading.py`), what is told (`telling.py`). Nothing here
ends or starts a kernel by itself: a claim that is not proved again lapses, and that is all.
"""

from typing import assert_never

from msgspec.structs import replace

from verger_daemon.rules import asking, reading, telling
from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Seen

Step = tuple[w.Watch, tuple[f.Effect, ...]]


def advance(watch: w.Watch, event: e.Event, now: Now) -> Step:
    """What follows from `event`: the watch after it, and what to do, in this order. The last effect is the one Wake.

    `now` is when the event is handled, not when it came about; it must not be read before the event is taken up.
    Raises IllegalEvent for a second kernel beside one that is not over. What came late changes nothing.
    """
    watch = asking.elapsed(watch, now)
    watch, effects = _step(watch, event, now)
    watch, asked = asking.due(watch, now)
    said = telling.said(watch, now)
    watch, told = telling.tell(watch, said, now)
    return watch, (*effects, *asked, *told, telling.wake(watch, said, now))


def _step(watch: w.Watch, event: e.Event, now: Now) -> Step:
    if watch.phase is w.Phase.LOST:
        # Another supervisor may be at this run: nothing of it is ours to ask, to write or to forget.
        return watch, ()
    match event:
        case e.Tick():
            return watch, ()
        case e.Asked():
            return asking.asked(watch, event, now), ()
        case e.Answered():
            return _answered(watch, event, now)
        case e.Started():
            return _begun(watch, event, now, epoch=watch.epoch)
        case e.Adopted(epoch=epoch):
            return _begun(watch, event, now, epoch=epoch)
        case e.Reachable():
            return asking.reachable(watch, now), ()
        case e.Unreachable():
            return asking.unreachable(watch, event, now), ()
        case e.AnswerRefused():
            return asking.refused(watch, event, now), ()
        case e.Hinted():
            return asking.hinted(watch, event), ()
        case e.Touched():
            return reading.touched(watch, event)
        case e.RunRead():
            return _run_read(watch, event, now)
        case e.StopAsked():
            return _stop_asked(watch, event, now)
        case e.Acted():
            watch, record = telling.intervention(
                watch, event.kind, event.reason, now, fingerprint=event.fingerprint, evidence=event.evidence
            )
            return watch, (record,)
        case e.Ended():
            return _ended(watch, event)
        case e.LockLost():
            return _lock_lost(watch), ()
        case _:
            assert_never(event)


def _begun(watch: w.Watch, event: e.Started | e.Adopted, now: Now, *, epoch: int) -> Step:
    one = w.Invocation(
        invocation=event.invocation,
        identity=event.identity,
        epoch=epoch,
        probe_socket=event.probe_socket,
        is_adopted=isinstance(event, e.Adopted),
    )
    if watch.invocation is not None:
        raise e.IllegalEvent(f"{one.invocation} began while {watch.invocation.invocation} is not over")
    began = replace(
        watch,
        phase=w.Phase.STARTING,
        invocation=one,
        seen=Seen(boot_id=now.boot_id, at_work=True),
        connection=w.Connection(connect_ns=now.boottime_ns),
        # What an earlier reading is waited for, or proved, is nothing to this invocation; its number must not return.
        known=w.Known(readings=watch.known.readings),
        exit_code=None,
        told=replace(watch.told, acked=None),
    )
    if isinstance(event, e.Adopted) and not event.is_there:
        return began, ()
    how = "adopted: it is the process on record" if one.is_adopted else "started here"
    began, record = telling.intervention(began, "attach_kernel", how, now)
    return began, (f.WriteRegistration(record=telling.registration(began, one, now)), record)


def _answered(watch: w.Watch, event: e.Answered, now: Now) -> Step:
    watch, answer = asking.answered(watch, event, now)
    if answer is None:
        return watch, ()
    watch, effects = reading.weighed(watch, answer, event.files)
    if watch.known.answer is not answer:
        return watch, effects
    watch = replace(watch, phase=w.Phase.AT_WORK)
    watch, written = telling.acked(watch, answer, now)
    return watch, (*effects, *written)


def _run_read(watch: w.Watch, event: e.RunRead, now: Now) -> Step:
    pending = watch.known.reading
    if pending is None or pending.number != event.number:
        return watch, ()
    watch, effects = reading.read(watch, pending, event, now)
    if watch.phase is not w.Phase.ENDED or watch.known.reading is not None:
        return watch, effects
    over = watch.invocation
    assert over is not None
    code = event.ended_code if watch.exit_code is None else watch.exit_code
    watch = replace(watch, phase=w.Phase.RESTING, invocation=None, exit_code=code)
    told = f.AnnounceEnd(invocation=over.invocation, exit_code=code, rest=watch.seen.rest)
    return watch, (*effects, told)


def _stop_asked(watch: w.Watch, event: e.StopAsked, now: Now) -> Step:
    if not watch.seen.at_work:
        return watch, ()
    watch, record = telling.intervention(watch, "stop_kernel", event.reason, now)
    return watch, (record, f.Stop())


def _ended(watch: w.Watch, event: e.Ended) -> Step:
    if not watch.seen.at_work or watch.invocation is None or event.invocation != watch.invocation.invocation:
        return watch, ()
    ended = replace(
        watch,
        phase=w.Phase.ENDED,
        seen=Seen(boot_id=watch.seen.boot_id),
        connection=w.Connection(),
        known=reading.without_answer(watch.known),
        exit_code=event.code,
    )
    ended, effects = reading.begin(ended)
    return ended, (f.DropKey(invocation=watch.invocation.invocation), *effects)


def _lock_lost(watch: w.Watch) -> w.Watch:
    return replace(
        watch,
        phase=w.Phase.LOST,
        seen=replace(watch.seen, held=False, asked_ns=None),
        connection=w.Connection(),
        known=reading.without_answer(watch.known),
    )
