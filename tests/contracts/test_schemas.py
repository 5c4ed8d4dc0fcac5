"""The published schemas are those of the types, and what the kernel writes keeps them.

Not here: the schema of the runtime policy; see tests/kernel/rules/test_policy_snapshot.py.
"""

import json

import msgspec
import pytest
from docs.draw_schemas import FOLDER, SCHEMAS, drawn
from tests.doubles.tasks import STAGES, answer_to, task

from verger_kernel.rules.packs import REPORT_TYPES, Stage


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_published_schema_is_the_one_of_today(name: str) -> None:
    published = (FOLDER / f"{name}.json").read_bytes()
    assert published == drawn(SCHEMAS[name]), "run `python docs/draw_schemas.py`"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_named_after_the_version_it_asks_for(name: str) -> None:
    schema = json.loads(drawn(SCHEMAS[name]))
    top = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert top["properties"]["schema_version"]["enum"] == [name]
    assert top["additionalProperties"] is False


def test_a_task_names_the_schema_of_the_report_it_asks_for() -> None:
    for stage in STAGES:
        assert SCHEMAS[task(stage).report_schema] is REPORT_TYPES[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_schema_requires_is_what_the_reader_requires(stage: Stage) -> None:
    asked = task(stage)
    schema = json.loads(drawn(SCHEMAS[asked.report_schema]))
    top = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert set(top["required"]) == set(answer_to(asked))
    given = set(msgspec.to_builtins(asked))
    task_schema = json.loads(drawn(SCHEMAS["verger.task_specification.v1"]))
    assert given == set(task_schema["$defs"]["TaskSpecification"]["properties"])
