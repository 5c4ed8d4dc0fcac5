"""What is kept of two streams."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.process.streams import shares, streams_opened

SIZES = st.integers(0, 1000)


@given(SIZES, SIZES, SIZES)
def test_never_more_than_the_limit_is_kept_and_never_less_than_fits(out: int, err: int, limit: int) -> None:
    kept = shares((out, err), limit)
    assert kept[0] <= out and kept[1] <= err
    assert sum(kept) == min(out + err, limit)


@given(SIZES, SIZES, SIZES)
def test_a_small_stream_is_whole_beside_a_flood(out: int, err: int, limit: int) -> None:
    kept = shares((out, err), limit)
    assert out > limit // 2 or kept[0] == out
    assert err > limit // 2 or kept[1] == err


def test_growth_counts_every_change_and_the_most_that_was_held(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    with streams_opened(out, err) as streams:
        assert streams.growth() == 0
        out.write_bytes(b"x" * 10)
        err.write_bytes(b"x" * 5)
        assert streams.growth() == 15
        out.write_bytes(b"x" * 4)
        assert streams.growth() == 6
        streams.settle(6)
        assert streams.bytes_max == 15
    assert (out.stat().st_size, err.stat().st_size) == (3, 3)


def test_a_file_that_was_cut_is_not_what_the_job_alone_wrote(tmp_path: Path) -> None:
    with streams_opened(tmp_path / "out", tmp_path / "err") as streams:
        os.write(streams.out, b"x" * 10)
        os.write(streams.err, b"x" * 10)
        streams.growth()
        os.truncate(tmp_path / "err", 0)
        streams.settle(100)
        assert streams.reopened() is False
        os.truncate(tmp_path / "out", 5)
        streams.settle(3)
        assert streams.reopened() is True


def test_what_the_kernel_itself_cuts_was_not_cut_by_others(tmp_path: Path) -> None:
    with streams_opened(tmp_path / "out", None) as streams:
        os.write(streams.out, b"x" * 10)
        streams.settle(3)
        assert (tmp_path / "out").read_bytes() == b"xxx"
        assert streams.reopened() is False
