"""A playbook read whole: the plan it yields, or every problem it has."""

import sys
from pathlib import Path

import pytest

from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.document import BYTES_MAX
from verger_kernel.rules.playbook.frozen import canonical_plan
from verger_kernel.rules.playbook.reader import PlaybookRefused, Problem, read_playbook, render_problems
from verger_kernel.rules.playbook.table import ITEMS_MAX, REQUIRED_COLUMNS, RESERVED_COLUMNS

PLAYBOOKS = Path(__file__).parents[3] / "data" / "playbooks"
ROW = {
    "step_id": "01",
    "phase": "Greeting",
    "action": "Extend the page.",
    "why_now": "It is first.",
    "owner_type": "writer",
    "prerequisites": "none",
    "repo_surfaces": "`docs/a.md`",
    "deliverable": "`docs/a.md`",
    "exit_criteria": "The page is not empty.",
    "allowed_write_roots": "docs",
    "requires_red_green": "no",
}


def read(text: str | bytes) -> NormalizedPlan:
    data = text if isinstance(text, bytes) else text.encode()
    return read_playbook(data, path="docs/plan.md", generated_at_utc="2026-03-25T10:00:00.000Z")


def playbook(*rows: dict[str, str]) -> str:
    """A playbook whose table stands in line 3; rows begin in line 5 and default to a valid row."""
    columns = list(dict.fromkeys([*ROW, *(name for row in rows for name in row)]))
    lines = ["## 2. Plan", "", _line(columns), _line(["---"] * len(columns))]
    lines += [_line([(ROW | row).get(name, "") for name in columns]) for row in rows]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def refused(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(PlaybookRefused) as caught:
        read(text)
    return caught.value.problems


def only(text: str | bytes) -> str:
    (line,) = render_problems(refused(text))
    return line


def test_the_harness_playbook_reads_to_its_golden_plan() -> None:
    plan = read_playbook(
        (PLAYBOOKS / "harness.md").read_bytes(),
        path="tests/data/playbooks/harness.md",
        generated_at_utc="2026-03-25T10:00:00.000Z",
    )
    assert canonical_plan(plan).decode() == (PLAYBOOKS / "harness.plan.json").read_text(encoding="utf-8")


def test_all_problems_of_a_file_come_in_one_answer_by_line_and_column() -> None:
    problems = refused((PLAYBOOKS / "everything_wrong.md").read_bytes())
    expected = (PLAYBOOKS / "everything_wrong.txt").read_text(encoding="utf-8").splitlines()
    assert render_problems(problems) == expected


@pytest.mark.parametrize("dashes", ["-", "--", ":--", ":-:", "---:"])
def test_a_row_of_dashes_is_no_item_however_many_there_are(dashes: str) -> None:
    assert [item.item_id for item in read(playbook(ROW).replace("---", dashes)).items] == ["01"]


def test_an_unknown_prerequisite_is_named_with_its_way_out() -> None:
    assert only(playbook({"prerequisites": "99"})) == (
        "line 5, column prerequisites: '99' names no item of this playbook."
        " Write an id from the step_id column, or none."
    )


def test_headings_and_rows_in_fences_and_html_are_no_structure() -> None:
    hidden = "```\n## 2. Not this\n| step_id |\n```\n<!--\n## 2. Nor this\n-->\n"
    plan = read(f"## 1. Context\n\n{hidden}\n{playbook({})}")
    assert [item.item_id for item in plan.items] == ["01"]
    assert plan.support_sections[0].body_markdown == hidden.strip()


def test_a_row_in_a_fence_ends_the_table() -> None:
    row = playbook({"step_id": "02"}).splitlines()[-1]
    plan = read(f"{playbook({})}```\n{row}\n```\n")
    assert [item.item_id for item in plan.items] == ["01"]


def test_underlined_and_indented_headings_are_none() -> None:
    plan = read(f"2. Setext\n---\n\n ## 2. Indented\n\n{playbook({})}")
    assert len(plan.items) == 1


def test_the_separator_may_be_missing_and_text_may_stand_before_the_first_row() -> None:
    header, _, row = playbook({}).splitlines()[2:]
    plan = read(f"## 2. Plan\n\nWords.\n| other | table |\n{header}\n\nMore words.\n\n{row}\nEnd.\n")
    assert [(item.item_id, item.source_row.line_start) for item in plan.items] == [("01", 9)]


def test_a_row_behind_the_end_of_the_table_is_not_lost_in_silence() -> None:
    row = playbook({"step_id": "02"}).splitlines()[-1]
    assert only(f"{playbook({})}\n{row}\n") == (
        "line 7: '02' stands behind the end of the table. Remove the lines between it and the table."
    )


def test_a_table_of_its_own_may_follow() -> None:
    plan = read(f"{playbook({})}\n| word | meaning |\n|---|---|\n| item | a row |\n")
    assert len(plan.items) == 1


def test_windows_line_ends_and_a_byte_order_mark_change_nothing_but_the_digest() -> None:
    text = playbook({"step_id": "01"}, {"step_id": "02"})
    plain, windows = read(text), read(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert windows.items == plain.items
    assert windows.plan_source.sha256 != plain.plan_source.sha256


def test_a_short_row_is_padded() -> None:
    text = playbook({"notes": "gone"})
    assert read(text.replace(" | gone |", " |")).items[0].consult_paths == ("docs/a.md",)


def test_a_long_row_is_refused_and_points_at_the_pipe() -> None:
    first, *_ = render_problems(refused(playbook({"action": "Run a | b."})))
    assert first == (
        "line 5: 'no' follows the last column: 12 cells for 11 columns."
        " Write a | that belongs to a cell as \\|."
    )


def test_an_escaped_pipe_and_semicolon_stay_in_their_cells() -> None:
    row = {"action": r"a \| b \n", "required_verification_commands": r"cat x \| wc; for i in 1\; do a\; done"}
    item = read(playbook(row)).items[0]
    assert item.action == r"a | b \n"
    assert item.verification_hints.required_commands == ("cat x | wc", "for i in 1; do a; done")


def test_missing_columns_are_all_named() -> None:
    problems = refused("## 2. Plan\n\n| step_id |\n| --- |\n| 01 |\n")
    assert [problem.column for problem in problems] == sorted(set(REQUIRED_COLUMNS) - {"step_id"})
    assert {problem.line for problem in problems} == {3}


def test_a_repeated_column_is_refused() -> None:
    text = playbook({"notes": "x"}).replace("| notes |", "| Phase |")
    assert only(text) == "line 3, column phase: 'phase' names more than one column. Keep one of them."


def test_no_problem_prints_a_control_character_or_a_long_text() -> None:
    bad = "\x1b[31m" + "x" * 500
    rows = [
        {"step_id": bad, "prerequisites": f"{bad}2", "allowed_write_roots": f"`{bad}`"},
        {"step_id": f"{bad}2", "prerequisites": bad, "requires_red_green": bad, bad: ""},
    ]
    header, *rest = playbook(*rows).splitlines()[2:]
    lines = render_problems(refused("\n".join(["## 2. Plan", "", f"{header} {bad} |", *rest])))
    assert any("closes a circle" in line for line in lines)
    assert any("names more than one column" in line for line in lines)
    assert all(line.isprintable() and len(line) < 500 for line in lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# Title\n", "the file: it has no section 2. Add a heading"),
        (f"```\n{playbook({})}", "the file: it has no section 2. Add a heading"),
        ("## 2. Plan\n", "line 1: section 2 has no table whose first column is step_id. Add the table"),
        (playbook(), "line 3: the table has no rows. Add a row for each item."),
        (playbook({}) + "## 2 Again\n", "line 6: section 2 stands in line 1 already. Keep one of them."),
        (b"a\n\n\xff", "line 3: byte 3 of the file is no UTF-8. Save the file as UTF-8."),
        (b"a\r\n\0", "line 2: a NUL character. Remove it."),
        (b" " * (BYTES_MAX + 1), "the file: it is larger than 1 MiB. Split it into several playbooks."),
        (playbook(*[{}] * (ITEMS_MAX + 1)), "line 3: the table has 1001 rows, more than 1000. Split it"),
    ],
)
def test_a_file_that_holds_no_table_is_refused_with_the_way_out(text: str | bytes, line: str) -> None:
    assert only(text).startswith(line)


def test_markdown_that_exhausts_the_stack_is_refused() -> None:
    text = "> - > - > - x\n" * 2 + playbook({})

    def whys(frames: int) -> list[str]:
        try:
            if frames:
                return whys(frames - 1)
            read(text)
        except PlaybookRefused as caught:
            return [problem.why for problem in caught.problems]
        except RecursionError:
            # Too little stack even to reach the parser.
            return []
        return ["read"]

    answers = [whys(frames) for frames in range(0, sys.getrecursionlimit(), 3)]
    assert answers[0] == ["read"]
    assert ["its markdown is nested too deeply"] in answers


def test_the_contract_names_every_column_and_its_example_reads() -> None:
    contract = (PLAYBOOKS.parents[2] / "docs" / "playbook-contract.md").read_text(encoding="utf-8")
    columns = {*REQUIRED_COLUMNS, *RESERVED_COLUMNS, *refused_columns()}
    assert [name for name in sorted(columns) if f"`{name}`" not in contract] == []
    example = contract.partition("```markdown\n")[2].partition("```")[0]
    assert read(example).items[0].repo_surface_paths == ("README.md",)


def refused_columns() -> set[str]:
    return {problem.column for problem in refused((PLAYBOOKS / "everything_wrong.md").read_bytes())} - {""}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (({}, {}), "'01'"),
        (({"prerequisites": "07"},), "'07' names no item"),
        (({"prerequisites": "01"},), "'01'"),
        (({"step_id": "01"}, {"step_id": "02"}, {"step_id": "03", "prerequisites": "02-01"}), "'02-01'"),
        (({"allowed_write_roots": "`docs`"},), "'`docs`'"),
        (({"allowed_write_roots": "."},), "'.'"),
        (({"action": "this | that"},), "Write a | that belongs to a cell as \\|."),
    ],
    ids=["twice", "unknown", "itself", "reversed", "backticks", "dot", "pipe"],
)
def test_w11_what_the_source_let_through_is_refused_with_its_line(
    rows: tuple[dict[str, str], ...], words: str
) -> None:
    problems = refused(playbook(*rows))
    assert any(words in line for line in render_problems(problems))
    assert all(problem.line >= 3 and problem.mend for problem in problems)


def test_w11_a_heading_in_a_fence_begins_no_section() -> None:
    plan = read(f"## 1. Context\n\nWords.\n```\n## 2. Not a plan\n```\n\n{playbook({})}")
    assert [item.item_id for item in plan.items] == ["01"]
