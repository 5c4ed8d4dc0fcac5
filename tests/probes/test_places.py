"""Where state lies."""

from pathlib import Path

from verger_probes.places import state_home

HOME = Path("/home/ada")


def test_state_lies_under_the_named_state_home():
    assert state_home({"XDG_STATE_HOME": "/state"}, HOME) == Path("/state/verger")


def test_state_lies_in_the_home_when_nothing_is_named():
    assert state_home({}, HOME) == Path("/home/ada/.local/state/verger")


def test_a_relative_or_empty_state_home_is_ignored():
    for value in ("", "state", "./state", "~/state"):
        assert state_home({"XDG_STATE_HOME": value}, HOME) == Path("/home/ada/.local/state/verger")
