"""A runner's settings, read from whatever file holds them.

Not here: what a change of one means (`weights.py`), and which files hold settings (`kinds.py`, `halves.py`).
"""

import re
from typing import Any

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.forms import form_of
from verger_kernel.rules.surface.halves import Key, leaves, test_half
from verger_kernel.rules.surface.kinds import is_mixed, kind_of
from verger_kernel.rules.surface.plain import decoded, without_comments

Setting = tuple[str, Any]
"""The path of the file that holds it, and its value."""

_VITE = "vite.config."
_TEST_BLOCK = lazy(r"\btest[ \t]{0,20}:[ \t]{0,20}\{")
# The same runner reads these from several files: a setting that moves keeps its key.
_TOOLS = ("pytest", "coverage", "jest", "vitest", "mocha", "ava", "nyc", "c8", "playwright", "cypress")
_PLACES = frozenset((*_TOOLS, "tool", "ini_options", "tool:pytest"))
_STARTED = frozenset(("scripts", "tasks", "aliases", "poe", "taskipy", "setenv", "set_env"))
_PAIR = lazy(
    r"['\"]?(?P<name>[A-Za-z_][\w-]{0,60}+)['\"]?[ \t]{0,20}[:=](?![=>])[ \t]{0,20}"
    r"(?:(?P<list>\[[^\]]{0,4000}+\])|(?P<value>[^\n,{}]{0,400}))"
)


def settings(path: str, data: bytes | None) -> dict[Key, Setting] | None:
    """The settings in a file, keyed so that a setting that moves to another file of its runner keeps its key.

    Scripts are left out. None for a file that cannot be read.
    """
    if data is None:
        return {}
    name = path.rpartition("/")[2]
    form = form_of(name)
    if form is None:
        return {(_tool(name, ()), *key): (path, value) for key, value in _written_in_code(name, data).items()}
    table = form.read(data)
    if table is None:
        return None
    found = leaves(test_half(name, table))
    return {_settled(name, key): (path, value) for key, value in found.items() if not is_script(name, key)}


def holds_settings(path: str) -> bool:
    """Whether the file at `path` holds settings of a runner; of Vite's own they are one block."""
    kind = kind_of(path)
    is_vites = kind is None and path.rpartition("/")[2].startswith(_VITE)
    return is_vites or is_mixed(path) or kind == "runner_configuration"


def is_script(name: str, key: Key) -> bool:
    """Whether the key of a mixed file names something that is started."""
    if name in ("package.json", "composer.json", "deno.json"):
        return key[0] in ("scripts", "tasks")
    return bool(_STARTED & set(key)) or "commands" in key[-1]


def _settled(name: str, key: Key) -> Key:
    tool = _tool(name, key)
    rest = [part.removeprefix("coverage:") for part in key if part not in _PLACES]
    return tool, *(rest or key[-1:])


def _tool(name: str, key: Key) -> str:
    if name.startswith(_VITE):
        return "vitest"
    for tool in _TOOLS:
        if any(tool in part for part in (*key, name)):
            return tool
    return name


def _written_in_code(name: str, data: bytes) -> dict[Key, str]:
    """The settings of a file in JavaScript or YAML: each name before a colon, and what follows it on its level."""
    ending = name.rpartition(".")[2]
    text = without_comments(decoded(data), ending)
    if name.startswith(_VITE):
        text = _test_block(text)
    pairs: dict[Key, str] = {}
    for match in _PAIR.finditer(text):
        value = (match["list"] or match["value"] or "").strip().rstrip(",")
        if value:
            pairs[(match["name"],)] = " ".join(re.sub(r"['\"\[\],]", " ", value).split())
    return pairs


def _test_block(text: str) -> str:
    """What stands in the braces after `test:`; nothing where there are none."""
    begin = _TEST_BLOCK.search(text)
    depth = 0
    for brace in re.finditer(r"[{}]", text[begin.end() - 1 :]) if begin else ():
        depth += 1 if brace[0] == "{" else -1
        if begin and not depth:
            return text[begin.end() : begin.end() - 1 + brace.start()]
    return text[begin.end() :] if begin else ""
