"""Where state and sockets lie."""

import os
from pathlib import Path

from verger_probes.places import daemon_home, daemon_socket, socket_home, state_home

HOME = Path("/home/ada")


def test_state_lies_under_the_named_state_home():
    assert state_home({"XDG_STATE_HOME": "/state"}, HOME) == Path("/state/verger")


def test_state_lies_in_the_home_when_nothing_is_named():
    assert state_home({}, HOME) == Path("/home/ada/.local/state/verger")


def test_a_relative_or_empty_state_home_is_ignored():
    for value in ("", "state", "./state", "~/state"):
        assert state_home({"XDG_STATE_HOME": value}, HOME) == Path("/home/ada/.local/state/verger")


def test_the_daemon_keeps_its_own_beside_the_repositories():
    assert daemon_home({"XDG_STATE_HOME": "/state"}, HOME) == Path("/state/verger/daemon")


def test_sockets_lie_in_the_folder_of_the_session(tmp_path: Path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert daemon_socket(environ, HOME, os.getuid()) == tmp_path / "verger" / "vergerd.sock"


def test_without_a_session_they_lie_in_the_folder_of_the_user(tmp_path: Path):
    (tmp_path / str(os.getuid())).mkdir()
    folder = socket_home({}, HOME, os.getuid(), users=tmp_path)
    assert folder == tmp_path / str(os.getuid()) / "verger"


def test_a_folder_that_is_not_there_or_not_ours_holds_no_socket_of_ours(tmp_path: Path):
    daemons = daemon_home({}, HOME)
    assert socket_home({}, HOME, os.getuid(), users=tmp_path) == daemons
    assert socket_home({"XDG_RUNTIME_DIR": str(tmp_path / "gone")}, HOME, os.getuid()) == daemons
    assert socket_home({"XDG_RUNTIME_DIR": str(tmp_path)}, HOME, os.getuid() + 1) == daemons
