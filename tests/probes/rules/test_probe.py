"""The lines of the probe: only the holder of the key can have written them, and each is good in one direction.

Not here: the sockets they travel over.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verger_probes.rules.probe import (
    KEY_BYTES,
    LINE_BYTES_MAX,
    Ack,
    ActiveStage,
    Challenge,
    Doing,
    Identity,
    ProbeRefused,
    answer,
    ask,
    mismatch,
    read_answer,
    read_ask,
)

KEY = bytes(range(KEY_BYTES))
NONCE = "5e" * 32
IDENTITY = Identity(pid=7, start_ticks=99, boot_id="boot", pid_namespace=4026531836)
CHALLENGE = Challenge(run_id="RUN_x", invocation="i" * 32, epoch=3, nonce=NONCE)
ACK = Ack(
    run_id="RUN_x",
    invocation="i" * 32,
    epoch=3,
    nonce=NONCE,
    identity=IDENTITY,
    run_root="/state/RUN_x",
    run_state_sha256="ab" * 32,
    journal_seq=12,
    journal_head="cd" * 32,
    active_stage=ActiveStage(stage_name="execute", item_id="02", attempt_number=1, round=0),
    doing=(Doing(effect="02/a1/r0/execute/t1", began_ns=5, deadline_ns=6),),
)
EMPTY = replace(
    ACK, run_root="", run_state_sha256="", journal_seq=0, journal_head="", active_stage=None, doing=()
)
LIES: list[tuple[str, dict[str, Any]]] = [
    ("nonce", {"nonce": "00" * 32}),
    ("run_id", {"run_id": "RUN_y"}),
    ("invocation", {"invocation": "j" * 32}),
    ("epoch", {"epoch": 4}),
    ("identity", {"identity": replace(IDENTITY, pid=8)}),
    ("identity", {"identity": replace(IDENTITY, start_ticks=1)}),
    ("identity", {"identity": replace(IDENTITY, boot_id="later")}),
    ("identity", {"identity": replace(IDENTITY, pid_namespace=1)}),
]


@pytest.mark.parametrize("ack", [ACK, EMPTY])
def test_what_was_said_is_what_is_read(ack: Ack) -> None:
    assert read_ask(KEY, ask(KEY, CHALLENGE)) == CHALLENGE
    assert read_answer(KEY, answer(KEY, ack)) == ack


@pytest.mark.parametrize("line", [ask(KEY, CHALLENGE), answer(KEY, ACK)])
def test_a_line_is_one_line_and_the_reader_may_have_cut_its_end(line: bytes) -> None:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) < LINE_BYTES_MAX
    read = read_ask if line == ask(KEY, CHALLENGE) else read_answer
    assert read(KEY, line[:-1]) == read(KEY, line)


@pytest.mark.parametrize(("line", "read"), [(ask(KEY, CHALLENGE), read_ask), (answer(KEY, ACK), read_answer)])
def test_every_single_bit_of_the_mac_and_of_what_is_said_counts(line: bytes, read: Any) -> None:
    for place in range(len(line)):
        for bit in range(8):
            flipped = bytearray(line)
            flipped[place] ^= 1 << bit
            with pytest.raises(ProbeRefused):
                read(KEY, bytes(flipped))


def test_a_question_is_no_answer_and_an_answer_no_question() -> None:
    with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
        read_answer(KEY, ask(KEY, CHALLENGE))
    with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
        read_ask(KEY, answer(KEY, ACK))


def test_another_key_opens_nothing() -> None:
    other = bytes(KEY_BYTES)
    with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
        read_answer(other, answer(KEY, ACK))
    with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
        read_ask(other, ask(KEY, CHALLENGE))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(line: bytes) -> None:
    for read in (read_ask, read_answer):
        with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
            read(KEY, line)


@pytest.mark.parametrize("cut", [0, 1, 63, 64, 65, 66, 200])
def test_a_line_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(ProbeRefused, match="probe_mac_invalid"):
        read_answer(KEY, answer(KEY, ACK)[:cut])


class _Later(Challenge, frozen=True, kw_only=True):
    """A challenge of a version that says more."""

    mood: str


def test_who_has_the_key_and_speaks_another_version_is_refused_for_that() -> None:
    later = _Later(**msgspec.structs.asdict(CHALLENGE), mood="fair")
    with pytest.raises(ProbeRefused, match="probe_fields_invalid"):
        read_ask(KEY, ask(KEY, later))


@pytest.mark.parametrize(("field", "lie"), LIES)
def test_the_first_field_that_is_wrong_is_named(field: str, lie: dict[str, Any]) -> None:
    assert mismatch(replace(ACK, **lie), CHALLENGE, IDENTITY) == f"probe_ack_mismatch:{field}"


def test_of_many_wrong_fields_the_first_is_named() -> None:
    wrong: dict[str, Any] = {}
    for field, lie in reversed(LIES):
        wrong |= lie
        assert mismatch(replace(ACK, **wrong), CHALLENGE, IDENTITY) == f"probe_ack_mismatch:{field}"


def test_the_right_answer_lacks_nothing() -> None:
    assert mismatch(ACK, CHALLENGE, IDENTITY) == ""
