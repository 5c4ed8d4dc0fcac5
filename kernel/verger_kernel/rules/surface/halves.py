"""The two halves of a settings table: what decides which tests run and how, and all else.

Not here: what a change of the test half means; see `settings.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from verger_kernel.rules.surface.forms import Table

Key = tuple[str, ...]

_SCRIPT_RUNNERS = frozenset(
    ("jest", "vitest", "mocha", "ava", "tap", "nyc", "c8", "jasmine", "playwright", "cypress")
)
_PYTHON_TOOLS = frozenset(("pytest", "coverage", "tox", "nox", "poe", "taskipy", "pytest-env", "pytest_env"))
_TOX_ENVIRONMENT = frozenset(
    (
        *(
            "commands",
            "commands_pre",
            "commands_post",
            "setenv",
            "set_env",
            "passenv",
            "pass_env",
            "skip_install",
        ),
        *(
            "changedir",
            "change_dir",
            "ignore_outcome",
            "ignore_errors",
            "allowlist_externals",
            "whitelist_externals",
        ),
    )
)
_CARGO_TARGETS = frozenset(("lib", "bin", "example", "bench"))


def is_test_key(name: str, key: Key) -> bool:
    """Whether everything below `key` of a file called `name` is of the test half."""
    chosen = _CHOICES.get(name)
    return chosen is None or chosen(key)


def test_half(name: str, table: Table) -> dict[Key, Any]:
    """The test half of a table as pairs of key and value, the shortest key that holds nothing else."""
    return dict(_chosen(name, table, ()))


def joined(name: str, product: Table, half: dict[Key, Any]) -> Table:
    """The product half of `product` with `half` in the place of its own test half."""
    table: Table = _without(name, product, ())
    for key, value in half.items():
        _put(table, key, value)
    return table


def leaves(half: dict[Key, Any]) -> dict[Key, Any]:
    """The half as pairs of key and value in which no value is a table."""
    found: dict[Key, Any] = {}
    waiting = list(half.items())
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*key, str(name)), inner) for name, inner in value.items()]
        else:
            found[key] = value
    return found


def _chosen(name: str, value: Any, key: Key) -> Iterator[tuple[Key, Any]]:
    if key and is_test_key(name, key):
        yield key, value
    else:
        for inner, below in _entries(value):
            yield from _chosen(name, below, (*key, inner))


def _entries(value: Any) -> list[tuple[str, Any]]:
    """The entries of a table, or of a list of named tables."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in value
    ):
        return [(one["name"], one) for one in value]
    return []


def _without(name: str, value: Any, key: Key) -> Any:
    if isinstance(value, dict):
        return {
            inner: _without(name, below, (*key, inner))
            for inner, below in value.items()
            if not is_test_key(name, (*key, inner))
        }
    entries = _entries(value)
    return [_without(name, below, (*key, inner)) for inner, below in entries] if entries else value


def _put(table: Table, key: Key, value: Any) -> None:
    here: Any = table
    for part in key[:-1]:
        if isinstance(here, dict):
            here = here.setdefault(part, {})
        elif isinstance(here, list):
            here = next((one for one in here if isinstance(one, dict) and one.get("name") == part), None)
    if isinstance(here, dict):
        here[key[-1]] = value


def _package(key: Key) -> bool:
    return key[0] == "scripts" or key[0] in _SCRIPT_RUNNERS


def _pyproject(key: Key) -> bool:
    match key:
        case ("tool", tool, *_) if tool in _PYTHON_TOOLS:
            return True
        case ("tool", "pdm" | "rye", "scripts", *_) | ("tool", "pixi", "tasks", *_):
            return True
        case ("tool", "hatch", "envs", _, "scripts", *_) | ("tool", "pixi", "feature", _, "tasks", *_):
            return True
    return key[:3] == ("project", "entry-points", "pytest11")


def _cargo(key: Key) -> bool:
    match key:
        case ("test", *_) | ("package", "autotests") | ("profile", "test", *_):
            return True
        case ("lib", "test" | "doctest" | "harness") | (_, _, "test" | "doctest" | "harness"):
            return key[0] in _CARGO_TARGETS
    return False


def _setup(key: Key) -> bool:
    return key[0] in ("tool:pytest", "pytest", "aliases") or key[0].startswith("coverage:")


def _tox(key: Key) -> bool:
    if key[0] in ("pytest", "tox", "tool:pytest") or key[0].startswith("coverage:"):
        return True
    return key[0].startswith("testenv") and len(key) > 1 and key[1] in _TOX_ENVIRONMENT


_CHOICES: dict[str, Callable[[Key], bool]] = {
    "package.json": _package,
    "composer.json": lambda key: key[0] == "scripts",
    "deno.json": lambda key: key[0] in ("tasks", "test"),
    "pyproject.toml": _pyproject,
    "hatch.toml": lambda key: key[0] == "envs" and key[2:3] == ("scripts",),
    "Cargo.toml": _cargo,
    "setup.cfg": _setup,
    "tox.ini": _tox,
}
