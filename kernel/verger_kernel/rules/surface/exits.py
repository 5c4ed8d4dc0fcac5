"""Where a Python source ends the process, or becomes another, before a test runner has spoken.

Not here: what else it does to the runner; see `tampering.py`.
"""

import ast
from collections.abc import Iterator, Sequence

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.syntax import Source, constant_text, dotted, last_name, text_of, walk

_EXITS = ("sys.exit", "exit", "quit")
_REPLACING = lazy(r"(?:os|posix)\.(?:exec[lv]p?e?)")

Place = tuple[int, str]


def exits(source: Source, on_import: Sequence[ast.AST], *, may_exit: bool) -> Iterator[Place]:
    """The line, and what is done there. `on_import` are the nodes that run on import; see `run_on_import`.

    A source that is started as a program `may_exit` as it likes.
    """
    yield from _silent_exits(source)
    yield from _exits_on_import(on_import, source.bound, may_exit=may_exit)
    if not may_exit:
        yield from _calls_that_exit(source, on_import)


def _exits_on_import(nodes: Sequence[ast.AST], names: dict[str, str], *, may_exit: bool) -> Iterator[Place]:
    for node in nodes:
        match node:
            case ast.Call(func=func) if _is_hard_exit(func, names) or (
                _is_replacing(func, names) and not may_exit
            ):
                yield node.lineno, f"on import: {text_of(node)}"
            case ast.Call(func=func, args=args) if dotted(func) in _EXITS and not may_exit:
                if not args or is_zero(args[0]):
                    yield node.lineno, f"on import: {text_of(node)}"
            case ast.Raise(exc=ast.expr() as raised) if _is_quiet_exit(raised) and not may_exit:
                yield node.lineno, f"on import: {text_of(node)}"


def _calls_that_exit(source: Source, on_import: Sequence[ast.AST]) -> Iterator[Place]:
    """Where a function of this source is called on import, and it or one that it calls so ends the process."""
    functions = {node.name: node for node in source.tree.body if isinstance(node, ast.FunctionDef)}
    waiting = [(node, node) for node in on_import if isinstance(node, ast.Call)]
    seen: set[str] = set()
    while waiting:
        origin, call = waiting.pop()
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in functions or name in seen:
            continue
        seen.add(name)
        nodes = list(run_on_import(functions[name].body))
        waiting += [(origin, node) for node in nodes if isinstance(node, ast.Call)]
        if any(_exits_on_import(nodes, source.bound, may_exit=False)):
            yield origin.lineno, f"on import: {text_of(origin)}, which ends the process"


def _is_replacing(func: ast.expr, names: dict[str, str]) -> bool:
    """Whether the expression is one of `os.execv` and its kin, by whatever name the source knows it."""
    root, _, rest = dotted(func).partition(".")
    meant = f"{names.get(root, root)}.{rest}".rstrip(".")
    return bool(_REPLACING.fullmatch(meant))


def _is_quiet_exit(raised: ast.expr) -> bool:
    if isinstance(raised, ast.Call):
        return last_name(raised.func) == "SystemExit" and (not raised.args or is_zero(raised.args[0]))
    return last_name(raised) == "SystemExit"


def run_on_import(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: not in a function, not under the guard of a program."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and _is_guard(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _is_guard(test: ast.expr) -> bool:
    return text_of(test) == "__name__ == '__main__'"


def _silent_exits(source: Source) -> Iterator[Place]:
    """`os._exit(0)` ends the runner without a word. A child that was forked may end so."""
    yield from _exits_by_text(source)
    if not any(
        _is_hard_exit(node, source.bound) for node in (*source.of(ast.Attribute), *source.of(ast.Name))
    ):
        return
    for function in source.functions:
        calls = [node for node in walk(function) if isinstance(node, ast.Call)]
        forks = any("fork" in last_name(node.func) for node in calls)
        for node in calls:
            is_quiet = not node.args or is_zero(node.args[0])
            if _is_hard_exit(node.func, source.bound) and is_quiet and not forks:
                yield node.lineno, f"{function.name}: {text_of(node)}"
    for call in source.of(ast.Call):
        places = (place for place, arg in enumerate(call.args) if _is_hard_exit(arg, source.bound))
        if any(not _is_told_a_failure(call, place) for place in places):
            yield call.lineno, text_of(call)


def _is_told_a_failure(call: ast.Call, place: int) -> bool:
    """Whether what is handed over for `os._exit`, which stands at `place`, is a code that is no success."""
    after = call.args[place + 1 :] or [key.value for key in call.keywords if key.arg == "args"]
    code = after[0] if after else None
    if isinstance(code, ast.Tuple | ast.List):
        code = code.elts[0] if code.elts else None
    return isinstance(code, ast.Constant) and not is_zero(code)


def _is_hard_exit(node: ast.expr, names: dict[str, str]) -> bool:
    """Whether the expression is `os._exit`, by whatever name the source knows it."""
    if last_name(node) != "_exit" and names.get(last_name(node)) != "os._exit":
        return False
    root, _, rest = dotted(node).partition(".")
    return rest in ("", "_exit") and names.get(root, root) in ("os", "posix", "os._exit", "posix._exit", "")


def _exits_by_text(source: Source) -> Iterator[Place]:
    for call in source.of(ast.Call):
        if last_name(call.func) == "getattr" and "_exit" in map(constant_text, call.args):
            yield call.lineno, text_of(call)


def is_zero(node: ast.expr) -> bool:
    """Whether the expression is an exit code that means success."""
    if isinstance(node, ast.Constant):
        return not node.value
    return last_name(node) in ("EX_OK", "OK", "EXIT_SUCCESS")
