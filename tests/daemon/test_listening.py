"""A socket is made without a window, and nothing of anybody else is ever removed."""

import os
import socket
import stat
from pathlib import Path

import pytest

from verger_daemon.app import Places, serve
from verger_daemon.listening import SocketRefused, listen
from verger_daemon.notify import Notices
from verger_daemon.settings import resolve


def test_a_path_that_is_too_long_is_told_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 100) / "vergerd.sock"
    with pytest.raises(SocketRefused, match=f"{len(str(path))} bytes.*107") as refused:
        listen(path)
    assert "XDG_RUNTIME_DIR" in refused.value.hint
    assert not path.parent.exists()


def test_a_place_whose_kernels_could_not_listen_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    socket_ = Path("/run") / ("a" * 80) / "vergerd.sock"
    places = Places(tmp_path / "home", socket_)
    resolved = resolve(tmp_path / "none.toml", {}, {})
    with pytest.raises(SocketRefused, match=r"kernels.* 115 bytes"):
        serve(places, resolved, Notices(), on_demand=True, ready=lambda: pytest.fail("it began"))
    assert list(tmp_path.iterdir()) == []


def test_the_longest_path_can_be_listened_at() -> None:
    folder = Path("/tmp") / f"verger_{os.getpid()}_".ljust(107 - len("/tmp//s.sock"), "a")
    try:
        made = listen(folder / "s.sock")
        assert len(str(made.path)) == 107
        made.remove()
        made.socket.close()
    finally:
        folder.rmdir()


@pytest.mark.parametrize("name", ["vergerd.sock", "vergerd.soc~"])
def test_what_is_no_socket_is_left_and_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SocketRefused, match="no socket"):
        listen(tmp_path / "vergerd.sock")
    assert (tmp_path / name).read_text() == "mine"


def test_a_socket_that_somebody_listens_at_is_left_and_told(tmp_path: Path) -> None:
    first = listen(tmp_path / "vergerd.sock")
    with pytest.raises(SocketRefused, match="somebody listens"):
        listen(tmp_path / "vergerd.sock")
    assert first.is_in_place()
    first.socket.close()
    second = listen(tmp_path / "vergerd.sock")
    assert not first.is_in_place()
    first.remove()
    assert second.is_in_place()
    second.socket.close()


def test_a_socket_with_no_room_for_one_more_is_no_dead_one(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waits:
        busy.bind(str(tmp_path / "vergerd.sock"))
        busy.listen(0)
        waits.connect(str(tmp_path / "vergerd.sock"))
        with pytest.raises(SocketRefused, match="somebody listens"):
            listen(tmp_path / "vergerd.sock")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "verger"
    folder.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(SocketRefused, match="no folder"):
        listen(folder / "vergerd.sock")
    (tmp_path / "vergerd.sock").symlink_to(tmp_path / "other")
    with pytest.raises(SocketRefused, match="no socket"):
        listen(tmp_path / "vergerd.sock")


def test_a_folder_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "verger"
    folder.mkdir(mode=0o755)
    made = listen(folder / "vergerd.sock")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    made.socket.close()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: ours + 1)
    with pytest.raises(SocketRefused, match="not yours"):
        listen(tmp_path / "vergerd.sock")
