"""The table of a playbook: its header, its rows, and their cells as text.

Not here: what a cell means; see `cells.py`. Source: playbook-contract, "The table".
"""

import re
from collections.abc import Iterator
from itertools import groupby

import msgspec

from verger_kernel.rules.ids import shown
from verger_kernel.rules.playbook.document import Line, Section
from verger_kernel.rules.playbook.problems import Problem, file_problem

REQUIRED_COLUMNS = (
    "step_id",
    "phase",
    "action",
    "why_now",
    "owner_type",
    "prerequisites",
    "repo_surfaces",
    "deliverable",
    "exit_criteria",
    "allowed_write_roots",
    "requires_red_green",
)
RESERVED_COLUMNS = ("change_profile", "execution_mode", "host_commands")
ITEMS_MAX = 1000
"""Ranges of prerequisites grow with the square of it."""

_UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")
_SEPARATOR = re.compile(r":?-+:?")


class Row(msgspec.Struct, frozen=True):
    """One row; `text` is the whole line as it stands in the file."""

    line: int
    text: str
    cells: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """The table of section 2; `columns` are lower-case, in header order, repeats included.

    `strays` are rows behind its end that belong to no other table.
    """

    section_title: str
    header_line: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    strays: tuple[Row, ...]


def read_table(section: Section) -> Table | None:
    """The first table of `section` whose first column is step_id; None if there is none."""
    lines = iter(section.body)
    for line in lines:
        row = read_row(line)
        if row and row.cells[0].lower() == "step_id":
            columns = tuple(cell.lower() for cell in row.cells)
            rows = tuple(_data_rows(lines))
            return Table(section.title, row.line, columns, rows, tuple(_strays(lines)))
    return None


def header_problems(table: Table) -> Iterator[Problem]:
    """Columns that are missing or stand there twice, and a number of rows that cannot be."""
    for name in sorted(set(REQUIRED_COLUMNS) - set(table.columns)):
        why, mend = "the table has no such column", f"Add a column {name} to the header."
        yield Problem(line=table.header_line, column=name, value="", why=why, mend=mend)
    for name in sorted({name for name in table.columns if name and table.columns.count(name) > 1}):
        column = name if name.isidentifier() else ""
        why, mend = "names more than one column", "Keep one of them."
        yield Problem(line=table.header_line, column=column, value=shown(name), why=why, mend=mend)
    if not table.rows:
        yield file_problem("the table has no rows", "Add a row for each item.", line=table.header_line)
    for row in table.strays:
        why, mend = (
            "stands behind the end of the table",
            "Remove the lines between it and the table.",
        )
        yield Problem(line=row.line, column="", value=shown(row.cells[0]), why=why, mend=mend)
    if len(table.rows) > ITEMS_MAX:
        why = f"the table has {len(table.rows)} rows, more than {ITEMS_MAX}"
        yield file_problem(why, "Split it into several playbooks.", line=table.header_line)


def row_problems(table: Table, row: Row) -> Iterator[Problem]:
    """More cells than columns: what stood in them would be lost, and those before are likely shifted."""
    surplus = row.cells[len(table.columns) :]
    if surplus:
        yield Problem(
            line=row.line,
            column="",
            value=shown(" | ".join(surplus).strip()),
            why=f"follows the last column: {len(row.cells)} cells for {len(table.columns)} columns",
            mend="Write a | that belongs to a cell as \\|.",
        )


def named_cells(table: Table, row: Row) -> dict[str, str]:
    """The cells of `row` by column name, empty where the row is short; of a repeated column, the first."""
    padded = row.cells + ("",) * (len(table.columns) - len(row.cells))
    return dict(zip(reversed(table.columns), reversed(padded[: len(table.columns)]), strict=True))


def split_cells(text: str) -> tuple[str, ...]:
    """The cells of one table line, at least one; `\\|` is a pipe inside a cell."""
    pieces = _UNESCAPED_PIPE.split(text.strip().removeprefix("|"))
    if len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
    return tuple(piece.strip().replace("\\|", "|") for piece in pieces)


def read_row(line: Line) -> Row | None:
    """The row that `line` is; None if it is none."""
    if line.verbatim or not line.text.strip().startswith("|"):
        return None
    return Row(line.number, line.text, split_cells(line.text))


def is_separator(row: Row) -> bool:
    """Whether it is a row of dashes, which is passed over."""
    return all(_SEPARATOR.fullmatch(cell) for cell in row.cells)


def _data_rows(lines: Iterator[Line]) -> Iterator[Row]:
    begun = False
    for line in lines:
        row = read_row(line)
        if row is None and begun:
            return
        if row and not is_separator(row):
            begun = True
            yield row


def _strays(lines: Iterator[Line]) -> Iterator[Row]:
    # A block with a separator below its first line is a table of its own, with whatever the author put there.
    for is_table, block in groupby((read_row(line) for line in lines), key=lambda row: row is not None):
        rows = [row for row in block if row] if is_table else []
        if len(rows) < 2 or not is_separator(rows[1]):
            yield from rows
