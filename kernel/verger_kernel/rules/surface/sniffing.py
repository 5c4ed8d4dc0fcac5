"""Where a Python source asks whether a test is running.

Not here: other languages, and which files are asked; see `suspects.py`.
"""

import ast
import re
from collections.abc import Iterable, Iterator

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.syntax import Source, constant_text, dotted, last_name, text_of, walk

# Nobody but a runner sets these, so to name one in code is to ask for it.
_MARKERS = lazy(
    r"PYTEST_[A-Z_]+|JEST_WORKER_ID|NODE_TEST_CONTEXT|VITEST(_\w+)?|TOX_ENV_\w+|VERGER_VERIFICATION|VERGER_REPORT_DIR"
)
# Others set these too: only reading them from the environment counts. Not CI: no command of a trial is given it.
_ENVIRONMENT = frozenset(("TESTING", "RUNNING_TESTS"))
_RUNNER_WORD = lazy(r"\b_?(pytest|py\.test|unittest|nose2?|xdist)\b|pytest")
_TEST_WORD = lazy(r"\b_?(pytest|py\.test|unittest|nose2?)|\btest_|_test\b|conftest|tests?/|/tests?|^tests?$")
_PYTEST = lazy(r"\b_?pytest\b")
_TABLES = ("sys.modules", "sys.argv", "sys.orig_argv")
_FRAMES = frozenset(
    ("currentframe", "getouterframes", "_getframe", "_current_frames", "extract_stack", "walk_stack")
)

Place = tuple[int, str]


def sniffs(source: Source) -> Iterator[Place]:
    """The line, and what is asked there."""
    yield from _markers(source)
    yield from _environment(source)
    yield from _tables(source)
    yield from _frames(source)
    yield from _searches(source)


def _markers(source: Source) -> Iterator[Place]:
    # To set one for a process that is started is to tell, not to ask.
    told = {id(key) for node in source.of(ast.Dict) for key in node.keys}
    told |= {id(node.slice) for node in source.of(ast.Subscript) if not isinstance(node.ctx, ast.Load)}
    for node in (*source.of(ast.Constant), *source.of(ast.BinOp)):
        text = constant_text(node)
        if text and _MARKERS.fullmatch(text) and id(node) not in source.documentation | told:
            yield node.lineno, text
    for attribute in source.of(ast.Attribute):
        if attribute.attr == "_called_from_test":
            yield attribute.lineno, attribute.attr


def _environment(source: Source) -> Iterator[Place]:
    for node in (*source.of(ast.Call), *source.of(ast.Subscript), *source.of(ast.Compare)):
        match node:
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]):
                is_read = last_name(func) == "getenv" or _is_environment(dotted(func).rpartition(".")[0])
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                is_read = _is_environment(dotted(value))
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[right]):
                is_read = _is_environment(dotted(right))
            case _:
                continue
        if is_read and name in _ENVIRONMENT:
            yield node.lineno, f"environment {name}"


def _is_environment(name: str) -> bool:
    return name.rpartition(".")[2] in ("environ", "env", "environb")


def _tables(source: Source) -> Iterator[Place]:
    """A runner's name beside a table of what is loaded or was started, in one statement."""
    aliases = _aliases(source)
    names = (*source.of(ast.Attribute), *source.of(ast.Name))
    places = {id(node) for node in names if dotted(node) in aliases}
    if not places:
        return
    for statement in walk(source.tree):
        if isinstance(statement, ast.stmt):
            inside = (child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr))
            nodes = [node for child in inside for node in walk(child)]
            if places & set(map(id, nodes)):
                yield from ((statement.lineno, f"{text} in a table") for text in _texts(nodes, _RUNNER_WORD))


def _aliases(source: Source) -> set[str]:
    """The names by which the source knows the tables."""
    aliases = {name for name, meant in source.bound.items() if meant in _TABLES}
    modules = [name for name, meant in source.bound.items() if meant == "sys"]
    aliases.update(table.replace("sys", name, 1) for name in ("sys", *modules) for table in _TABLES)
    for node in source.of(ast.Assign):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if dotted(value) in aliases:
                aliases.add(name)
    return aliases


def _frames(source: Source) -> Iterator[Place]:
    """A function, or a statement outside of functions, that looks at its callers and knows a word for a test."""
    if not any(map(_is_frame, (*source.of(ast.Attribute), *source.of(ast.Name)))):
        return
    for line, name, root in _outermost(source.tree):
        nodes = list(walk(root))
        spoken = _texts((node for node in nodes if id(node) not in source.documentation), _TEST_WORD)
        if any(map(_is_frame, nodes)) and any(spoken):
            yield line, f"callers of {name}"


def _outermost(tree: ast.Module) -> Iterator[tuple[int, str, ast.AST]]:
    """Functions that are in no other one, and statements that are in none; each with its line and name."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef):
            waiting += node.body
        else:
            yield node.lineno, getattr(node, "name", ""), node


def _is_frame(node: ast.AST) -> bool:
    return last_name(node) in _FRAMES or (last_name(node) == "stack" and dotted(node) == "inspect.stack")


def _searches(source: Source) -> Iterator[Place]:
    for node in source.of(ast.Try):
        for statement in node.body:
            if isinstance(statement, ast.Import | ast.ImportFrom) and _PYTEST.search(text_of(statement)):
                yield statement.lineno, "attempted import of pytest"
    for call in source.of(ast.Call):
        if last_name(call.func) in ("find_spec", "find_loader"):
            yield from ((call.lineno, f"search for {text}") for text in _texts(call.args, _RUNNER_WORD))


def _texts(nodes: Iterable[ast.AST], words: re.Pattern[str]) -> Iterator[str]:
    """The texts among the nodes that hold one of the words."""
    texts = (constant_text(node) for node in nodes if isinstance(node, ast.Constant | ast.BinOp))
    return (text for text in texts if text and words.search(text))
