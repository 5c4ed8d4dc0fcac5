"""What a Python source of the test surface does to the run itself: tests it leaves out, outcomes it overwrites.

Not here: product code that does so; see `suspects.py`.
"""

import ast
from collections import Counter
from collections.abc import Iterator

from verger_kernel.rules.surface.syntax import (
    Assignment,
    Source,
    dotted,
    last_name,
    targets_of,
    text_of,
    walk,
)

_IGNORE_LISTS = ("collect_ignore", "collect_ignore_glob")
_REORDERS = ("sorted", "reversed", "list")


def exclusions(source: Source) -> Counter[str]:
    """What keeps tests of this or another file from being run, each by its text."""
    found = Counter(text_of(node) for node in source.assignments if _leaves_out(node))
    found.update(text_of(node) for node in source.of(ast.Expr) if _adds_to_a_list(node.value))
    for function in source.functions:
        found.update(_hook(function))
    return found


def _leaves_out(node: Assignment) -> bool:
    names = {last_name(target) for target in targets_of(node)}
    is_list = isinstance(node.value, ast.List | ast.Tuple) and not node.value.elts
    if names & set(_IGNORE_LISTS):
        return not is_list
    return "__test__" in names and isinstance(node.value, ast.Constant) and not node.value.value


def _adds_to_a_list(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and dotted(value.func).partition(".")[0] in _IGNORE_LISTS


def _hook(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    match function.name:
        case "pytest_ignore_collect":
            yield f"def {function.name}"
        case "pytest_collection_modifyitems":
            yield from (f"{function.name}: {text_of(node)}" for node in walk(function) if _drops(node))
        case "load_tests":
            # unittest hands the tests it found as the second argument: a function that forgets them drops them.
            found = function.args.args[1].arg if len(function.args.args) > 1 else ""
            if not any(isinstance(node, ast.Name) and node.id == found for node in walk(function)):
                yield "def load_tests"


def _drops(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="items"))], value=value):
            return not (isinstance(value, ast.Call) and dotted(value.func) in _REORDERS)
        case ast.Delete(targets=[ast.Subscript(value=ast.Name(id="items"))]):
            return True
        case ast.Call(func=func):
            name = dotted(func)
            return name in ("items.clear", "items.remove", "items.pop") or name.endswith("pytest_deselected")
    return False
