"""Where a report belongs cannot be guessed, and what was planted near it is never taken for it.

Not here: that a lane which tries is of no effect; see tests/journeys/test_hostile_lanes.py.
"""

import stat
from pathlib import Path

import pytest

from verger_kernel.disk.report_places import ReportPlace, find, make, show


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """What anybody can guess."""
    return tmp_path / "reports" / "audit-b.round-0.try-1"


@pytest.fixture
def seal(tmp_path: Path) -> Path:
    """Where the digest of the name is kept."""
    return tmp_path / "seal"


def test_the_place_has_a_name_of_its_own_each_time_and_is_found_again(around: Path, seal: Path) -> None:
    first = make(around, seal)
    assert find(around, seal) == first
    second = make(around, seal)
    assert find(around, seal) == second
    assert first != second and len(first.root.name) == 32
    assert second.root.name not in seal.read_text()


def test_while_the_call_lasts_the_folder_around_it_tells_nothing(around: Path, seal: Path) -> None:
    place = make(around, seal)
    assert stat.S_IMODE(around.stat().st_mode) == 0o300
    assert stat.S_IMODE(place.root.stat().st_mode) == 0o700
    show(around)
    assert [entry.name for entry in around.iterdir()] == [place.root.name]


def test_what_was_planted_is_passed_over(around: Path, seal: Path) -> None:
    place = make(around, seal)
    for name in ("0" * 32, "report", ".hidden"):
        (around / name).mkdir()
        (around / name / "report.json").write_text("{}")
    (around / "report.json").write_text("{}")
    assert find(around, seal) == place


@pytest.mark.parametrize("planted", ["file", "link"])
def test_what_stands_in_the_way_goes(around: Path, seal: Path, tmp_path: Path, planted: str) -> None:
    around.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    if planted == "file":
        around.touch()
    else:
        around.symlink_to(tmp_path / "elsewhere")
    assert find(around, seal) is None
    assert make(around, seal).root.is_dir()
    assert not around.is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_place_of_the_folder_is_not_followed(around: Path, seal: Path, tmp_path: Path) -> None:
    place = make(around, seal)
    place.root.rmdir()
    place.root.symlink_to(tmp_path)
    assert find(around, seal) is None


def test_without_its_seal_nothing_is_found(around: Path, seal: Path) -> None:
    place: ReportPlace = make(around, seal)
    seal.unlink()
    assert find(around, seal) is None
    assert place.root.is_dir()
