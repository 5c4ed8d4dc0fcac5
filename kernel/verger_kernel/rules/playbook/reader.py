"""`markdown_playbook_v1`: from the bytes of a playbook to the plan, or to everything that is wrong with it.

Not here: reading the file; see `commands/playbook.py`. Source: playbook-contract.
"""

import hashlib

from verger_kernel.rules.plan import NormalizedPlan, PlanSource
from verger_kernel.rules.playbook.cells import slug
from verger_kernel.rules.playbook.document import Section, read_sections, read_text
from verger_kernel.rules.playbook.items import read_item
from verger_kernel.rules.playbook.order import read_order
from verger_kernel.rules.playbook.problems import PlaybookRefused, Problem, file_problem, render_problems
from verger_kernel.rules.playbook.row import RowReader
from verger_kernel.rules.playbook.support import global_context, read_support
from verger_kernel.rules.playbook.table import ITEMS_MAX, Table, header_problems, read_table, row_problems

__all__ = ["PlaybookRefused", "Problem", "read_playbook", "render_problems"]

TABLE_SECTION = "2"


def read_playbook(text: bytes, *, path: str, generated_at_utc: str) -> NormalizedPlan:
    """The plan that `text` holds. Raises only PlaybookRefused: every problem, by line and column.

    `path` is recorded as the source and must be encodable as UTF-8.
    """
    sections = read_sections(read_text(text))
    table, problems = _table(sections)
    readers = [RowReader(table, row) for row in table.rows]
    if not 0 < len(readers) <= ITEMS_MAX:
        raise PlaybookRefused(_in_file_order(problems, table))
    phases = tuple(dict.fromkeys(slug(reader.cell("phase")) for reader in readers))
    support = read_support(sections, phases)
    items = tuple(
        read_item(reader, order=at, section_title=table.section_title, prerequisites=named, support=support)
        for at, (reader, named) in enumerate(zip(readers, read_order(readers), strict=True), start=1)
    )
    for reader in readers:
        problems += [*reader.problems, *row_problems(table, reader.row)]
    if problems:
        raise PlaybookRefused(_in_file_order(problems, table))
    return NormalizedPlan(
        schema_version="plan_orchestrator.normalized_plan.v1",
        adapter_id="markdown_playbook_v1",
        generated_at_utc=generated_at_utc,
        plan_source=PlanSource(
            path=path,
            source_kind="markdown_playbook_v1",
            sha256=hashlib.sha256(text).hexdigest(),
            title=path.rpartition("/")[2],
        ),
        global_context=global_context(support, items[0]),
        support_sections=tuple(support),
        items=items,
    )


def _table(sections: tuple[Section, ...]) -> tuple[Table, list[Problem]]:
    """The table with what is wrong with its place and header. Raises PlaybookRefused if there is no table."""
    found = [section for section in sections if section.number == TABLE_SECTION]
    if not found:
        mend = (
            "Add a heading `## 2. Ordered Execution Plan` outside code and HTML, and put the table under it."
        )
        raise PlaybookRefused((file_problem("it has no section 2", mend),))
    problems = [
        file_problem(
            f"section 2 stands in line {found[0].line} already", "Keep one of them.", line=section.line
        )
        for section in found[1:]
    ]
    table = read_table(found[0])
    if table is None:
        why = "section 2 has no table whose first column is step_id"
        mend = "Add the table outside code and HTML, its header starting with | step_id |."
        problems.append(file_problem(why, mend, line=found[0].line))
        raise PlaybookRefused(tuple(sorted(problems, key=lambda problem: problem.line)))
    return table, [*problems, *header_problems(table)]


def _in_file_order(problems: list[Problem], table: Table) -> tuple[Problem, ...]:
    columns = {"": -1} | {name: at for at, name in reversed(list(enumerate(table.columns)))}
    return tuple(
        sorted(problems, key=lambda problem: (problem.line, columns.get(problem.column, len(columns))))
    )
