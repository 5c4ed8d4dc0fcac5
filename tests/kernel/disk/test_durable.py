"""What was noted is synced once, with the folders that lead to it."""

import os
from pathlib import Path

import pytest

from verger_kernel.disk.durable import Unsynced


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was synced, in order."""
    names: list[str] = []
    real = os.fsync

    def noting(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    return names


def test_a_file_and_every_folder_that_leads_to_it_are_synced(tmp_path: Path, synced: list[str]) -> None:
    root = tmp_path / "run"
    file = root / "items" / "01" / "answer.json"
    file.parent.mkdir(parents=True)
    file.touch()
    unsynced = Unsynced(root)
    unsynced.note(file, file)
    unsynced.sync()
    assert sorted(synced) == ["01", "answer.json", "items", "run"]


def test_what_is_durable_already_is_not_synced_again(tmp_path: Path, synced: list[str]) -> None:
    folder = tmp_path / "items" / "01"
    folder.mkdir(parents=True)
    unsynced = Unsynced(tmp_path)
    for name in ("one", "two"):
        (folder / name).touch()
        unsynced.note(folder / name)
        unsynced.sync()
    unsynced.sync()
    # The second name is new in a folder whose own name is durable.
    assert sorted(synced[4:]) == ["01", "two"]


def test_two_files_of_a_folder_cost_one_sync_of_it(tmp_path: Path, synced: list[str]) -> None:
    unsynced = Unsynced(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).touch()
        unsynced.note(tmp_path / name)
    unsynced.sync()
    assert sorted(synced) == sorted(["one", "two", tmp_path.name])


def test_a_file_that_is_gone_is_passed_over_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    unsynced = Unsynced(tmp_path)
    unsynced.note(tmp_path / "gone")
    unsynced.sync()
    unsynced.note(tmp_path / "pipe")
    with pytest.raises(OSError, match="Invalid argument"):
        unsynced.sync()
