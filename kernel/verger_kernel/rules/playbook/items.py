"""From one row of a playbook to one item of the plan.

Not here: what several rows say together; see `order.py`. Source: playbook-contract, "Columns".
"""

from typing import cast, get_args

from verger_kernel.rules.plan import (
    ChangeProfile,
    ExternalCheck,
    GateType,
    Item,
    ManualGate,
    SourceRow,
    SupportSection,
    VerificationHints,
)
from verger_kernel.rules.playbook.cells import slug
from verger_kernel.rules.playbook.row import RowReader
from verger_kernel.rules.playbook.table import RESERVED_COLUMNS

EVIDENCE_REQUIRED = "human_supplied_evidence_required"

_SNAPSHOT_NOTE = (
    "The frozen playbook snapshot of the run is the source of this item; later edits do not count."
)
_RED_GREEN_NOTE = (
    "Red/green: the required commands must fail on the base with the new tests, and pass on the result."
)
_NO_RED_GREEN_NOTE = "No red/green: the required commands must pass on the result."
_GATE_NOTE = "A person decides at a manual gate before this item passes."
_EVIDENCE_NOTE = "The item begins only when a person has supplied the external evidence."


def read_item(
    reader: RowReader,
    *,
    order: int,
    section_title: str,
    prerequisites: tuple[str, ...],
    support: list[SupportSection],
) -> Item:
    """The item in the reader's row, `order` counted from 1; what is wrong with it is in `reader.problems`."""
    _refuse_reserved(reader)
    surfaces = reader.required_paths("repo_surfaces")
    deliverables = reader.required_paths("deliverable")
    roots = reader.write_roots()
    red_green = reader.flag("requires_red_green")
    phase = reader.required("phase")
    gate, check = _gate(reader), _external_check(reader)
    return Item(
        item_id=reader.item_id(),
        order=order,
        phase=phase,
        phase_slug=slug(phase),
        action=reader.required("action"),
        why_now=reader.required("why_now"),
        owner_type=reader.required("owner_type"),
        prerequisites_raw=reader.cell("prerequisites"),
        prerequisite_item_ids=prerequisites,
        repo_surfaces_raw=reader.entries("repo_surfaces"),
        repo_surface_paths=surfaces,
        external_dependencies_raw=reader.entries("external_dependencies"),
        deliverable=reader.cell("deliverable"),
        deliverable_paths=deliverables,
        exit_criteria=reader.required("exit_criteria"),
        change_profile=_profile(red_green, deliverables, roots),
        execution_mode="codex",
        host_commands=(),
        requires_red_green=red_green,
        manual_gate=gate,
        external_check=check,
        verification_hints=_hints(reader, red_green, deliverables),
        source_row=_source(reader, order, section_title),
        support_section_ids=_support_ids(support, slug(phase)),
        consult_paths=tuple(dict.fromkeys([*surfaces, *reader.paths("consult_paths")])),
        allowed_write_roots=roots,
        notes=_notes(reader, red_green, gate, check),
    )


def _refuse_reserved(reader: RowReader) -> None:
    for column in RESERVED_COLUMNS:
        if reader.cell(column):
            reader.refuse(column, reader.cell(column), "stands in a reserved column", "Empty the cell.")


def _profile(red_green: bool, deliverables: tuple[str, ...], roots: tuple[str, ...]) -> ChangeProfile:
    if red_green:
        return "behavioral_code"
    documents = all(path.startswith("docs/") or path.endswith((".md", ".json")) for path in deliverables)
    return "docs_only" if documents and all(root.startswith("docs") for root in roots) else "mixed"


def _gate(reader: RowReader) -> ManualGate:
    kind = cast(GateType, reader.choice("manual_gate", get_args(GateType)))
    if kind == "none":
        return ManualGate(required=False, gate_type=kind, gate_reason="", required_evidence=())
    return ManualGate(
        required=True,
        gate_type=kind,
        gate_reason=reader.cell("manual_gate_reason") or reader.cell("exit_criteria"),
        required_evidence=reader.entries("manual_gate_evidence") or ("decision record",),
    )


def _external_check(reader: RowReader) -> ExternalCheck:
    if reader.choice("external_check", ("none", EVIDENCE_REQUIRED)) == "none":
        return ExternalCheck(required=False, mode="none", dependencies=())
    dependencies = reader.entries("external_dependencies")
    return ExternalCheck(required=True, mode="human_supplied_evidence_required", dependencies=dependencies)


def _hints(reader: RowReader, red_green: bool, deliverables: tuple[str, ...]) -> VerificationHints:
    column = "required_verification_commands"
    commands = reader.commands(column)
    if red_green and not commands:
        why = "requires_red_green is yes, but no command is required"
        reader.refuse(column, "", why, "Name the command that fails before the change and passes after it.")
    return VerificationHints(
        required_artifacts=reader.paths("required_verification_artifacts") or deliverables,
        required_commands=commands,
        suggested_commands=reader.commands("suggested_verification_commands"),
    )


def _source(reader: RowReader, order: int, section_title: str) -> SourceRow:
    row = reader.row
    return SourceRow(
        section_title=section_title,
        row_index=order,
        line_start=row.line,
        line_end=row.line,
        raw_row_markdown=row.text,
    )


def _support_ids(support: list[SupportSection], phase_slug: str) -> tuple[str, ...]:
    return tuple(section.section_id for section in support if phase_slug in section.applies_to_phase_slugs)


def _notes(reader: RowReader, red_green: bool, gate: ManualGate, check: ExternalCheck) -> tuple[str, ...]:
    notes = [*reader.entries("notes"), _SNAPSHOT_NOTE, _RED_GREEN_NOTE if red_green else _NO_RED_GREEN_NOTE]
    if gate.required:
        notes.append(_GATE_NOTE)
    if check.required:
        notes.append(_EVIDENCE_NOTE)
    return tuple(notes)
