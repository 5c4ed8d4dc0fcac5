"""Agents for single items: a flag wins over the map, the map over the routes of the policy, these over the lanes.

Not here: the lanes themselves; see test_resolved.py.
"""

from pathlib import Path

import pytest
from tests.doubles.policy_files import BASE, PolicyFiles

from verger_kernel.errors import CommandError
from verger_kernel.rules.policy import Lanes, Policy
from verger_kernel.settings.resolved import parse_agents_flag, resolve
from verger_kernel.settings.routes import read_map
from verger_probes.exits import Exit

ROUTED = f"""
{BASE}
painter = {{ kind = "generic", command = ["./agents/painter"] }}
[[routes]]
item = "02"
worker = "painter"
[[routes]]
item = "03.1"
worker = "reader"
audit_a = "coder"
"""


def policy(
    folder: Path, text: str = ROUTED, map_: str = "", name: str = "map.json", flag: str = ""
) -> Policy:
    """The policy of `text` with the map `map_` and `--agents flag`."""
    files = PolicyFiles(folder)
    where = folder / name
    where.write_text(map_, encoding="utf-8")
    flags = {"lanes": parse_agents_flag(flag)} if flag else {}
    return resolve(
        repository_file=files._file("verger.toml", text),
        overlay_file=None,
        environ={},
        flags=flags,
        agents_map=where if map_ else None,
    ).policy


def refusal(folder: Path, **given: str) -> CommandError:
    """The error that the same ends in."""
    with pytest.raises(CommandError) as caught:
        policy(folder, **given)
    return caught.value


def test_an_item_without_a_route_has_the_agents_of_the_lanes(tmp_path: Path) -> None:
    assert policy(tmp_path).lanes_for("01") == Lanes(worker="coder", audit_a="reader", audit_b="critic")


def test_a_route_replaces_the_roles_it_names(tmp_path: Path) -> None:
    found = policy(tmp_path)
    assert found.lanes_for("02") == Lanes(worker="painter", audit_a="reader", audit_b="critic")
    assert found.lanes_for("03.1") == Lanes(worker="reader", audit_a="coder", audit_b="critic")
    assert found.agents_in_use() == ("coder", "reader", "critic", "painter")


def test_the_map_wins_over_the_routes_role_by_role(tmp_path: Path) -> None:
    found = policy(tmp_path, map_='{"03.1": "painter", "04": {"audit_b": "painter"}}')
    assert found.lanes_for("03.1") == Lanes(worker="painter", audit_a="coder", audit_b="critic")
    assert found.lanes_for("04") == Lanes(worker="coder", audit_a="reader", audit_b="painter")
    assert found.lanes_for("02").worker == "painter"


def test_a_map_may_be_toml(tmp_path: Path) -> None:
    found = policy(tmp_path, map_='01 = "painter"\n', name="map.toml")
    assert found.lanes_for("01").worker == "painter"


def test_a_flag_wins_over_the_map_and_the_routes_for_its_role_alone(tmp_path: Path) -> None:
    found = policy(tmp_path, map_='{"02": {"worker": "reader", "audit_a": "coder"}}', flag="worker=critic")
    assert {found.lanes_for(item).worker for item in ("01", "02", "03.1")} == {"critic"}
    assert found.lanes_for("02").audit_a == "coder"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"map_": '{"02": "ghost"}'}, Exit.REFUSED, "agent 'ghost' is in a lane but is not defined"),
        ({"map_": '{"02": {"audit_a": "critic"}}'}, Exit.REFUSED, "both audit lanes of item 02 are 'critic'"),
        ({"map_": '{"02": {"judge": "coder"}}'}, Exit.INPUT, "routes[0].judge is no setting"),
        ({"map_": '{"02": {"worker": "No"}}'}, Exit.INPUT, "routes[0].worker is 'No'"),
        ({"map_": '{"../x": "coder"}'}, Exit.INPUT, "routes[0].item is '../x'"),
        ({"map_": '{"02": 7}'}, Exit.INPUT, "what it says of item 02 names no agent"),
        ({"map_": "[]"}, Exit.INPUT, "it is no table"),
        ({"map_": "{"}, Exit.INPUT, "Cannot read the map"),
        ({"text": ROUTED.replace("03.1", "02")}, Exit.REFUSED, "item 02 has two routes"),
    ],
)
def test_what_no_map_may_say_is_refused(
    tmp_path: Path, given: dict[str, str], code: Exit, words: str
) -> None:
    error = refusal(tmp_path, **given)
    assert (error.code, words in str(error)) == (code, True), str(error)
    assert error.hint


def test_a_map_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        read_map(tmp_path / "none.json")
