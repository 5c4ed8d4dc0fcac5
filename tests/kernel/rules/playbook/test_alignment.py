"""A playbook in straight columns: the same lines, the same meaning, other spaces."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.alignment import WIDTH_MAX, aligned
from verger_kernel.rules.playbook.document import BYTES_MAX
from verger_kernel.rules.playbook.reader import PlaybookRefused, read_playbook
from verger_kernel.rules.playbook.table import REQUIRED_COLUMNS
from verger_kernel.width import width

PLAYBOOKS = Path(__file__).parents[3] / "data" / "playbooks"
HARNESS = (PLAYBOOKS / "harness.md").read_bytes()
CELLS = ("01", "P", "Do.", "Now.", "dev", "none", "`a/b`", "`a/b`", "Done.", "a", "no")


def meaning(data: bytes) -> NormalizedPlan:
    """What `data` reads to, without the digest of the text and the text of the rows."""
    plan = read_playbook(data, path="p.md", generated_at_utc="")
    items = tuple(replace(one, source_row=replace(one.source_row, raw_row_markdown="")) for one in plan.items)
    return replace(plan, items=items, plan_source=replace(plan.plan_source, sha256=""))


def formatted(data: bytes) -> bytes:
    """`data` aligned, proved to mean the same and to stay as it is when aligned again."""
    result = aligned(data, width)
    assert meaning(result) == meaning(data)
    assert aligned(result, width) == result
    return result


def playbook(*rows: tuple[str, ...], columns: tuple[str, ...] = REQUIRED_COLUMNS) -> str:
    lines = ["## 2. Plan", "", *(f"|{'|'.join(cells)}|" for cells in (columns, ("-",) * len(columns), *rows))]
    return "\n".join(lines) + "\n"


def table(text: str) -> list[str]:
    """The lines of the table of `text`, aligned."""
    return [line for line in formatted(text.encode()).decode().splitlines() if line.lstrip().startswith("|")]


def starts(line: str) -> list[int]:
    """The places on a screen where the cells of `line` are parted."""
    return [width(line[: found.start()]) for found in re.finditer(r"(?<!\\)\|", line)]


def row(**cells: str) -> tuple[str, ...]:
    return tuple((dict(zip(REQUIRED_COLUMNS, CELLS, strict=True)) | cells).values())


def test_the_columns_stand_straight() -> None:
    lines = table(playbook(CELLS, row(step_id="02", action="Write it all down.")))
    assert len({tuple(starts(line)) for line in lines}) == 1
    assert lines[2].startswith("| 01      | P     | Do.                | Now.    |")
    assert lines[1].startswith("| ------- | ----- | ------------------ | ------- |")


def test_a_wide_letter_counts_two_and_a_mark_over_another_none() -> None:
    lines = table(
        playbook(row(action="数字を書く"), row(step_id="02", action="e\u0301crire"), row(step_id="03"))
    )
    assert len({tuple(starts(line)) for line in lines}) == 1


def test_a_long_cell_pushes_only_its_own_row_and_the_cells_behind_it_give_way() -> None:
    long = "word " * 100
    lines = table(playbook(CELLS, row(step_id="02", action=long.strip())))
    assert max(len(lines[0]), len(lines[2])) < len(lines[3]) < len(long) + 200
    assert starts(lines[0]) == starts(lines[2])
    slightly = table(playbook(row(action="x" * (WIDTH_MAX + 3)), row(step_id="02")))
    assert starts(slightly[2])[-1] == starts(slightly[3])[-1]


def test_escapes_backticks_and_colons_of_a_separator_stay() -> None:
    odd = row(action=r"a \| b \; c `x\|y` \\| d", exit_criteria="ends with \\ ")
    text = playbook(odd).replace("|-|-|-|", "|:-|:-:|--:|", 1)
    lines = table(text)
    assert r"| a \| b \; c `x\|y` \\| d |" in lines[2]
    assert lines[1].startswith("| :------ | :---: | ---")
    assert re.search(r"-: \| -", lines[1])


def test_short_rows_and_separators_are_filled_up() -> None:
    text = playbook(CELLS, columns=(*REQUIRED_COLUMNS, "Notes")).replace("|-|-|-|-|", "|-|", 1)
    lines = table(text)
    assert [len(starts(line)) for line in lines] == [13, 13, 13]
    assert lines[0].endswith("| Notes |")


def test_every_byte_outside_of_the_table_stays() -> None:
    other = "| a|b |\n|-|-|\n|1|2|\n"
    fenced = f"```\n{playbook(CELLS)}```\n"
    nested = "- " + fenced.replace("\n", "\n  ")
    before = f"\ufeff# T  \n\n{fenced}\n## 1. C\n\n{other}\n{nested}\n\n"
    after = f"\n\n{other}\n## 3. D\n\n### P\n\n{other}\n<!--\n{playbook(CELLS)}-->\n\tlast, no end"
    text = before + playbook(CELLS) + after
    result = formatted(text.encode()).decode()
    assert result != text
    assert result.startswith(before) and result.endswith(after)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_stay_also_where_the_last_is_missing(end: str) -> None:
    text = playbook(CELLS).rstrip("\n").replace("\n", end)
    result = formatted(text.encode()).decode()
    assert re.findall("\r\n|\r|\n", result) == re.findall("\r\n|\r|\n", text)
    assert result.endswith("|")


def test_an_indented_table_keeps_the_indent_of_its_header() -> None:
    text = playbook(CELLS, row(step_id="02")).replace("\n|", "\n   |").replace("   |02", "     |02")
    assert {len(line) - len(line.lstrip()) for line in table(text)} == {3}


def test_lines_between_header_and_rows_stay() -> None:
    text = playbook(CELLS).replace("|-|", "words | between\n\n<!-- | x | -->\n\n|-|", 1)
    assert "words | between\n\n<!-- | x | -->\n\n| ---" in formatted(text.encode()).decode()


def test_the_harness_playbook_keeps_its_meaning() -> None:
    assert formatted(HARNESS) != HARNESS


@pytest.mark.parametrize("data", [b"", b"\xff", (PLAYBOOKS / "everything_wrong.md").read_bytes()])
def test_what_is_no_valid_playbook_is_refused_as_everywhere(data: bytes) -> None:
    with pytest.raises(PlaybookRefused) as expected:
        read_playbook(data, path="", generated_at_utc="")
    with pytest.raises(PlaybookRefused) as caught:
        aligned(data, width)
    assert caught.value.problems == expected.value.problems


def test_a_playbook_that_would_grow_too_large_is_refused() -> None:
    rows = [row(step_id=f"{at:03}", action="x" * WIDTH_MAX if at else "x") for at in range(200)]
    empty = tuple(f"c{at}" for at in range(30))
    text = playbook(*rows, columns=REQUIRED_COLUMNS + empty)
    data = text.encode() + b"\n" + b" " * (BYTES_MAX - len(text) - 1)
    with pytest.raises(PlaybookRefused, match="1 problem") as caught:
        aligned(data, width)
    assert caught.value.problems[0].why == "aligned it would be larger than 1 MiB"


WORDS = st.sampled_from(
    ["a", "`b/c`", r"\|", r"\;", ";", "\\", "数", "e\u0301", "-", ":-:", "*", "<!--", "-->", "<b>"]
)
CELL = st.lists(WORDS, max_size=5).map(" ".join)
SPACE = st.sampled_from(["", " ", "   ", "\t", "\u00a0"])
INDENT = st.sampled_from(["", "", "", " ", "   ", "    ", "\t", "\u2003"])
BLOCK = st.sampled_from(
    [
        *(
            "",
            "words",
            "a | b",
            "- item",
            "> quoted",
            "1. one",
            "    code",
            "---",
            "===",
            "<div>",
            "</div>",
            "<x>",
        ),
        *(
            "```",
            "~~~",
            "<!-- c",
            "-->",
            "### T",
            "# T",
            "[a]: <b",
            "*",
            "\\",
            "<pre>",
            "</pre>",
            "\x0c",
            "\u2028",
        ),
    ]
)
BLOCKS = st.lists(BLOCK, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Playbooks of all shapes; not each of them reads."""
    extra = draw(st.integers(0, 3))
    columns = (*REQUIRED_COLUMNS, *(f"C{at}" for at in range(extra)))
    rows: list[tuple[str, ...]] = [columns]
    if draw(st.booleans()):
        rows.append(draw(st.sampled_from([("-",) * len(columns), (":-:", "---"), ("--",) * 20])))
    for at in range(draw(st.integers(1, 3))):
        filled = row(step_id=f"{at:02}", action=f"Do {draw(CELL)} .", exit_criteria=f". {draw(CELL)} .")
        rows.append(filled + tuple(draw(CELL) for _ in range(draw(st.integers(0, extra)))))
    lines = [
        *draw(BLOCKS),
        "## 1. C",
        *draw(BLOCKS),
        "## 2. P",
        *draw(BLOCKS),
        draw(st.sampled_from(["", "- a", ">"])),
    ]
    for number, cells in enumerate(rows):
        gap = draw(SPACE)
        lines.append(
            draw(INDENT)
            + "|"
            + "|".join(gap + cell + gap for cell in cells)
            + draw(st.sampled_from(["|", "| "]))
        )
        if number == 0:
            lines += draw(st.sampled_from([[], [], [""], ["words"], ["<x>"]]))
    lines += [*draw(BLOCKS), "## 3. D", *draw(BLOCKS)]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines).encode()


@given(documents())
def test_whatever_reads_means_the_same_aligned_and_aligned_again_does_not_change(data: bytes) -> None:
    try:
        meaning(data)
    except PlaybookRefused:
        return
    formatted(data)


@given(
    st.lists(st.tuples(st.integers(0, len(HARNESS)), st.integers(0, 9), CELL | BLOCK), min_size=1, max_size=3)
)
def test_a_valid_playbook_with_pieces_replaced_keeps_its_meaning(cuts: list[tuple[int, int, str]]) -> None:
    data = HARNESS
    for at, length, piece in cuts:
        data = data[:at] + piece.encode() + data[at + length :]
    try:
        meaning(data)
    except PlaybookRefused:
        return
    formatted(data)
