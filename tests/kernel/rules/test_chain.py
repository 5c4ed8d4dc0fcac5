"""How far a journal is believed after any harm: always a right beginning, never an exception.

Not here: files; see tests/kernel/disk.
"""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.walk import facts, walk

from verger_kernel.rules.chain import GENESIS, MACHINE_VERSION, Reading, Record, line, read
from verger_kernel.rules.machine import fold

WALK = walk(facts("01", gate=True)).rest()
JOURNAL = WALK.journal
LINES = JOURNAL.splitlines(keepends=True)
RECORDS = read(JOURNAL).records

positions = st.integers(0, len(JOURNAL) - 1)
indexes = st.integers(0, len(LINES) - 1)


def whole_lines(length: int) -> int:
    """How many records lie whole within the first `length` bytes."""
    return JOURNAL[:length].count(b"\n")


def believed(harmed: bytes, first_harmed: int) -> Reading:
    """The reading of `harmed`, proved to hold the records before line `first_harmed` and no other."""
    reading = read(harmed)
    assert reading.records == RECORDS[:first_harmed]
    assert harmed[: reading.length] == b"".join(LINES[:first_harmed])
    return reading


def test_a_journal_that_nobody_touched_is_believed_whole() -> None:
    reading = read(JOURNAL)
    assert (len(reading.records), reading.length, reading.flaw) == (WALK.seq, len(JOURNAL), "")
    assert fold(reading.records) == WALK.state


def test_an_empty_journal_is_a_beginning() -> None:
    assert read(b"") == Reading([], [], "")


@given(st.integers(0, len(JOURNAL)))
def test_a_journal_cut_anywhere_ends_with_its_last_whole_record(length: int) -> None:
    reading = believed(JOURNAL[:length], whole_lines(length))
    assert bool(reading.flaw) == (reading.length < length)


@given(positions, st.integers(1, 255))
def test_a_changed_byte_ends_belief_before_its_record(position: int, change: int) -> None:
    harmed = bytearray(JOURNAL)
    harmed[position] ^= change
    reading = believed(bytes(harmed), whole_lines(position))
    assert f"record {whole_lines(position) + 1} " in reading.flaw


@pytest.mark.parametrize("change", [1, 0x20, 0x80])
def test_each_byte_of_a_record_matters(change: int) -> None:
    start = len(JOURNAL) - len(LINES[-1])
    for position in range(start, len(JOURNAL)):
        harmed = bytearray(JOURNAL)
        harmed[position] ^= change
        believed(bytes(harmed), len(LINES) - 1)


@given(st.binary(min_size=1, max_size=200))
def test_a_tail_of_garbage_is_cut(tail: bytes) -> None:
    assert believed(JOURNAL + tail, len(LINES)).flaw


@pytest.mark.parametrize("size", [1, 76, 77, 4096])
def test_a_tail_of_nuls_is_cut(size: int) -> None:
    assert believed(JOURNAL + b"\0" * size, len(LINES)).flaw
    assert believed(JOURNAL + b"\0" * size + b"\n", len(LINES)).flaw


@given(indexes, st.binary(max_size=100).filter(lambda text: b"\n" not in text))
def test_an_inserted_line_ends_belief(index: int, text: bytes) -> None:
    believed(b"".join([*LINES[:index], text + b"\n", *LINES[index:]]), index)


@given(indexes)
def test_a_line_that_stands_twice_is_believed_once(index: int) -> None:
    reading = believed(b"".join([*LINES[: index + 1], *LINES[index:]]), index + 1)
    assert "does not follow" in reading.flaw


@given(st.integers(0, len(LINES) - 2))
def test_a_deleted_line_ends_belief(index: int) -> None:
    reading = believed(b"".join([*LINES[:index], *LINES[index + 1 :]]), index)
    assert "does not follow" in reading.flaw


@given(indexes, indexes)
def test_lines_that_changed_places_end_belief(left: int, right: int) -> None:
    swapped = list(LINES)
    swapped[left], swapped[right] = swapped[right], swapped[left]
    believed(b"".join(swapped), len(LINES) if left == right else min(left, right))


@given(st.binary(max_size=300))
def test_bytes_that_are_no_journal_are_read_without_an_exception(data: bytes) -> None:
    reading = read(data)
    assert (reading.records, reading.length) == ([], 0)


def test_a_line_forged_with_a_right_hash_must_still_follow() -> None:
    last = RECORDS[-1]
    for seq, prev in ((last.seq + 1, GENESIS), (last.seq + 2, last.hash), (last.seq, last.hash)):
        forged, _ = line(seq, prev, last.now, last.event)
        assert "does not follow" in believed(JOURNAL + forged, len(LINES)).flaw


@pytest.mark.parametrize(
    "body",
    [
        b'{"seq":1',
        b'{"seq":1,"event":{}',
        b"[1",
        b'{"hash":""',
        b'{"event":{"x":' + b"[" * 100_000,
    ],
    ids=["short", "without type", "list", "two hashes", "bottomless"],
)
def test_a_line_with_a_right_hash_that_is_no_record_is_cut(body: bytes) -> None:
    hashed = hashlib.sha256(body + b"}").hexdigest()
    reading = read(body + f',"hash":"{hashed}"}}\n'.encode())
    assert (reading.records, reading.length) == ([], 0)
    assert "is no record" in reading.flaw


def test_a_record_can_be_proved_by_hand() -> None:
    prev = GENESIS
    for number, text in enumerate(LINES, 1):
        told = json.loads(text)
        hashed = told.pop("hash")
        by_hand = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
        assert hashlib.sha256(by_hand).hexdigest() == hashed
        assert (told["seq"], told["prev"], told["machine_version"]) == (number, prev, MACHINE_VERSION)
        prev = hashed


def test_a_record_is_written_the_same_each_time() -> None:
    prev = GENESIS
    for text, record in zip(LINES, RECORDS, strict=True):
        assert isinstance(record, Record)
        written, prev = line(record.seq, prev, record.now, record.event)
        assert written == text
