"""What the cells of one row make of an item."""

import pytest

from verger_kernel.rules.plan import Item
from verger_kernel.rules.playbook.reader import PlaybookRefused, read_playbook, render_problems

VALUES = {
    "step_id": "01",
    "phase": "Greeting",
    "action": "Extend the page.",
    "why_now": "It is first.",
    "owner_type": "writer",
    "prerequisites": "",
    "repo_surfaces": "`docs/a.md`",
    "deliverable": "`docs/a.md`",
    "exit_criteria": "The page is not empty.",
    "allowed_write_roots": "docs",
    "requires_red_green": "no",
}


def item(**cells: str) -> Item:
    row = VALUES | cells
    text = f"## 2. Plan\n\n| {' | '.join(row)} |\n| {' | '.join(row.values())} |\n"
    return read_playbook(text.encode(), path="plan.md", generated_at_utc="").items[0]


def problems(**cells: str) -> list[str]:
    with pytest.raises(PlaybookRefused) as caught:
        item(**cells)
    return render_problems(caught.value.problems)


@pytest.mark.parametrize("cell", ["1", "TRUE", "yes", "Y"])
def test_red_green_makes_behavioral_code(cell: str) -> None:
    read = item(requires_red_green=cell, required_verification_commands="true")
    assert (read.requires_red_green, read.change_profile) == (True, "behavioral_code")


@pytest.mark.parametrize("cell", ["0", "False", "NO", "n"])
def test_documents_alone_are_docs_only(cell: str) -> None:
    read = item(requires_red_green=cell)
    assert (read.requires_red_green, read.change_profile) == (False, "docs_only")


@pytest.mark.parametrize("cells", [{"deliverable": "`src/a.py`"}, {"allowed_write_roots": "docs; src"}])
def test_anything_beside_documents_is_mixed(cells: dict[str, str]) -> None:
    assert item(**cells).change_profile == "mixed"


def test_red_green_without_a_required_command_is_refused() -> None:
    (line,) = problems(requires_red_green="yes")
    assert "no command is required" in line


def test_a_gate_takes_its_reason_and_evidence_from_defaults() -> None:
    gate = item(manual_gate="SignOff").manual_gate
    assert (gate.required, gate.gate_type) == (True, "signoff")
    assert (gate.gate_reason, gate.required_evidence) == ("The page is not empty.", ("decision record",))


def test_a_gate_keeps_its_own_reason_and_evidence() -> None:
    gate = item(
        manual_gate="custom", manual_gate_reason="Law.", manual_gate_evidence="minutes; none; memo"
    ).manual_gate
    assert (gate.gate_reason, gate.required_evidence) == ("Law.", ("minutes", "memo"))


def test_no_gate_has_neither_reason_nor_evidence() -> None:
    gate = item(manual_gate="none", manual_gate_reason="Law.", manual_gate_evidence="memo").manual_gate
    assert (gate.required, gate.gate_reason, gate.required_evidence) == (False, "", ())


def test_external_dependencies_are_kept_and_count_only_if_evidence_is_required() -> None:
    kept = item(external_dependencies="status page")
    required = item(external_dependencies="status page", external_check="human_supplied_evidence_required")
    assert kept.external_dependencies_raw == required.external_dependencies_raw == ("status page",)
    assert kept.external_check.dependencies == ()
    assert required.external_check.dependencies == ("status page",)


def test_artifacts_default_to_the_deliverables() -> None:
    assert item().verification_hints.required_artifacts == ("docs/a.md",)
    named = item(required_verification_artifacts="docs/b.md").verification_hints
    assert named.required_artifacts == ("docs/b.md",)


def test_consult_paths_begin_with_the_surfaces() -> None:
    assert item(consult_paths="docs/b.md; docs/a.md").consult_paths == ("docs/a.md", "docs/b.md")


def test_a_cell_that_names_root_level_files_alone_is_legal() -> None:
    read = item(repo_surfaces="README.md; `Makefile`", deliverable="The new README.md")
    assert read.repo_surface_paths == ("Makefile", "README.md")
    assert (read.deliverable, read.deliverable_paths) == ("The new README.md", ("README.md",))


def test_final_slashes_of_roots_are_dropped() -> None:
    assert item(allowed_write_roots="docs/; tests//").allowed_write_roots == ("docs", "tests")


def test_notes_say_what_binds_the_item() -> None:
    plain = item(notes="mine; none")
    bound = item(manual_gate="signoff", external_check="human_supplied_evidence_required")
    assert plain.notes[0] == "mine"
    assert len(plain.notes) == 3
    assert len(bound.notes) == 4
    assert "manual gate" in bound.notes[2]


def test_a_value_in_a_reserved_column_is_refused() -> None:
    assert item(change_profile="", host_commands="").host_commands == ()
    first, second = problems(change_profile="mixed", host_commands="ls")
    assert "column change_profile: 'mixed' stands in a reserved column" in first
    assert "column host_commands: 'ls'" in second


@pytest.mark.parametrize("column", [name for name in VALUES if name != "prerequisites"])
def test_a_required_cell_must_not_be_empty(column: str) -> None:
    assert any(line.startswith(f"line 4, column {column}: the cell ") for line in problems(**{column: ""}))
