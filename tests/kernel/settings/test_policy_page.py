"""docs/policy.md says what the code does: every setting with its default, and examples that resolve.

Not here: the rules of resolving; see test_resolved.py.
"""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from tests.doubles.policy_files import PolicyFiles

from verger_kernel.rules.policy import AgentDefinition, Intention, Lanes, Policy, Quarantined, Route
from verger_kernel.rules.prices import Price
from verger_kernel.settings.fields import (
    POLICY_SCHEMA,
    AgentSettings,
    IntentionSettings,
    LaneSettings,
    Layer,
    PriceSettings,
    QuarantineSettings,
    RouteSettings,
)
from verger_kernel.settings.resolved import EXAMPLE
from verger_kernel.settings.sources import VARIABLES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "policy.md").read_text()
TABLES = ("agents", "lanes", "intention")


def rows(settings, struct, prefix=""):
    """The rows of the page for one type: name, what it must be, default, what it is for."""
    defaults = {field.name: field for field in msgspec.structs.fields(struct)}
    for name, field in settings.model_fields.items():
        if name in defaults and name not in TABLES:
            yield f"| `{prefix}{name}` | {field.title} | {shown(defaults[name])} | {field.description} |"


def shown(field):
    if field.default is field.default_factory is msgspec.NODEFAULT:
        return "must be set"
    if field.default in (None, "", (), msgspec.NODEFAULT):
        return "none"
    return f"`{str(field.default).lower()}`"


def all_rows():
    return [
        *rows(Layer, Policy),
        *rows(LaneSettings, Lanes, "lanes."),
        *rows(AgentSettings, AgentDefinition, "agents.NAME."),
        *rows(IntentionSettings, Intention, "intention."),
        *rows(QuarantineSettings, Quarantined, "quarantine[]."),
        *rows(PriceSettings, Price, "prices.MODEL."),
        *rows(RouteSettings, Route, "routes[]."),
    ]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_lists_every_setting_in_order():
    found = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert found == all_rows(), "the table should be:\n" + "\n".join(all_rows())


@pytest.mark.parametrize(
    ("settings", "struct", "more"),
    [
        (Layer, Policy, {"schema_version"}),
        (LaneSettings, Lanes, set()),
        (AgentSettings, AgentDefinition, set()),
        (QuarantineSettings, Quarantined, set()),
        (PriceSettings, Price, set()),
        (RouteSettings, Route, set()),
    ],
    ids=["policy", "lanes", "agent", "quarantine", "price", "route"],
)
def test_every_setting_can_be_written_and_nothing_else(settings, struct, more):
    assert set(settings.model_fields) == set(struct.__struct_fields__) | more


def test_every_setting_says_what_it_must_be_and_what_it_is_for():
    for row in all_rows():
        assert "None" not in row


def test_the_examples_of_the_page_resolve(tmp_path):
    first, second, routes = blocks("toml")
    assert first.splitlines() == list(EXAMPLE)
    resolved = PolicyFiles(tmp_path).resolve(second)
    assert resolved.policy.lanes.triage == "judge"
    assert resolved.policy.setup == ("npm ci",)
    assert [entry.owner for entry in resolved.policy.quarantine] == ["Ada", "Grace"]
    assert PolicyFiles(tmp_path).resolve(second + routes).policy.lanes_for("03").worker == "reader"
    assert tomllib.loads(second)["schema_version"] == POLICY_SCHEMA


def test_the_variables_that_the_page_names_are_read():
    named = re.findall(r"VERGER_[A-Z_]*[A-Z]", PAGE)
    assert named
    assert set(named) <= set(VARIABLES)


def test_the_glossary_defines_each_word_once_in_order():
    words = re.findall(r"^\*\*(.+?)\*\*", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(set(words))
