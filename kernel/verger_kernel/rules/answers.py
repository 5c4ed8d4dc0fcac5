"""What a model is asked for: the part of a report that only a model can know, as a schema, and the whole made of it.

Not here: the reports themselves (`packs.py`), and how a schema reaches a model (`agents/`).
"""

from typing import Any

import msgspec

from verger_kernel.rules.packs import REPORT_TYPES, ReportRefused, Stage, TaskSpecification

BOUND = (
    "schema_version",
    "run_id",
    "item_id",
    "attempt",
    "round",
    "stage",
    "agent",
    "lane",
    "packet_sha256",
)
"""What binds a report to its call. The kernel knows it; a model could only copy it wrong."""

_ASKED = ("type", "enum", "items", "properties", "required", "anyOf", "additionalProperties")
"""What both vendors take in a schema for an answer. Bounds are ours to check."""


def answer_schema(stage: Stage) -> dict[str, Any]:
    """The JSON Schema of the answer in `stage`: every key required, none added, no references."""
    (schema,), parts = msgspec.json.schema_components([REPORT_TYPES[stage]], ref_template="{name}")
    return _plain(parts[schema["$ref"]], parts, without=BOUND)


def _plain(schema: dict[str, Any], parts: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    schema = parts[schema["$ref"]] if "$ref" in schema else schema
    plain = {key: value for key, value in schema.items() if key in _ASKED}
    if "properties" in plain:
        asked = {name: one for name, one in plain["properties"].items() if name not in without}
        plain["properties"] = {name: _plain(one, parts) for name, one in asked.items()}
        plain |= {"required": list(asked), "additionalProperties": False}
    if "enum" in plain:
        plain["type"] = "string"
    if isinstance(plain.get("items"), dict):
        plain["items"] = _plain(plain["items"], parts)
    return plain


def report_of(task: TaskSpecification, answer: object) -> bytes:
    """The report that says what `answer` says and is bound to `task`; whether it is valid is judged like any other.

    Raises ReportRefused for what is no object, and for one that answers what only the kernel knows.
    """
    if not isinstance(answer, dict):
        raise ReportRefused("the answer is no object")
    if known := sorted(answer.keys() & set(BOUND)):
        raise ReportRefused(f"the answer has keys that nobody asked for: {', '.join(known)}")
    fields = REPORT_TYPES[task.stage].__struct_fields__
    bound = {name: getattr(task, name) for name in BOUND[1:] if name in fields}
    report = {"schema_version": task.report_schema} | bound | answer
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
