"""A playbook with its table in straight columns: the same lines, the same meaning, other spaces.

Not here: how wide a letter is on a screen; it comes in as a function. Source: playbook-contract, "The form".
"""

import re
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.document import BYTES_MAX, read_sections, read_text
from verger_kernel.rules.playbook.problems import PlaybookRefused, file_problem
from verger_kernel.rules.playbook.reader import TABLE_SECTION, read_playbook
from verger_kernel.rules.playbook.table import Row, is_separator, read_row, read_table

WIDTH_MAX = 40
"""No column is made wider: a sentence in one cell must not make every row as long."""
_DASHES = 3

Width = Callable[[str], int]


def aligned(data: bytes, width: Width) -> bytes:
    """The playbook in `data` with the table of section 2 aligned; every byte outside of it stays as it was.

    `width` answers with the places that a text takes on a screen. The result reads to the same plan. Raises
    PlaybookRefused for what is no valid playbook, or would be too large once aligned.
    """
    before = read_playbook(data, path="", generated_at_utc="")
    lines = _split(data.decode())
    for number, text in _table_lines(data, width):
        lines[number - 1] = (text, lines[number - 1][1])
    result = "".join(text + end for text, end in lines).encode()
    if len(result) > BYTES_MAX:
        why = f"aligned it would be larger than {BYTES_MAX >> 20} MiB"
        raise PlaybookRefused((file_problem(why, "Split it into several playbooks."),))
    assert _meaning(read_playbook(result, path="", generated_at_utc="")) == _meaning(before)
    return result


def _split(text: str) -> list[tuple[str, str]]:
    """The lines of `text` as the reader counts them, each with its own end."""
    pieces = re.split(r"(\r\n|\r|\n)", text)
    return list(zip(pieces[::2], [*pieces[1::2], ""], strict=True))


def _table_lines(data: bytes, width: Width) -> Iterator[tuple[int, str]]:
    """The header, separators and rows of the table with the numbers of their lines."""
    section = next(one for one in read_sections(read_text(data)) if one.number == TABLE_SECTION)
    table = read_table(section)
    assert table
    last = table.rows[-1].line
    inside = (line for line in section.body if table.header_line <= line.number <= last)
    rows = [_whole(row, len(table.columns)) for row in map(read_row, inside) if row]
    header = rows[0].text
    indent = header[: len(header) - len(header.lstrip())]
    widths = [_column(cells, width) for cells in zip(*(row.cells for row in rows), strict=True)]
    for row in rows:
        yield row.line, indent + _rendered(row, widths, width)


def _whole(row: Row, columns: int) -> Row:
    """`row` with a cell for each column, pipes escaped; a separator gets all its dashes, and no more."""
    missing = columns - len(row.cells)
    if is_separator(row):
        dashes = (re.sub("-+", "-" * _DASHES, cell) for cell in row.cells[:columns])
        return replace(row, cells=(*dashes, *["-" * _DASHES] * missing))
    return replace(row, cells=(*(cell.replace("|", "\\|") for cell in row.cells), *[""] * missing))


def _column(cells: Sequence[str], width: Width) -> int:
    return max((wide for cell in cells if (wide := width(cell)) <= WIDTH_MAX), default=_DASHES)


def _rendered(row: Row, widths: Sequence[int], width: Width) -> str:
    fill = _with_dashes if is_separator(row) else _with_spaces
    cells, ahead = [], 0
    for cell, wide in zip(row.cells, widths, strict=True):
        # What a wide cell took too much, the spaces of those behind it give back.
        missing = wide - width(cell) - ahead
        cells.append(fill(cell, max(0, missing)))
        ahead = max(0, -missing)
    return f"| {' | '.join(cells)} |"


def _with_spaces(cell: str, missing: int) -> str:
    return cell + " " * missing


def _with_dashes(cell: str, missing: int) -> str:
    return cell.replace("-" * _DASHES, "-" * (_DASHES + missing))


def _meaning(plan: NormalizedPlan) -> NormalizedPlan:
    """`plan` without what says how its text is spaced: the digest, and the rows as they stand."""
    items = tuple(
        replace(item, source_row=replace(item.source_row, raw_row_markdown="")) for item in plan.items
    )
    return replace(plan, items=items, plan_source=replace(plan.plan_source, sha256=""))
