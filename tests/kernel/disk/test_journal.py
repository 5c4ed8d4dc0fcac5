"""Appending to a journal: durable on return, or broken for good.

Not here: how far a journal is believed; see tests/kernel/rules/test_chain.py.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.doubles.saved_run import WALK

from verger_kernel.disk.journal import Journal, JournalBroken, cut, read_journal
from verger_kernel.rules.chain import GENESIS, read
from verger_kernel.rules.events import Event, InvocationEnded

EVENTS: list[Event] = [record.event for record in read(WALK.journal).records]
LEFT = InvocationEnded(invocation="x", code=0)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size`, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_was_appended_is_read_back_and_goes_on_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Journal(path, 0, GENESIS)
    for event in EVENTS[:3]:
        first.append(WALK.now, event)
    first.close()
    second = Journal(path, first.seq, first.head)
    for event in EVENTS[3:]:
        second.append(WALK.now, event)
    second.close()
    reading = read_journal(path)
    assert [record.event for record in reading.records] == EVENTS
    assert (reading.flaw, second.head) == ("", reading.records[-1].hash)
    assert path.stat().st_mode & 0o777 == 0o600


def test_w17_a_full_disk_breaks_the_journal_for_good(tmp_path: Path) -> None:
    link = tmp_path / "journal.jsonl"
    link.symlink_to("/dev/full")
    journal = Journal(link, 0, GENESIS)
    with pytest.raises(JournalBroken, match=r"cannot append record 1: .*No space left"):
        journal.append(WALK.now, LEFT)
    with pytest.raises(JournalBroken, match="failed before"):
        journal.append(WALK.now, LEFT)
    assert (journal.seq, journal.head) == (0, GENESIS)
    journal.close()


def test_w17_a_record_that_was_written_in_part_is_never_followed_by_another(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, 0, GENESIS)
    journal.append(WALK.now, EVENTS[0])
    whole = path.read_bytes()
    with files_limited_to(len(whole) + 50), pytest.raises(JournalBroken, match="only in part"):
        journal.append(WALK.now, LEFT)
    # There is room again, but whether what was written is on the disk cannot be known.
    with pytest.raises(JournalBroken, match="failed before"):
        journal.append(WALK.now, LEFT)
    journal.close()
    assert len(path.read_bytes()) == len(whole) + 50
    cut(path, read_journal(path).length)
    assert path.read_bytes() == whole


def test_w17_a_record_that_cannot_be_synced_breaks_the_journal_though_it_was_written(tmp_path: Path) -> None:
    pipe = tmp_path / "journal.jsonl"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    journal = Journal(pipe, 0, GENESIS)
    with pytest.raises(JournalBroken, match="cannot append record 1"):
        journal.append(WALK.now, LEFT)
    assert len(read(os.read(reader, 1 << 16)).records) == 1
    with pytest.raises(JournalBroken, match="failed before"):
        journal.append(WALK.now, LEFT)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    journal.close()
    os.close(reader)


def test_an_absent_journal_is_empty_and_reading_does_not_make_it(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "journal.jsonl").records == []
    assert list(tmp_path.iterdir()) == []
