"""Items with agents of their own, in a real run.

Not here: which place wins; see tests/kernel/settings/test_routes.py.
"""

import json
from pathlib import Path

from tests.doubles.notes import POLICY, item, scenario, writing
from tests.doubles.workplace import Workplace, refused, workplace

from verger_kernel.rules.events import AgentStarted

MORE = """
other = { kind = "scripted", scenario = "scenario.toml" }

[[routes]]
item = "02"
worker = "other"
"""


def place_of(root: Path) -> Workplace:
    """Two items, the second with a worker of its own."""
    calls = [f'stage = "execute"\n{writing(name)}' for name in ("01", "02")]
    return workplace(root, rows=[item("01"), item("02")], script=scenario(*calls), policy=POLICY + MORE)


def workers(place: Workplace) -> list[str]:
    """Who carried out each item."""
    return [event.agent for event in place.events(AgentStarted) if "/execute/" in event.effect]


def test_an_item_is_carried_out_by_the_agent_of_its_route(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    assert place.verger("run", "playbook.md", "--items", "01,02").code == 0
    assert workers(place) == ["worker", "other"]


def test_a_map_wins_over_the_route_and_a_flag_over_the_map(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    (tmp_path / "map.json").write_text(json.dumps({"01": "other", "02": "worker", "99": "other"}))
    words = ("run", "playbook.md", "--items", "01,02", "--agents-map", str(tmp_path / "map.json"))
    ran = place.verger(*words)
    assert ran.code == 0
    assert "warning: routes name items that this playbook does not have: 99" in ran.stderr
    assert workers(place) == ["other", "worker"]
    explained = place.verger("playbook", "explain", "playbook.md", "01", "--agents", "worker=reader-a")
    assert "reader-a" in explained.stdout and "other" not in explained.stdout


def test_an_unknown_agent_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    (tmp_path / "map.json").write_text(json.dumps({"01": "ghost"}))
    words = ("run", "playbook.md", "--item", "01", "--agents-map", str(tmp_path / "map.json"))
    refused(place, words, 3, "agent 'ghost' is in a lane but is not defined")
