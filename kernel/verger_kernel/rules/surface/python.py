"""The tests, assertions and skips of a Python source, counted on its tree.

Not here: what a source that is no test file does; see `suspects.py`. Hooks that leave tests out are in `hooks.py`.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from verger_kernel.rules.surface.counts import Counts
from verger_kernel.rules.surface.hooks import exclusions
from verger_kernel.rules.surface.syntax import are_alike, dotted, last_name, read_source, text_of, walk

_SKIPS = frozenset(
    ("skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "importorskip", "skipTest")
)
_RAISES = frozenset(("raises", "warns", "deprecated_call", "fail"))
_SWALLOWED = frozenset(("AssertionError", "Exception", "BaseException"))
_CASES_MAX = 10_000


def read_python(data: bytes | None) -> Counts:
    """What the test file holds; nothing where it does not parse.

    A test with literal parameters counts once a case, and so do its assertions. Not counted: an assertion that cannot
    fail, one that is never reached, one whose failure is caught, and a test that a later one of the same name replaces.
    """
    source = read_source(data)
    counts = Counts()
    if source is None:
        return counts
    try:
        _Reader(counts).block(source.tree.body, _Place())
    except RecursionError:
        return Counts()
    counts.excluded.update(exclusions(source))
    return counts


@dataclass(frozen=True)
class _Place:
    """Where a statement stands: `collected` if a test there is found, `caught` if an assertion's failure is."""

    scope: str = ""
    cases: int = 1
    collected: bool = True
    caught: bool = False

    def inside(self, name: str, **changes: object) -> "_Place":
        return replace(self, scope=f"{self.scope}{name}.", **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Reader:
    counts: Counts

    def block(self, statements: Sequence[ast.stmt], place: _Place) -> None:
        last = {_name(statement): statement for statement in statements}
        for statement in statements:
            name = _name(statement)
            if name.startswith("test") and last[name] is not statement:
                continue
            self.statement(statement, place)
            if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break) or _skips_here(
                statement
            ):
                return

    def statement(self, statement: ast.stmt, place: _Place) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(statement, place)
            case ast.ClassDef():
                self.test_class(statement, place)
            case ast.Assert():
                self.assertion(statement, place, can_fail(statement.test))
                self.expressions([statement.test], place, is_asserted=True)
            case ast.If() | ast.While() if isinstance(statement.test, ast.Constant):
                self.block(statement.body if statement.test.value else statement.orelse, place)
            case ast.Try() | ast.TryStar():
                self.attempt(statement, place)
            case ast.For() | ast.AsyncFor() if (
                isinstance(statement.iter, ast.List | ast.Tuple) and not statement.iter.elts
            ):
                self.block(statement.orelse, place)
            case ast.With() | ast.AsyncWith():
                self.expressions([item.context_expr for item in statement.items], place)
                caught = place.caught or any(_suppresses(item.context_expr) for item in statement.items)
                self.block(statement.body, replace(place, caught=caught))
            case ast.Match():
                for case in statement.cases:
                    self.block(case.body, place)
            case _:
                self.plain(statement, place)

    def plain(self, statement: ast.stmt, place: _Place) -> None:
        if isinstance(statement, ast.Raise) and statement.exc is not None and _raises_skip(statement.exc):
            self.counts.skips[place.scope + text_of(statement)] += 1
        blocks = [getattr(statement, name, []) for name in ("body", "orelse")]
        self.expressions(
            [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr)], place
        )
        for block in blocks:
            self.block(block, place)

    def attempt(self, statement: ast.Try | ast.TryStar, place: _Place) -> None:
        caught = place.caught or any(_catches(handler) for handler in statement.handlers)
        self.block(statement.body, replace(place, caught=caught))
        for handler in statement.handlers:
            self.block(handler.body, place)
        self.block(statement.orelse, place)
        self.block(statement.finalbody, place)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: _Place) -> None:
        cases = min(place.cases * _cases(node.decorator_list), _CASES_MAX)
        if place.collected and node.name.startswith("test"):
            self.counts.tests[place.scope + node.name] += cases
            if not cases:
                self.counts.skips[f"{place.scope}{node.name}: no parameters"] += 1
        self.expressions(node.decorator_list, place.inside(node.name))
        self.block(node.body, place.inside(node.name, cases=cases, collected=False))

    def test_class(self, node: ast.ClassDef, place: _Place) -> None:
        is_found = bool(node.bases) or (
            node.name.startswith("Test") and "__init__" not in map(_name, node.body)
        )
        shunned = any(text_of(statement) == "__test__ = False" for statement in node.body)
        cases = min(place.cases * _cases(node.decorator_list), _CASES_MAX)
        self.expressions(node.decorator_list, place.inside(node.name))
        collected = place.collected and is_found and not shunned
        self.block(node.body, place.inside(node.name, cases=cases, collected=collected))

    def expressions(self, roots: Sequence[ast.expr], place: _Place, *, is_asserted: bool = False) -> None:
        for root in roots:
            for node in walk(root):
                if isinstance(node, ast.Call):
                    self.call(node, place, is_asserted=is_asserted)
                elif isinstance(node, ast.Attribute | ast.Name) and _is_mark(node):
                    self.counts.skips[place.scope + dotted(node)] += max(place.cases, 1)

    def call(self, node: ast.Call, place: _Place, *, is_asserted: bool) -> None:
        name = last_name(node.func)
        is_check = name.startswith("assert") or name in _RAISES or name == "expect"
        if is_check and not is_asserted:
            self.assertion(node, place, _check_can_fail(name, node))

    def assertion(self, node: ast.AST, place: _Place, can_fail: bool) -> None:
        if can_fail and not place.caught and place.cases:
            self.counts.assertions[text_of(node)] += place.cases


def can_fail(test: ast.expr) -> bool:
    """Whether `assert test` can fail, as far as its text says."""
    match test:
        case ast.Constant():
            return not test.value
        case ast.Tuple(elts=inner) | ast.List(elts=inner) | ast.Set(elts=inner):
            return not inner
        case ast.Lambda():
            return False
        case ast.BoolOp(op=ast.Or()):
            return all(can_fail(value) for value in test.values)
        case ast.BoolOp():
            return any(can_fail(value) for value in test.values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return bool(value)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()], comparators=[right]):
            return not are_alike(left, right)
    return True


def _check_can_fail(name: str, node: ast.Call) -> bool:
    match name, node.args:
        case ("assertTrue" | "assert_" | "assert_true", [one, *_]):
            return can_fail(one)
        case ("assertFalse" | "assert_false", [ast.Constant(value=value), *_]):
            return bool(value)
        case (
            "assertEqual" | "assertEquals" | "assertIs" | "assertCountEqual" | "assert_equal",
            [left, right, *_],
        ):
            return not are_alike(left, right)
        case ("assertIsNone" | "assertIsNotNone", [ast.Constant(value=value), *_]):
            return (value is None) != (name == "assertIsNone")
    return True


def _name(statement: ast.stmt) -> str:
    is_named = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return statement.name if is_named else ""  # type: ignore[attr-defined]


def _cases(decorators: Sequence[ast.expr]) -> int:
    """How many cases literal parameters make of one test; parameters that are computed count once."""
    cases = 1
    for node in decorators:
        if isinstance(node, ast.Call) and dotted(node.func).endswith("mark.parametrize"):
            given = [*node.args[1:2], *(key.value for key in node.keywords if key.arg == "argvalues")]
            values = given[0] if given else None
            if isinstance(values, ast.List | ast.Tuple | ast.Set) and not any(
                isinstance(v, ast.Starred) for v in values.elts
            ):
                cases *= len(values.elts)
    return cases


def _is_mark(node: ast.Attribute | ast.Name) -> bool:
    if last_name(node) not in _SKIPS or not isinstance(node.ctx, ast.Load):
        return False
    before = dotted(node).rpartition(".")[0]
    return before in ("pytest", "self", "") or before.endswith(("mark", "unittest"))


def _skips_here(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and dotted(value.func) in (
        "pytest.skip",
        "self.skipTest",
        "pytest.xfail",
    )


def _raises_skip(raised: ast.expr) -> bool:
    named = raised.func if isinstance(raised, ast.Call) else raised
    return last_name(named) in ("SkipTest", "Skipped")


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether a failed assertion ends in this handler, and nothing there fails in its place."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    if not any(kind is None or last_name(kind) in _SWALLOWED for kind in kinds):
        return False
    fails = [node for statement in handler.body for node in walk(statement)]
    return not any(
        isinstance(node, ast.Raise | ast.Assert)
        or (isinstance(node, ast.Call) and last_name(node.func).startswith(("assert", "fail", "skip")))
        for node in fails
    )


def _suppresses(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call) or not dotted(expression.func).endswith("suppress"):
        return False
    return any(last_name(kind) in _SWALLOWED for kind in expression.args)
