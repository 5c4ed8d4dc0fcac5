"""The schema that a model gets: what both vendors take, and nothing that only the kernel knows.

Not here: what becomes of an answer; see tests/kernel/agents/test_judging.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.doubles.tasks import STAGES

from verger_kernel.rules.answers import BOUND, answer_schema
from verger_kernel.rules.packs import REPORT_TYPES, Stage


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in `schema`, itself included."""
    yield schema
    for one in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from parts(one)


@pytest.mark.parametrize("stage", STAGES)
def test_every_key_is_required_and_none_may_be_added(stage: Stage) -> None:
    for part in parts(answer_schema(stage)):
        assert set(part) <= {"type", "enum", "items", "properties", "required", "additionalProperties"}
        assert isinstance(part["type"], str)
        if part["type"] == "object":
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False


@pytest.mark.parametrize("stage", STAGES)
def test_it_asks_for_all_of_a_report_but_what_binds_it(stage: Stage) -> None:
    fields = set(REPORT_TYPES[stage].__struct_fields__)
    assert set(answer_schema(stage)["properties"]) == fields - set(BOUND)
    assert fields & set(BOUND)
