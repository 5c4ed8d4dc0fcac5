"""Which claims are put on record, and which records stay.

Not here: what a claim rests on; see test_supervision.py.
"""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.daemon.rules.test_supervision import FILES, Hands, living

from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_daemon.rules.heartbeats import Beat, thinned
from verger_daemon.rules.records import SCHEMAS
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
NOW = Now(100 * 24 * HOUR_MS, "b", 0, 0)
BEATS = st.lists(
    st.tuples(
        st.integers(-HOUR_MS, 3 * 24 * HOUR_MS), st.sampled_from((Claim.LIVE_ATTACHED, Claim.SNAPSHOT_ONLY))
    ),
    max_size=80,
)


def kept(ages: list[tuple[int, Claim]]) -> list[Beat]:
    return [
        Beat(heartbeat_sequence=number, observed_utc_ms=NOW.utc_ms - age, claim=claim)
        for number, (age, claim) in enumerate(ages, 1)
    ]


def beats_while(hands: Hands, seconds: int, *, moving: bool) -> list[int]:
    """When heartbeats were written, in milliseconds from now, of a kernel that answers each 750 ms."""
    began, seq = hands.at_ms, 5
    hands.beats.clear()
    while hands.at_ms - began < seconds * 1000:
        hands.ask(after_ms=748)
        seq += moving
        now = {"run_state_sha256": f"state{seq}", "journal_head": f"head{seq}"}
        hands.answer(journal_seq=seq, **now)
        hands.read(state_seq=seq, state_head=f"head{seq}", **now)
    return [at_ms - began for at_ms in hands.beats]


def test_while_nothing_changes_there_is_one_a_minute() -> None:
    written = beats_while(living(), 200, moving=False)
    assert [round(at / 1000) for at in written] == [60, 120, 180]


def test_a_growing_journal_alone_is_told_each_few_seconds() -> None:
    written = beats_while(living(), 60, moving=True)
    assert 10 <= len(written) <= 12


def test_a_heartbeat_says_what_the_claim_rests_on() -> None:
    hands = living()
    (beat,) = (one.record for one in hands.effects if isinstance(one, f.WriteHeartbeat))
    assert beat.claim is Claim.LIVE_ATTACHED
    assert beat.probe_evidence is not None
    assert beat.probe_evidence.probe_nonce == f"{1:064x}"
    assert beat.probe_evidence.age_ms == 2
    assert beat.expires_boottime_ns == 11_000 * 1_000_000
    assert beat.latest_intervention == 1


def test_a_new_stage_or_effect_is_told_at_once() -> None:
    hands = living()
    for changed in ({"active_stage": None}, {"active_stage": None, "doing": ()}):
        hands.ask(after_ms=748)
        hands.answer(files=FILES, **changed)
        assert len(hands.asked(f.WriteHeartbeat)) == 1


def test_numbers_go_on_where_an_earlier_supervisor_left_off_and_at_rest_nothing_is_written() -> None:
    hands = living()
    hands.on(e.Ended(invocation="i", code=0))
    hands.read(rest="terminal")
    number = hands.watch.told.heartbeat
    hands.on(e.Tick(), after_ms=10**7)
    assert hands.watch.told.heartbeat == number


def test_every_record_names_its_schema_and_is_written_as_it_is_read() -> None:
    hands = living()
    hands.on(e.StopAsked(reason="x"))
    assert {kind.__struct_fields__[0] for kind in SCHEMAS.values()} == {"schema_version"}
    for name, kind in SCHEMAS.items():
        schema = json.loads(msgspec.json.encode(msgspec.json.schema(kind)))
        assert schema["$defs"][kind.__name__]["properties"]["schema_version"]["enum"] == [name]
    for effect in hands.effects:
        if isinstance(effect, f.WriteIntervention | f.WriteHeartbeat):
            kind = SCHEMAS[effect.record.schema_version]
            assert msgspec.json.decode(msgspec.json.encode(effect.record), type=kind) == effect.record


def test_of_a_long_night_one_a_minute_and_then_one_an_hour_stays() -> None:
    every_10_s = [(age * 1000, Claim.LIVE_ATTACHED) for age in range(2 * 24 * 3600, -1, -10)]
    beats = kept(every_10_s)
    going = set(thinned(beats, NOW))
    ages = [NOW.utc_ms - beat.observed_utc_ms for beat in beats if beat.heartbeat_sequence not in going]
    assert sum(age < 10 * MINUTE_MS for age in ages) == 60
    assert 24 * 60 - 12 <= sum(10 * MINUTE_MS <= age < 24 * HOUR_MS for age in ages) <= 24 * 60
    assert 24 <= sum(age >= 24 * HOUR_MS for age in ages) <= 26


@given(BEATS)
def test_thinning_keeps_every_change_the_newest_and_the_last_ten_minutes(
    ages: list[tuple[int, Claim]],
) -> None:
    beats = kept(ages)
    going = set(thinned(beats, NOW))
    for before, beat in zip([None, *beats], beats, strict=False):
        if before is None or before.claim is not beat.claim or beat is beats[-1]:
            assert beat.heartbeat_sequence not in going
        if NOW.utc_ms - beat.observed_utc_ms < 10 * MINUTE_MS:
            assert beat.heartbeat_sequence not in going
    left = [beat for beat in beats if beat.heartbeat_sequence not in going]
    assert thinned(left, NOW) == ()
