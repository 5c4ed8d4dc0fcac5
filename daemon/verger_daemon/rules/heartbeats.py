"""Heartbeats: when a claim is put on record, what the record says, and which records may go with age.

Not here: their files. A record proves nothing about any moment after it.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from verger_daemon.rules import records
from verger_daemon.rules import watch as w
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, Said

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_ALL_MS = 10 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


class Beat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A heartbeat on disk, as far as it matters to how long it stays there."""

    heartbeat_sequence: int
    observed_utc_ms: int
    claim: Claim


def is_due(watch: w.Watch, mark: w.Mark, now: Now) -> bool:
    """Whether a heartbeat must be written: what it says changed, the journal grew, or it is long ago."""
    if watch.phase is w.Phase.LOST:
        return False
    told = watch.told
    if told.beaten != (mark, _doings(watch)):
        return True
    if not watch.seen.at_work:
        return False
    if told.boot_id != now.boot_id:
        return True
    since_ns = now.boottime_ns - told.beaten_ns
    if _seq(watch) != told.beaten_seq:
        return since_ns >= watch.pace.journal_heartbeat_ms_min * w.NS_PER_MS
    return since_ns >= watch.pace.heartbeat_ms_max * w.NS_PER_MS


def due_ns(watch: w.Watch) -> int:
    """When a heartbeat is due if nothing but time changes."""
    grew = _seq(watch) != watch.told.beaten_seq
    wait_ms = watch.pace.journal_heartbeat_ms_min if grew else watch.pace.heartbeat_ms_max
    return watch.told.beaten_ns + wait_ms * w.NS_PER_MS


def beaten(watch: w.Watch, told: w.Told, mark: w.Mark, now: Now) -> w.Told:
    """What was told once the next heartbeat is, after what was `told` before it."""
    return replace(
        told,
        heartbeat=told.heartbeat + 1,
        beaten=(mark, _doings(watch)),
        beaten_seq=_seq(watch),
        beaten_ns=now.boottime_ns,
        boot_id=now.boot_id,
    )


def record(watch: w.Watch, number: int, said: Said, now: Now) -> records.Heartbeat:
    """The heartbeat that puts `said` on record."""
    answer = watch.known.answer
    return records.Heartbeat(
        run_id=watch.run_id,
        epoch=watch.epoch,
        invocation=watch.invocation.invocation if watch.invocation else "",
        heartbeat_sequence=number,
        observed_utc_ms=now.utc_ms,
        observed_boottime_ns=now.boottime_ns,
        boot_id=now.boot_id,
        claim=said.claim,
        reason=said.reason,
        expires_boottime_ns=said.expires_ns,
        probe_interval_ms=watch.pace.probe_interval_ms,
        ack_deadline_ms=watch.pace.ack_deadline_ms,
        probe_evidence=_evidence(answer, now) if answer else None,
        active_stage=answer.ack.active_stage if answer else None,
        doing=answer.ack.doing if answer else (),
        missed=watch.connection.missed,
        late=watch.connection.late,
        rejection_reason=watch.seen.refused,
        rest=watch.seen.rest,
        exit_code=watch.exit_code,
        latest_intervention=watch.told.intervention,
    )


def thinned(beats: Iterable[Beat], now: Now) -> tuple[int, ...]:
    """The numbers of the heartbeats that may go, in order: all of the last ten minutes stay, of the last day the first
    of each minute, of the time before the first of each hour, and each at which the claim changed, and the newest.

    Thinning again what was left takes nothing more. One from the future, after the clock was set back, stays.
    """
    going: list[int] = []
    claim: Claim | None = None
    filled: set[tuple[int, int]] = set()
    in_order = sorted(beats, key=lambda beat: beat.heartbeat_sequence)
    for beat in in_order:
        age_ms = now.utc_ms - beat.observed_utc_ms
        span_ms = _MINUTE_MS if age_ms < _DAY_MS else _HOUR_MS
        slot = (span_ms, beat.observed_utc_ms // span_ms)
        changed, claim = beat.claim is not claim, beat.claim
        if age_ms >= _ALL_MS and slot in filled and not changed and beat is not in_order[-1]:
            going.append(beat.heartbeat_sequence)
        filled.add(slot)
    return tuple(going)


def _evidence(answer: w.Answer, now: Now) -> records.ProbeEvidence:
    asked_ns = answer.challenge.sent_ns
    return records.ProbeEvidence(
        probe_nonce=answer.challenge.nonce,
        asked_boottime_ns=asked_ns,
        age_ms=(now.boottime_ns - asked_ns) // w.NS_PER_MS,
        run_state_sha256=answer.ack.run_state_sha256,
        journal_seq=answer.ack.journal_seq,
        journal_head=answer.ack.journal_head,
    )


def _doings(watch: w.Watch) -> w.Doings:
    answer = watch.known.answer
    return answer.doings if answer else w.NO_DOINGS


def _seq(watch: w.Watch) -> int:
    return watch.known.acked.seq if watch.known.acked else 0
