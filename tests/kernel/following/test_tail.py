"""A journal read while somebody else writes it: whole records alone, each once, wherever the write was cut."""

from pathlib import Path

import pytest
from tests.doubles.saved_run import WALK, save_run

from verger_kernel.disk.layout import RunFolder
from verger_kernel.following.tail import Tail
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import fold


def written(root: Path, data: bytes) -> RunFolder:
    folder = save_run(root)
    folder.journal.write_bytes(data)
    return folder


def seqs(tail: Tail) -> list[int]:
    return [step.after.journal_seq for step in tail.steps()]


RECORDS = WALK.journal.splitlines(keepends=True)


def test_each_look_tells_only_what_was_written_since(tmp_path: Path) -> None:
    folder = written(tmp_path, b"")
    tail = Tail(folder)
    assert seqs(tail) == []
    for number, record in enumerate(RECORDS, start=1):
        with folder.journal.open("ab") as file:
            file.write(record)
        assert seqs(tail) == [number]
        assert seqs(tail) == []
    assert tail.state == fold(read(WALK.journal).records)


@pytest.mark.parametrize("at", [1, 40, -1])
def test_a_record_that_is_not_whole_is_left_for_the_next_look(tmp_path: Path, at: int) -> None:
    folder = written(tmp_path, RECORDS[0] + RECORDS[1][:at])
    tail = Tail(folder)
    assert (seqs(tail), tail.flaw) == ([1], "")
    with folder.journal.open("ab") as file:
        file.write(RECORDS[1][at:])
    assert seqs(tail) == [2]


def test_a_torn_end_that_resume_cut_off_is_passed_over(tmp_path: Path) -> None:
    folder = written(tmp_path, RECORDS[0] + b"\0\0\0\n")
    tail = Tail(folder)
    assert seqs(tail) == [1]
    assert "record 2 cannot be followed" in tail.flaw
    folder.journal.write_bytes(RECORDS[0] + RECORDS[1])
    assert (seqs(tail), tail.flaw) == ([2], "")


@pytest.mark.parametrize(
    "second", [RECORDS[2], RECORDS[0], b"[" * 100_000 + b"\n"], ids=["later", "again", "deep"]
)
def test_what_does_not_follow_the_record_before_is_not_told(tmp_path: Path, second: bytes) -> None:
    tail = Tail(written(tmp_path, RECORDS[0] + second))
    assert seqs(tail) == [1]
    assert tail.flaw


def test_a_journal_that_became_shorter_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path, WALK.journal)
    tail = Tail(folder)
    assert len(seqs(tail)) == len(RECORDS)
    folder.journal.write_bytes(RECORDS[0])
    assert seqs(tail) == []
    assert tail.flaw.endswith("is shorter than it was")
