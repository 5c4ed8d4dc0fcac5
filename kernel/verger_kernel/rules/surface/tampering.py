"""Where a Python source reaches into the test runner, or keeps it from speaking.

Not here: how it ends (`exits.py`), other languages, and which files are asked (`suspects.py`).
"""

import ast
import re
from collections.abc import Iterator, Sequence

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.exits import exits, is_zero, run_on_import
from verger_kernel.rules.surface.syntax import (
    Source,
    constant_text,
    dotted,
    last_name,
    targets_of,
    text_of,
    walk,
)

RUNNERS = frozenset(("pytest", "_pytest", "unittest", "pluggy", "doctest", "xdist", "nose", "nose2"))
"""Packages that are a Python test runner, or a part of one."""

# fmt: off
_BUILTINS = frozenset((
    "AssertionError", "BaseException", "Exception", "__import__", "__build_class__", "compile", "exec", "eval",
    "isinstance", "all", "any", "len", "sum", "abs", "repr", "str", "int", "float", "sorted", "round",
))
_WRITES = frozenset((
    "write_text", "write_bytes", "unlink", "remove", "rmtree", "rename", "replace", "truncate", "symlink_to",
))
# fmt: on
_EVERYTHING = frozenset(
    ("object", "int", "float", "str", "bytes", "bool", "complex", "list", "tuple", "dict", "set")
)
_LOOKUPS = ("import_module", "__import__", "get")
_FRAME_TABLES = frozenset(("f_globals", "f_builtins"))
_OUTCOMES = frozenset(("outcome", "exitstatus", "excinfo", "testsfailed", "wasSuccessful", "_exitcode"))
_IN_TESTS = lazy(r"assert|fail|raises|skip|main|exit|run|report|result|outcome|TestCase|Runner")
_PATCHES = frozenset(("setattr", "delattr", "__setattr__", "object", "patch"))
_TEST_FILE = lazy(r"(^|/)(tests?/|test_[^/]*\.py|conftest\.py|[^/]+_test\.py)|^tests?$|junit[\w.-]*\.xml")
_TEST_WORD = lazy(r"\b_?pytest|unittest|\btests?\b|test_")

Place = tuple[int, str]


def tampers(source: Source, *, is_product: bool, may_exit: bool) -> Iterator[Place]:
    """The line, and what is done there. A source that is started as a program `may_exit` as it likes."""
    yield from _patches(source, is_product=is_product)
    yield from _outcomes(source)
    on_import = list(run_on_import(source.tree.body))
    yield from exits(source, on_import, may_exit=may_exit)
    if is_product:
        yield from _writes_on_import(on_import)
        yield from _import_hooks(source)
        yield from _equal_to_everything(source)
        yield from _inner_imports(source)


_TEST_MODULE = lazy(r"(?:tests?\.|test_|.*\.test_|.*_test$|conftest$)")


def _patches(source: Source, *, is_product: bool) -> Iterator[Place]:
    deleted = [target for node in source.of(ast.Delete) for target in node.targets]
    for target in [target for node in source.assignments for target in targets_of(node)] + deleted:
        if _is_patched(target, source.bound, is_product=is_product):
            yield target.lineno, f"{text_of(target)} ="
    for call in source.of(ast.Call) if is_product else ():
        if last_name(call.func) in _PATCHES and _is_patching(call.args, source.bound):
            yield call.lineno, text_of(call)


def _is_patching(args: Sequence[ast.expr], names: dict[str, str]) -> bool:
    if args and _is_of_runner(args[0], names):
        return True
    is_builtin = len(args) > 1 and dotted(args[0]) in ("builtins", "__builtins__")
    return is_builtin and constant_text(args[1]) in _BUILTINS


def _is_patched(target: ast.expr, names: dict[str, str], *, is_product: bool) -> bool:
    if isinstance(target, ast.Subscript):
        if dotted(target.value) == "sys.modules":
            name = constant_text(target.slice) or ""
            return _is_runner(name) or (is_product and bool(_TEST_MODULE.match(name)))
        if last_name(target.value) in _FRAME_TABLES:
            # A name that is computed is a library that shares its names; one that is written out is somebody's.
            return is_product and constant_text(target.slice) is not None
        is_builtin = dotted(target.value) in ("__builtins__", "builtins.__dict__")
        return is_builtin and constant_text(target.slice) in _BUILTINS
    if not isinstance(target, ast.Attribute):
        return False
    if target.attr == "__code__" and "gc" in names.values():
        # What the collector of garbage finds may be anybody's function.
        return is_product
    if names.get(dotted(target.value)) == "builtins" or dotted(target.value) == "__builtins__":
        return target.attr in _BUILTINS
    return _is_of_runner(target.value, names) and (is_product or bool(_IN_TESTS.match(target.attr)))


def _is_of_runner(node: ast.expr, names: dict[str, str]) -> bool:
    """Whether the expression is a runner's module or something in one."""
    root = dotted(node).partition(".")[0]
    if root:
        return _is_runner(names.get(root, ""))
    owner = node.value if isinstance(node, ast.Attribute) else node
    return _is_runner(_module_looked_up(owner))


def _module_looked_up(node: ast.expr) -> str:
    match node:
        case ast.Subscript(value=value, slice=name) if last_name(value) == "modules":
            return constant_text(name) or ""
        case ast.Call(func=func, args=[name, *_]) if last_name(func) in _LOOKUPS:
            return constant_text(name) or ""
    return ""


def _is_runner(name: str) -> bool:
    return name.partition(".")[0] in RUNNERS


def _outcomes(source: Source) -> Iterator[Place]:
    for function in source.functions:
        for node in walk(function) if function.name.startswith("pytest_") else ():
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=name)]) if name in _OUTCOMES:
                    yield node.lineno, f"{function.name}: {text_of(node)}"
                case ast.Call(func=ast.Attribute(attr="force_result" | "force_exception")):
                    yield node.lineno, f"{function.name}: {text_of(node)}"
    for call in source.of(ast.Call):
        is_success = any(key.arg == "returncode" and is_zero(key.value) for key in call.keywords)
        if is_success and dotted(call.func) == "pytest.exit":
            yield call.lineno, text_of(call)


def _import_hooks(source: Source) -> Iterator[Place]:
    """A hook into imports beside a word for a test: it may choose what a test file gets."""
    texts = (constant_text(node) for node in source.of(ast.Constant) if id(node) not in source.documentation)
    if not source.imported & RUNNERS and not any(text and _TEST_WORD.search(text) for text in texts):
        return
    for node in source.of(ast.Attribute):
        if dotted(node) in ("sys.meta_path", "sys.path_hooks"):
            yield node.lineno, f"{dotted(node)} beside a word for a test"


def _equal_to_everything(source: Source) -> Iterator[Place]:
    for node in source.of(ast.ClassDef):
        for statement in node.body:
            if _always(statement, "__eq__", True) or _always(statement, "__ne__", False):
                yield statement.lineno, f"{node.name} equals everything"


def _always(statement: ast.stmt, name: str, answer: bool) -> bool:
    match statement:
        case ast.FunctionDef(name=named, body=[*before, ast.Return(value=ast.Constant(value=value))]):
            return named == name and value is answer and all(isinstance(one, ast.Expr) for one in before)
        case ast.FunctionDef(name=named, body=[*before, ast.Return(value=ast.Call() as call)]):
            is_alone = all(isinstance(one, ast.Expr) for one in before)
            return answer and named == name and is_alone and _is_any_value(call)
        case ast.Assign(targets=[ast.Name(id=named)], value=ast.Lambda(body=ast.Constant(value=value))):
            return named == name and value is answer
    return False


def _is_any_value(call: ast.Call) -> bool:
    """Whether the call asks only for a type that any value may have; to ask for a class of one's own is honest."""
    if last_name(call.func) != "isinstance" or len(call.args) != 2:
        return False
    return any(isinstance(node, ast.Name) and node.id in _EVERYTHING for node in walk(call.args[1]))


def _inner_imports(source: Source) -> Iterator[Place]:
    for node in (*source.of(ast.Import), *source.of(ast.ImportFrom)):
        if re.search(r"\b_pytest\b", text_of(node)):
            yield node.lineno, "import of _pytest"


def _writes_on_import(nodes: Sequence[ast.AST]) -> Iterator[Place]:
    for node in nodes:
        if isinstance(node, ast.Call) and _writes(node):
            texts = (constant_text(inner) for inner in walk(node) if isinstance(inner, ast.expr))
            if any(text and _TEST_FILE.search(text) for text in texts):
                yield node.lineno, f"on import: {text_of(node)}"


def _writes(node: ast.Call) -> bool:
    if last_name(node.func) != "open":
        return last_name(node.func) in _WRITES
    modes = (constant_text(arg) or "" for arg in node.args[1:] or node.args)
    return any(re.fullmatch(r"[wax][bt+]{0,2}", mode) for mode in modes)
