"""Lines come out as they were sent, however the bytes were cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_daemon.protocol.framing import LINE_BYTES_MAX, Lines, LineTooLong


def taken(lines: Lines) -> list[bytes]:
    found = []
    while (line := lines.take()) is not None:
        found.append(line)
    return found


@given(st.lists(st.binary(max_size=300)))
def test_the_lines_are_the_same_whatever_the_cuts(chunks: list[bytes]) -> None:
    lines, found = Lines(), []
    for chunk in chunks:
        lines.feed(chunk)
        found += taken(lines)
    *whole, rest = b"".join(chunks).split(b"\n")
    assert found == whole
    assert lines.is_empty is (not rest)


@given(st.lists(st.binary(max_size=30)))
def test_what_was_fed_before_anything_was_taken_is_not_lost(chunks: list[bytes]) -> None:
    lines = Lines()
    for chunk in chunks:
        lines.feed(chunk)
    assert taken(lines) == b"".join(chunks).split(b"\n")[:-1]


def test_many_short_lines_are_cut_off_a_few_at_a_time() -> None:
    lines = Lines()
    lines.feed(b"1\n" * 10_000)
    assert lines.take() == b"1"
    assert len(lines._whole) < 100
    assert len(taken(lines)) == 9_999


@pytest.mark.parametrize("cut", [1, LINE_BYTES_MAX // 2, LINE_BYTES_MAX, LINE_BYTES_MAX + 1])
def test_the_longest_line_is_read_and_one_byte_more_is_not(cut: int) -> None:
    for length in (LINE_BYTES_MAX, LINE_BYTES_MAX + 1):
        line, lines = b"a" * length + b"\n", Lines()
        lines.feed(line[:cut])
        try:
            found = lines.take()
            if found is None:
                lines.feed(line[cut:])
                found = lines.take()
            assert found == line[:-1]
        except LineTooLong:
            assert length > LINE_BYTES_MAX
        else:
            assert length == LINE_BYTES_MAX


def test_a_line_that_never_ends_is_not_kept() -> None:
    lines = Lines()
    with pytest.raises(LineTooLong):
        for _ in range(100):
            lines.feed(b"a" * 100_000)
            lines.take()
    assert len(lines._begun) <= LINE_BYTES_MAX
