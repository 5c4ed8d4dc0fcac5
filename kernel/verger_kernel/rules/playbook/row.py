"""One row of a playbook, asked column by column; it remembers what is wrong with each cell.

Not here: how the answers make an item; see `items.py`.
"""

from verger_kernel.rules.ids import item_id_problem, shown
from verger_kernel.rules.playbook import cells
from verger_kernel.rules.playbook.problems import Problem
from verger_kernel.rules.playbook.table import Row, Table, named_cells

_FLAGS = {
    "1": True,
    "true": True,
    "yes": True,
    "y": True,
    "0": False,
    "false": False,
    "no": False,
    "n": False,
}


class RowReader:
    """Reads the cells of `row`. A refused cell adds to `problems` and reads as empty.

    A column that the table lacks reads as empty without a problem: the header has been refused for it.
    """

    def __init__(self, table: Table, row: Row) -> None:
        self.row = row
        self.problems: list[Problem] = []
        self._cells = named_cells(table, row)

    def refuse(self, column: str, value: str, why: str, mend: str) -> None:
        """Records that `value` in `column` cannot stay."""
        quoted = shown(value) if value else ""
        self.problems.append(Problem(line=self.row.line, column=column, value=quoted, why=why, mend=mend))

    def cell(self, column: str) -> str:
        """The cell as it stands, which may be empty."""
        return self._cells.get(column, "")

    def required(self, column: str) -> str:
        """The cell as it stands, which must not be empty."""
        text = self.cell(column)
        if not text and column in self._cells:
            self.refuse(column, "", "the cell is empty", f"Fill in {column}.")
        return text

    def item_id(self) -> str:
        """The id of the item, one that a branch and a folder can bear."""
        name = self.required("step_id")
        problem = item_id_problem(name) if name else None
        if problem:
            self.refuse("step_id", name, problem, "Write a short id such as 01.")
        return name

    def entries(self, column: str) -> tuple[str, ...]:
        """The entries of a `;` list."""
        return cells.split_list(self.cell(column))

    def commands(self, column: str) -> tuple[str, ...]:
        """The entries of a `;` list of shell commands."""
        return cells.split_commands(self.cell(column))

    def required_paths(self, column: str) -> tuple[str, ...]:
        """The paths that the cell names, at least one; names without a slash count if no path has one."""
        text = self.required(column)
        found = cells.find_paths(text) or cells.find_root_level_names(text)
        if text and not found:
            mend = "Write a path such as docs/notes.md, or any path in backticks."
            self.refuse(column, text, "names no path", mend)
        return self._checked(column, found)

    def paths(self, column: str) -> tuple[str, ...]:
        """The paths with a slash that the cell names, perhaps none."""
        return self._checked(column, cells.find_paths(self.cell(column)))

    def write_roots(self) -> tuple[str, ...]:
        """The folders and files that the item may write, at least one, without final slashes."""
        column = "allowed_write_roots"
        roots = self.entries(column)
        if not roots and column in self._cells:
            self.refuse(
                column, "", "the cell names no root", "Name what the item may write, for example docs; tests."
            )
        for root in roots:
            if problem := cells.root_problem(root):
                self.refuse(column, root, *problem)
        return tuple(root.rstrip("/") for root in roots)

    def flag(self, column: str) -> bool:
        """Yes or no, in any of the ways a cell may say it; it must say one."""
        text = self.cell(column)
        if text.lower() not in _FLAGS and column in self._cells:
            why = "is neither yes nor no" if text else "the cell is empty"
            self.refuse(column, text, why, "Write yes or no.")
        return _FLAGS.get(text.lower(), False)

    def choice(self, column: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`, in lower case; an empty cell is `none`."""
        text = self.cell(column).lower() or "none"
        if text not in allowed:
            self.refuse(column, self.cell(column), "is not allowed", f"Write one of {', '.join(allowed)}.")
            return "none"
        return text

    def _checked(self, column: str, found: tuple[str, ...]) -> tuple[str, ...]:
        for path in found:
            if problem := cells.path_problem(path):
                self.refuse(column, path, *problem)
        return found
