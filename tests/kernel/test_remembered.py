"""A view is said again only while everything that it was made from is what it was; in doubt it is drawn anew."""

import json
import os
import sys
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verger_kernel import remembered
from verger_kernel.remembered import BYTES_MAX, SLOTS, gates, look, remember, said

ARGV = ["status", "--json"]


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of fewer modules than all the tests import, since each is looked at every time."""
    kept = sys.stdlib_module_names | {"hypothesis", "pytest", "_pytest"}
    few = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in kept}
    monkeypatch.setattr(sys, "modules", few)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a view is asked for; its cache lies beside."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return here


def kept(*sources: tuple[str, str], text: str = "as it was", argv: list[str] = ARGV) -> str | None:
    remember(argv, look(sources), text)
    return said(argv)


def views(place: Path) -> list[Path]:
    return sorted((place.parent / "cache/verger/views").glob("*"))


def test_nothing_is_said_that_was_never_said_before() -> None:
    assert said(ARGV) is said([]) is None
    assert kept() == said(ARGV) == "as it was"
    assert said(["status"]) is said([*ARGV, "RUN"]) is said(["status --json"]) is None


def test_the_same_words_mean_something_else_in_another_folder(place: Path) -> None:
    assert kept() is not None
    os.chdir(place.parent)
    assert said(ARGV) is None


def test_every_change_of_a_file_is_seen(place: Path) -> None:
    file = place / "playbook.md"
    for data in (b"a", b"b", b"", b"\xff\xfe", b"b"):
        file.write_bytes(data)
        assert said(ARGV) is None
        assert kept(("file", str(file))) is not None
    file.unlink()
    assert said(ARGV) is None
    assert kept(("file", str(file))) is not None
    os.mkfifo(file)
    # What is no file is as good as none, and is not waited for.
    assert said(ARGV) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_it_is_said_again_exactly_when_the_bytes_are_the_same(
    place: Path, before: bytes, after: bytes
) -> None:
    file = place / "any"
    file.write_bytes(before)
    assert kept(("file", str(file))) is not None
    file.write_bytes(after)
    assert (said(ARGV) is not None) == (before == after)


def test_other_kinds_of_sources_are_seen_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place / "items" / "01" / "attempt-1"
    folder.mkdir(parents=True)
    file, other = folder / "manual_gate.json", place / "other"
    changes = {
        ("gates", str(place / "items")): lambda: file.write_bytes(b"{}"),
        ("names", str(place)): other.touch,
        ("stamp", str(file)): lambda: os.utime(file, ns=(1, 1)),
        ("identity", str(file)): lambda: (other.write_bytes(b"{}"), other.replace(file)),
        ("kind", str(file)): file.unlink,
        ("variable", "HOME"): lambda: monkeypatch.setenv("HOME", "/elsewhere"),
        ("python", ""): lambda: monkeypatch.setattr(sys, "version", "another"),
    }
    for source, change in changes.items():
        assert kept(source) == "as it was", source
        change()
        assert said(ARGV) is None, source


def test_a_program_that_was_changed_says_nothing_of_what_it_said_before(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = place / "drawing.py"
    module.write_text("TEXT = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(place))
    __import__("drawing")
    assert kept() is not None
    module.write_text("TEXT = 22\n", encoding="utf-8")
    assert said(ARGV) is None
    del sys.modules["drawing"]


def test_what_changed_after_it_was_looked_at_keeps_the_view_from_being_said(place: Path) -> None:
    file = place / "file"
    file.touch()
    seen = look([("file", str(file))])
    file.write_text("more", encoding="utf-8")
    remember(ARGV, seen, "of what is no longer there")
    assert said(ARGV) is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b"{}", b'{"asked": 1}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_view_is_drawn_again(place: Path, damage: bytes) -> None:
    assert kept() is not None
    (view,) = views(place)
    whole = view.read_bytes()
    for data in (damage, whole[:-9], whole.replace(b'"file"', b'"fire"').replace(b'"stamp"', b'"stomp"')):
        view.write_bytes(data)
        assert said(ARGV) is None


def test_no_flipped_bit_of_a_view_is_said(place: Path) -> None:
    assert kept(("file", str(place / "none"))) is not None
    (view,) = views(place)
    data = view.read_bytes()
    for at in range(0, len(data), 17):
        view.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert said(ARGV) is None


def test_the_view_of_another_user_is_not_believed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept() is not None
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert said(ARGV) is None


def test_views_take_no_more_than_their_slots(place: Path) -> None:
    for number in range(4 * SLOTS):
        remember(["status", str(number)], look([]), "short")
    assert len(views(place)) <= SLOTS
    assert kept(text="long" * BYTES_MAX) is None
    assert all(view.stat().st_size < 2000 * len(sys.modules) for view in views(place))
    assert {view.stat().st_mode & 0o777 for view in views(place)} == {0o600}


@pytest.mark.parametrize("cache", ["relative", "/dev/null/nowhere"])
def test_where_there_is_no_place_for_it_a_view_is_just_not_remembered(
    cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", "")
    assert kept() is None


def test_gates_are_found_whatever_lies_beside_them(place: Path) -> None:
    for name in ("02/attempt-2", "02/attempt-1", "01/attempt-1", "01/logs"):
        (place / name).mkdir(parents=True)
        (place / name / "manual_gate.json").touch()
    (place / "file").touch()
    (place / "03/attempt-1").mkdir(parents=True)
    (place / "03/attempt-1/manual_gate.json").symlink_to("nowhere")
    found = [path.removeprefix(f"{place}/").rpartition("/")[0] for path in gates(str(place))]
    assert found == ["01/attempt-1", "02/attempt-1", "02/attempt-2", "03/attempt-1"]
    assert gates(str(place / "file")) == []


def test_a_view_holds_what_its_reader_can_check_by_hand(place: Path) -> None:
    assert kept(("file", str(place / "none"))) is not None
    (view,) = views(place)
    total, _, text = view.read_bytes().partition(b"\n")
    assert int(total, 16) == crc32(text)
    held = json.loads(text)
    assert held["asked"] == [str(place), *ARGV]
    assert ["file", str(place / "none"), None] in held["seen"]
    assert ["python", "", [sys.version, sys.prefix, remembered.__file__]] in held["seen"]
