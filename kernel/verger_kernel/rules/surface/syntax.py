"""Python source as a tree, and the names and texts in it.

Not here: what is looked for; see `python.py`, `hooks.py`, `sniffing.py` and `tampering.py`.
"""

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TypeVar

Kind = TypeVar("Kind", bound=ast.AST)
Assignment = ast.Assign | ast.AugAssign | ast.AnnAssign

# Each beginning of a chain or a sum is read once more, so a long one is read in part: it is no name in pieces.
_PARTS_MAX = 20


class Source:
    """A source that parses: its tree, and all its nodes by their kind."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self._nodes: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        for node in walk(tree):
            self._nodes[type(node)].append(node)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Every node of just this kind."""
        return self._nodes.get(kind, [])  # type: ignore[return-value]  # they are stored by their kind

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function, methods and inner ones too."""
        return [*self.of(ast.FunctionDef), *self.of(ast.AsyncFunctionDef)]

    @property
    def assignments(self) -> list[Assignment]:
        """Every statement that assigns."""
        return [*self.of(ast.Assign), *self.of(ast.AugAssign), *self.of(ast.AnnAssign)]

    @cached_property
    def documentation(self) -> set[int]:
        """The ids of the constants that stand alone: docstrings and the like."""
        return {id(node.value) for node in self.of(ast.Expr) if isinstance(node.value, ast.Constant)}

    @cached_property
    def imported(self) -> set[str]:
        """The top-level packages that are imported anywhere."""
        whole = {alias.name for node in self.of(ast.Import) for alias in node.names}
        parts = {node.module or "" for node in self.of(ast.ImportFrom) if not node.level}
        return {name.partition(".")[0] for name in whole | parts}

    @cached_property
    def bound(self) -> dict[str, str]:
        """Each name that an import binds anywhere, and the dotted name it stands for."""
        bound: dict[str, str] = {}
        for node in self.of(ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
        for one in self.of(ast.ImportFrom):
            bound |= {alias.asname or alias.name: f"{one.module or ''}.{alias.name}" for alias in one.names}
        return bound


# A file is asked several times in a row, before and after its change.
@lru_cache(maxsize=2)
def read_source(data: bytes | None) -> Source | None:
    """The source, read in the encoding that it names; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Source(ast.parse(data or b""))
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError):
        return None


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, in no particular order; faster than `ast.walk`, and as safe from deep nesting."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                waiting.append(value)


def targets_of(node: Assignment) -> list[ast.expr]:
    """What the statement assigns to."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or of an attribute of one; of any other expression the attributes after it, as `.b.c`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _PARTS_MAX:
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def last_name(node: ast.AST | None) -> str:
    """`c` of `a.b.c`; empty for what is neither a name nor an attribute."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST, width: int = 160) -> str:
    """The node as source in one line, cut at `width`; one that nests too deep is its kind."""
    try:
        return " ".join(ast.unparse(node).split())[:width]
    except RecursionError:
        return type(node).__name__


def are_alike(left: ast.AST, right: ast.AST) -> bool:
    """Whether two expressions are written alike."""
    try:
        return ast.dump(left) == ast.dump(right)
    except RecursionError:
        return False


def constant_text(node: ast.AST) -> str | None:
    """The text that an expression of literals means, joined where it is joined by `+`; None for any other."""
    parts: list[str] = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if len(parts) + len(waiting) > _PARTS_MAX:
            return None
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            waiting += [part.left, part.right]
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            parts.append(part.value)
        else:
            return None
    return "".join(reversed(parts))
