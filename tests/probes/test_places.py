"""Where state and sockets lie."""

import os
from pathlib import Path

from verger_probes.places import runtime_dir, state_home

HOME = Path("/home/ada")


def test_state_lies_under_the_named_state_home():
    assert state_home({"XDG_STATE_HOME": "/state"}, HOME) == Path("/state/verger")


def test_state_lies_in_the_home_when_nothing_is_named():
    assert state_home({}, HOME) == Path("/home/ada/.local/state/verger")


def test_a_relative_or_empty_state_home_is_ignored():
    for value in ("", "state", "./state", "~/state"):
        assert state_home({"XDG_STATE_HOME": value}, HOME) == Path("/home/ada/.local/state/verger")


def test_sockets_lie_in_the_named_runtime_folder(tmp_path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert runtime_dir(environ, HOME, uid=os.getuid()) == tmp_path / "verger"


def test_without_a_name_sockets_lie_where_logind_put_the_folder_of_the_user(tmp_path):
    uid = os.getuid()
    (tmp_path / str(uid)).mkdir()
    for environ in ({}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": "run"}):
        assert runtime_dir(environ, HOME, uid=uid, run_user=tmp_path) == tmp_path / str(uid) / "verger"


def test_a_runtime_folder_of_somebody_else_is_never_used(tmp_path):
    somebody = os.getuid() + 1
    (tmp_path / str(somebody)).mkdir()
    assert runtime_dir({}, HOME, uid=somebody, run_user=tmp_path) == state_home({}, HOME)


def test_a_link_in_place_of_the_runtime_folder_is_never_used(tmp_path):
    uid = os.getuid()
    (tmp_path / "real").mkdir()
    (tmp_path / str(uid)).symlink_to(tmp_path / "real")
    assert runtime_dir({}, HOME, uid=uid, run_user=tmp_path) == state_home({}, HOME)


def test_without_any_runtime_folder_sockets_lie_beside_the_state(tmp_path):
    environ = {"XDG_STATE_HOME": "/state"}
    assert runtime_dir(environ, HOME, uid=1, run_user=tmp_path) == Path("/state/verger")
