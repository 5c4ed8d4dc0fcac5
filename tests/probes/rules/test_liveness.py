"""What may be said of a run, row by row, and until which nanosecond.

Not here: how the watch comes to what it has seen; see tests/daemon/rules.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verger_probes.rules.liveness import CLAIM_EXITS, TABLE, Claim, Said, Seen, judge

FRESH_NS = 1_000_000_000
LIVE = Seen(boot_id="b", at_work=True, asked_ns=5_000_000_000)
AT_NS = 5_100_000_000

ROWS: list[tuple[Seen, Claim, str]] = [
    (replace(LIVE, held=False), Claim.ATTACHMENT_UNPROVEN, "the lock on the run was lost"),
    (Seen(boot_id="b", rest="terminal"), Claim.TERMINAL_OBSERVED, "the run has come to an end"),
    (
        Seen(boot_id="b", rest="waiting"),
        Claim.WAITING_STATE_OBSERVED,
        "the run waits, and nothing is at work",
    ),
    (Seen(boot_id="b"), Claim.SNAPSHOT_ONLY, "no kernel of this run is supervised"),
    (replace(LIVE, boot_id="earlier"), Claim.ATTACHMENT_UNPROVEN, "the machine went down since"),
    (replace(LIVE, asked_ns=None), Claim.ATTACHMENT_UNPROVEN, "no answer yet"),
    (replace(LIVE, asked_ns=1_100_000_000), Claim.ATTACHMENT_UNPROVEN, "the last answer is 4000 ms old"),
    (
        replace(LIVE, stuck_ns=AT_NS - 1, stuck="02/a1/r0/execute/t1"),
        Claim.ATTACHMENT_UNPROVEN,
        "stuck in 02/a1/r0/execute/t1",
    ),
    (LIVE, Claim.LIVE_ATTACHED, "answered a fresh nonce"),
]
TIMES = st.one_of(st.integers(-FRESH_NS, 3 * FRESH_NS), st.integers(0, 2**63))
SEEN = st.builds(
    Seen,
    boot_id=st.sampled_from(("b", "earlier")),
    at_work=st.booleans(),
    asked_ns=st.none() | TIMES,
    refused=st.sampled_from(("", "probe_ack_missing")),
    stuck_ns=st.none() | TIMES,
    stuck=st.sampled_from(("", "02/a1/r0/execute/t1")),
    rest=st.sampled_from(("", "waiting", "terminal")),
    held=st.booleans(),
)


def said(seen: Seen, at_ns: int = AT_NS) -> Said:
    return judge(seen, boot_id="b", at_ns=at_ns, fresh_ns=FRESH_NS)


@pytest.mark.parametrize(("seen", "claim", "reason"), ROWS)
def test_each_row_says_what_it_says(seen: Seen, claim: Claim, reason: str) -> None:
    assert said(seen)[:2] == (claim, reason)


def test_every_row_of_the_table_was_tried() -> None:
    assert [row.claim for row in TABLE] == [claim for _, claim, _ in ROWS]


@pytest.mark.parametrize("number", range(len(ROWS) - 2))
def test_a_row_comes_before_all_that_follow(number: int) -> None:
    """What holds of an earlier row is said, whatever else holds."""
    seen, claim, reason = ROWS[number]
    worse = {"stuck_ns": 1, "stuck": "x"}
    if number < 5:
        worse |= {"asked_ns": 0}
    if number < 4:
        worse |= {"boot_id": "earlier"}
    assert said(replace(seen, **worse))[:2] == (claim, reason)


def test_the_reason_why_the_last_answer_was_refused_is_told() -> None:
    never = replace(LIVE, asked_ns=None, refused="probe_mac_invalid")
    assert said(never).reason == "probe_mac_invalid"
    stale = replace(LIVE, asked_ns=0, refused="probe_ack_missing")
    assert said(stale).reason == "the last answer is 5100 ms old, then: probe_ack_missing"
    assert said(replace(LIVE, refused="probe_ack_missing")).claim is Claim.LIVE_ATTACHED


@given(SEEN, TIMES)
def test_only_what_is_proved_in_every_respect_is_said_to_live(seen: Seen, at_ns: int) -> None:
    lives = said(seen, at_ns).claim is Claim.LIVE_ATTACHED
    assert lives == (
        seen.held
        and seen.at_work
        and seen.boot_id == "b"
        and seen.asked_ns is not None
        and 0 <= at_ns - seen.asked_ns <= FRESH_NS
        and (seen.stuck_ns is None or at_ns <= seen.stuck_ns)
    )


@given(SEEN, TIMES)
def test_a_claim_to_live_ends_to_the_nanosecond(seen: Seen, at_ns: int) -> None:
    claim = said(seen, at_ns)
    if claim.claim is not Claim.LIVE_ATTACHED:
        assert claim.expires_ns is None
        return
    assert claim.expires_ns is not None
    assert claim.expires_ns >= at_ns
    assert said(seen, claim.expires_ns) == claim
    assert said(seen, claim.expires_ns + 1).claim is Claim.ATTACHMENT_UNPROVEN


@given(st.none() | st.integers(AT_NS, AT_NS + 2 * FRESH_NS))
def test_a_living_one_is_believed_until_its_answer_is_too_old_or_its_effect_too_late(
    stuck_ns: int | None,
) -> None:
    assert LIVE.asked_ns is not None
    last_ns = min(LIVE.asked_ns + FRESH_NS, stuck_ns or LIVE.asked_ns + FRESH_NS)
    seen = replace(LIVE, stuck_ns=stuck_ns)
    assert said(seen).expires_ns == last_ns
    assert said(seen, last_ns).claim is Claim.LIVE_ATTACHED
    assert said(seen, last_ns + 1).claim is Claim.ATTACHMENT_UNPROVEN


def test_a_clock_that_went_back_proves_nothing() -> None:
    assert LIVE.asked_ns is not None
    assert said(LIVE, LIVE.asked_ns - 1).claim is Claim.ATTACHMENT_UNPROVEN


def test_each_claim_has_an_exit_of_its_own_and_only_life_is_zero() -> None:
    assert set(CLAIM_EXITS) == set(Claim)
    assert len(set(CLAIM_EXITS.values())) == len(Claim)
    assert CLAIM_EXITS[Claim.LIVE_ATTACHED] == 0
