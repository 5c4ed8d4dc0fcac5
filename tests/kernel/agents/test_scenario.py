"""A scenario is read whole or refused with its place, and its first matching call is played.

Not here: playing it; see test_player.py.
"""

from pathlib import Path

import pytest
from tests.doubles.tasks import task

from verger_kernel.agents.scenario import Call, Scenario, ScenarioRefused, load_scenario, read_scenario

HEAD = 'schema_version = "verger.scenario.v1"\n'


def _refusal(body: str, *, head: str = HEAD) -> str:
    with pytest.raises(ScenarioRefused) as refusal:
        read_scenario((head + body).encode())
    return str(refusal.value)


def test_the_first_call_that_meets_every_condition_is_played() -> None:
    calls = (
        Call(item="02", stage="audit", lane="b"),
        Call(item="02", stage="audit", report={"summary": "first"}),
        Call(report={"summary": "second"}),
    )
    scenario = Scenario(schema_version="verger.scenario.v1", call=calls)
    assert scenario.call_for(task("audit")) is calls[1]
    assert scenario.call_for(task("audit", lane="b")) is calls[0]
    assert scenario.call_for(task("execute")) is calls[2]


@pytest.mark.parametrize(
    "call",
    [
        Call(item="03"),
        Call(stage="fix"),
        Call(lane="a"),
        Call(round=1),
        Call(attempt=2),
        Call(agent="mason"),
        Call(item="02", round=1),
    ],
)
def test_a_condition_that_is_not_met_rules_the_call_out(call: Call) -> None:
    assert not call.is_for(task())
    assert Scenario(schema_version="verger.scenario.v1", call=(call,)).call_for(task()) == Call()


def test_each_condition_can_be_met() -> None:
    assert Call(item="02", stage="audit", lane="a", round=0, attempt=1, agent="painter").is_for(task("audit"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('[[call]]\n\n[[call]]\nsteps = [{ do = "paint" }]', "[[call]] 2, line 4: Invalid value 'paint'"),
        ('[[call]]\nitems = "02"', "[[call]] 1, line 2: Object contains unknown field `items`"),
        ("[[call]]\nround = 1.5", "[[call]] 1, line 2: Expected `int | null`, got `float`"),
        ('[[call]]\nsteps = [{ do = "write", path = "a" }]', "line 2: Write either `text` or `hex`"),
        ('[[call]]\nsteps = [{ do = "garbage", hex = "0g" }]', "non-hexadecimal number"),
        ('[[call]]\nsteps = [{ do = "exit", code = 256 }]', "Expected `int` <= 255"),
        ('[[call]]\nsteps = [{ do = "sleep", seconds = inf }]', "Expected `float` <= 86400"),
        ("call = [{ item = 2 }]", "call 1: Expected `str | null`, got `int`"),
        ("[[call]", "(at line 2, column"),
        ("number = " + "9" * 5000, "4300 digits"),
    ],
)
def test_a_flaw_is_named_with_its_place(body: str, why: str) -> None:
    assert why in _refusal(body)


def test_no_line_is_better_than_a_wrong_one() -> None:
    text = '[[call]]\nsteps = [{ do = "say", text = """\n[[call]]\n""" }]\n[[call]]\nitem = 2\n'
    assert _refusal(text).startswith("call 2: ")


def test_another_version_and_bytes_that_are_no_text_are_refused() -> None:
    assert "Invalid enum value 'verger.scenario.v2'" in _refusal(
        "", head='schema_version = "verger.scenario.v2"'
    )
    with pytest.raises(ScenarioRefused, match="utf-8"):
        read_scenario(b"\xff")


def test_a_refusal_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ScenarioRefused) as refusal:
        load_scenario(tmp_path / "none.toml")
    assert str(refusal.value) == (
        f"scenario {tmp_path / 'none.toml'}: No such file or directory; docs/agents.md describes the format"
    )
    with pytest.raises(ScenarioRefused, match="Is a directory"):
        load_scenario(tmp_path)
