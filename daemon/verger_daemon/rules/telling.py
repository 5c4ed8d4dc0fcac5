"""What a watch tells: heartbeats, announcements and records of its acts, and when it must be woken to tell more.

Not here: how often heartbeats are due and which are kept; see `heartbeats.py`.
"""

from msgspec.structs import replace

from verger_daemon.rules import asking, heartbeats, records
from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules.reading import link_of
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, Said, judge
from verger_probes.rules.probe import Ack


def said(watch: w.Watch, now: Now) -> Said:
    """What may be said of the run at `now`."""
    judged, seen = watch.told.judged, watch.seen
    if judged is not None and judged.holds(seen, now):
        return judged.said
    return judge(seen, boot_id=now.boot_id, at_ns=now.boottime_ns, fresh_ns=watch.pace.fresh_ns)


def tell(watch: w.Watch, claim: Said, now: Now) -> tuple[w.Watch, tuple[f.Effect, ...]]:
    """The watch that has announced its claim if it is a new one, and written a heartbeat if one is due."""
    told = watch.told
    if told.judged is not None and told.judged.said is claim and told.announced is not None:
        mark = told.announced
    else:
        mark = mark_of(watch, claim.claim)
        told = _judged(watch, claim)
    effects: list[f.Effect] = []
    if heartbeats.is_due(watch, mark, now):
        told = heartbeats.beaten(watch, told, mark, now)
        effects.append(f.WriteHeartbeat(record=heartbeats.record(watch, told.heartbeat, claim, now)))
    if mark != told.announced:
        told = replace(told, announced=mark)
        effects.append(f.Announce(claim=claim.claim, reason=claim.reason))
    return (watch if told is watch.told else replace(watch, told=told)), tuple(effects)


def wake(watch: w.Watch, claim: Said, now: Now) -> f.Wake:
    """When time alone will have changed something. Always in the future, so that no hand turns in a circle."""
    if watch.phase is w.Phase.LOST or not watch.seen.at_work or now.boot_id != watch.seen.boot_id:
        return f.Wake(at_ns=None)
    at_ns = heartbeats.due_ns(watch)
    asking_ns = asking.next_ns(watch)
    if asking_ns is not None and asking_ns < at_ns:
        at_ns = asking_ns
    if claim.expires_ns is not None and claim.expires_ns < at_ns:
        at_ns = claim.expires_ns + 1
    return f.Wake(at_ns=max(now.boottime_ns + 1, at_ns))


def acked(watch: w.Watch, answer: w.Answer, now: Now) -> tuple[w.Watch, tuple[f.Effect, ...]]:
    """The watch that has written the probe's files if the answer says anything that the last ones did not."""
    ack, challenge = answer.ack, answer.challenge
    new = (link_of(ack), answer.doings)
    if new == watch.told.acked:
        return watch, ()
    request = records.ProbeRequest(
        run_id=ack.run_id,
        epoch=ack.epoch,
        invocation=ack.invocation,
        probe_nonce=challenge.nonce,
        boot_id=now.boot_id,
        issued_utc_ms=challenge.sent_utc_ms,
        issued_boottime_ns=challenge.sent_ns,
        expires_boottime_ns=challenge.sent_ns + watch.pace.deadline_ns,
    )
    record = records.ProbeAck(
        run_id=ack.run_id,
        epoch=ack.epoch,
        invocation=ack.invocation,
        probe_nonce=ack.nonce,
        identity=ack.identity,
        run_root=ack.run_root,
        run_state_sha256=ack.run_state_sha256,
        journal_seq=ack.journal_seq,
        journal_head=ack.journal_head,
        acked_utc_ms=now.utc_ms,
        acked_boottime_ns=now.boottime_ns,
    )
    watch = replace(watch, told=replace(watch.told, acked=new))
    return watch, (f.WriteAck(active_stage=_stage(ack, now), probe_request=request, probe_ack=record),)


def registration(watch: w.Watch, one: w.Invocation, now: Now) -> records.BridgeRegistration:
    """What a later supervisor must know of the kernel to find it, its key apart."""
    return records.BridgeRegistration(
        run_id=watch.run_id,
        epoch=one.epoch,
        invocation=one.invocation,
        identity=one.identity,
        probe_socket=one.probe_socket,
        registered_utc_ms=now.utc_ms,
    )


def intervention(
    watch: w.Watch,
    kind: records.ActionKind,
    reason: str,
    now: Now,
    *,
    fingerprint: str = "",
    evidence: tuple[str, ...] = (),
) -> tuple[w.Watch, f.WriteIntervention]:
    """The watch with one more act of the daemon on record, upon its kernel if there is one."""
    one = watch.invocation
    number = watch.told.intervention + 1
    record = records.Intervention(
        run_id=watch.run_id,
        epoch=watch.epoch,
        invocation=one.invocation if one else "",
        intervention_sequence=number,
        observed_utc_ms=now.utc_ms,
        action_kind=kind,
        identity=one.identity if one else None,
        reason=reason,
        claim=said(watch, now).claim,
        fingerprint=fingerprint,
        evidence=evidence,
    )
    watch = replace(watch, told=replace(watch.told, intervention=number))
    return watch, f.WriteIntervention(record=record)


def mark_of(watch: w.Watch, claim: Claim) -> w.Mark:
    """What makes this claim another than the one before."""
    seen = watch.seen
    is_stuck = claim is Claim.ATTACHMENT_UNPROVEN and not seen.refused
    # While it is live, a line that was refused since is no news: the next answer or the lapse is.
    refused = "" if claim is Claim.LIVE_ATTACHED else seen.refused
    stuck = seen.stuck if is_stuck else ""
    return w.Mark(claim=claim, refused=refused, stuck=stuck, rest=seen.rest, held=seen.held)


def _judged(watch: w.Watch, claim: Said) -> w.Told:
    """What was told, with `claim` where it holds by itself until its time is over: only a live one does."""
    asked_ns = watch.seen.asked_ns
    if claim.expires_ns is None or asked_ns is None:
        return watch.told
    judged = w.Judged(seen=watch.seen, said=claim, from_ns=asked_ns, until_ns=claim.expires_ns)
    return replace(watch.told, judged=judged)


def _stage(ack: Ack, now: Now) -> records.ActiveStageRecord | None:
    if ack.active_stage is None:
        return None
    return records.ActiveStageRecord(
        run_id=ack.run_id,
        epoch=ack.epoch,
        invocation=ack.invocation,
        stage=ack.active_stage,
        doing=ack.doing,
        boot_id=now.boot_id,
        observed_utc_ms=now.utc_ms,
    )
