"""Lines come whole and in order, and one that is too long is passed over, not cut."""

import io
import os
from contextlib import suppress
from pathlib import Path

import pytest

from verger_kernel.agents import lines as module
from verger_kernel.agents.lines import lines, lines_kept


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\ntwo", [b"one\n", b"two"]),
        (b"1234567\ntwo\n", [b"1234567\n", b"two\n"]),
        (b"12345678\ntwo", [b"two"]),
        (b"one\n" + b"x" * 33 + b"\ntwo\n", [b"one\n", b"two\n"]),
        (b"x" * 33, []),
        (b"x" * 32, []),
    ],
)
def test_short_lines_are_whole_and_long_ones_are_left_out(
    data: bytes, expected: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_BYTES_MAX", 8)
    assert list(lines(io.BytesIO(data))) == expected


def test_of_what_an_agent_put_in_the_place_of_a_file_there_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert list(lines_kept(tmp_path / "pipe")) == []
    for name in ("folder", "link", "nothing"):
        with suppress(OSError):
            assert list(lines_kept(tmp_path / name)) == []
    (tmp_path / "file").write_bytes(b"one\ntwo")
    assert list(lines_kept(tmp_path / "file")) == [b"one\n", b"two"]
