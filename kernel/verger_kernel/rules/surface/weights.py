"""What a change of a runner's settings weighs: fewer tests, a laxer run, or nothing that anybody must answer.

Not here: reading them (`settings.py`), and what each word means (`vocabulary.py`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from verger_kernel.rules.surface.halves import Key
from verger_kernel.rules.surface.settings import Setting
from verger_kernel.rules.surface.vocabulary import (
    CEILING,
    DECISIVE,
    EXCLUDING_OPTION,
    FLOOR,
    FREE,
    HARMLESS_OPTION,
    IGNORED,
    LISTS,
    OPTIONS,
    STRICT,
    STRICT_OPTION,
    USUAL,
    WITHOUT_TESTS,
)

_COVERED = "--cov-fail-under="


class Change(NamedTuple):
    """One setting that a person must answer for; `excludes` where it may keep tests from being run."""

    path: str
    text: str
    excludes: bool


def changes(
    old: Mapping[Key, Setting], new: Mapping[Key, Setting], *, added: Collection[str] = ()
) -> Iterator[Change]:
    """What differs so that fewer tests may run or a run is laxer; more tests and a stricter run are nothing.

    `added` are paths of files that are new: a runner that was not there before may be set up in any way but one that
    leaves tests out.
    """
    for key in sorted(old.keys() | new.keys()):
        here, there = new.get(key), old.get(key)
        path = (here or there or ("", None))[0]
        before, after = there and there[1], here and here[1]
        if (there is None) == (here is None) and _words(before) == _words(after):
            continue
        was = " ".join(_words(before))[:120] if there else "not set"
        excludes = _excludes(key, before, after)
        is_fresh = there is None and path in added
        if excludes or not (_is_free(key) or _is_no_laxer(key[-1], before, after, is_fresh=is_fresh)):
            yield Change(path, f"{'.'.join(key)} was {was}", excludes)


def _is_free(key: Key) -> bool:
    name = key[-1]
    if any(map(FREE.fullmatch, key[1:])) or LISTS.fullmatch(name) or IGNORED.fullmatch(name):
        return True
    # Of these files only little is about tests.
    return (
        key[0] in (".npmrc", "config.toml", "config") and "alias" not in key and not DECISIVE.fullmatch(name)
    )


def _excludes(key: Key, before: Any, after: Any) -> bool:
    """Whether tests that ran before may not run now."""
    name, left, right = key[-1], _words(before), _words(after)
    if name in OPTIONS:
        return any(EXCLUDING_OPTION.fullmatch(word) for word in _added(left, right))
    if LISTS.fullmatch(name):
        if after is None:
            return name not in ("testpaths", "roots")
        return bool(_added(right, left)) if before is not None else not all(map(USUAL.fullmatch, right))
    if IGNORED.fullmatch(name):
        return not all(map(WITHOUT_TESTS.fullmatch, _added(left, right)))
    if key == ("Cargo.toml", "test"):
        return bool(_added(right, left)) or any("=False" in word for word in _added(left, right))
    if key[0] == "Cargo.toml":
        return "false" in right
    return False


def _is_no_laxer(name: str, before: Any, after: Any, *, is_fresh: bool) -> bool:
    left, right = _words(before), _words(after)
    if name in OPTIONS:
        return _options_are_no_laxer(_added(left, right), _added(right, left))
    if name == "filterwarnings":
        return not any(word.startswith("error") for word in _added(right, left))
    if name == "test" or name in ("autotests", "harness", "doctest"):
        return True
    if STRICT.fullmatch(name):
        return right not in ([], ["false"], ["0"])
    if name == "pythonpath":
        return is_fresh or (right[: len(left)] == left and all(map(USUAL.fullmatch, right[len(left) :])))
    if FLOOR.fullmatch(name):
        return before is None or _number(after) >= _number(before)
    if CEILING.fullmatch(name):
        return before is None or _number(before) >= _number(after) >= 0
    return is_fresh and not DECISIVE.fullmatch(name)


def _options_are_no_laxer(added: list[str], removed: list[str]) -> bool:
    raised = max(
        (_number(word.removeprefix(_COVERED)) for word in added if word.startswith(_COVERED)), default=-1.0
    )
    for word in removed:
        is_raised = word.startswith(_COVERED) and raised >= _number(word.removeprefix(_COVERED))
        if STRICT_OPTION.fullmatch(word) and not is_raised:
            return False
    return all(word.startswith(_COVERED) or HARMLESS_OPTION.fullmatch(word) for word in added)


def _added(left: list[str], right: list[str]) -> list[str]:
    known = set(left)
    return [word for word in right if word not in known]


def _number(value: Any) -> float:
    """The value as a number; below all others where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return -1.0


def _words(value: Any) -> list[str]:
    """A value as words: INI's lines, TOML's lists and JSON's scalars of one meaning give the same."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, dict):
        return [",".join(f"{name}={inner}" for name, inner in value.items())]
    if isinstance(value, list):
        return [one if isinstance(one, str) else " ".join(_words(one)) for one in value]
    return str(value).replace(",", " ").split()
