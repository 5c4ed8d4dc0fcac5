"""Settings files as nested tables, read from bytes and written back: JSON, TOML, INI.

Not here: which of the settings decide about tests; see `settings.py`. A file that is written back holds the same
settings and no comments: it is made for one run of the commands and thrown away.
"""

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, NamedTuple

Table = dict[str, Any]
_DEPTH_MAX = 50
_DOTS_MAX = 200


class Form(NamedTuple):
    """How a file is read, and written; `read` gives None for what it cannot read."""

    read: Callable[[bytes], Table | None]
    write: Callable[[Table, bytes], bytes | None]


def form_of(name: str) -> Form | None:
    """The form of a file with this name; None for one that is no settings file."""
    if name.endswith(".toml") or name == "config":
        return _TOML
    if name.endswith((".json", ".jsonc")) or name in (".nycrc", ".c8rc", ".mocharc"):
        return _JSON
    return _INI if name.endswith((".ini", ".cfg")) or name == ".coveragerc" else None


def _read_json(data: bytes) -> Table | None:
    try:
        table = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) and _is_shallow(table) else None


def _write_json(table: Table, like: bytes) -> bytes | None:
    indent = re.search(rb"\n([ \t]+)\S", like[:4096])
    try:
        return (json.dumps(table, indent=indent[1].decode() if indent else 2) + "\n").encode()
    except (ValueError, RecursionError):
        return None


def _read_toml(data: bytes) -> Table | None:
    # A key with many parts takes the square of their number to read.
    if any(line.count(b".") > _DOTS_MAX for line in data.split(b"\n")):
        return None
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return None
    return table if _is_shallow(table) else None


def _is_shallow(table: Table) -> bool:
    """Whether the table nests no deeper than people write; the others are not entered."""
    level: list[Any] = [table]
    for _ in range(_DEPTH_MAX):
        if not level:
            return True
        inner = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
    return False


def _write_toml(table: Table, like: bytes) -> bytes | None:
    # Slow to load, and needed only where a change touches both halves of such a file.
    import tomlkit

    try:
        written = tomlkit.dumps(table).encode()
    except (ValueError, TypeError, RecursionError):
        return None
    return written if _read_toml(written) == table else None


def _parser() -> configparser.RawConfigParser:
    # [DEFAULT] is a section like the others to the tools that read these files.
    parser = configparser.RawConfigParser(allow_no_value=True, default_section="\0", delimiters=("=", ":"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def _read_ini(data: bytes) -> Table | None:
    parser = _parser()
    try:
        parser.read_string(data.decode("utf-8-sig"))
    except (ValueError, configparser.Error, AttributeError):
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _write_ini(table: Table, like: bytes) -> bytes | None:
    lines = []
    for section, options in table.items():
        lines.append(f"[{section}]")
        for name, value in options.items():
            lines.append(name if value is None else f"{name} = {value}".replace("\n", "\n\t"))
        lines.append("")
    written = "\n".join(lines).encode()
    return written if _read_ini(written) == table else None


_JSON, _TOML, _INI = Form(_read_json, _write_json), Form(_read_toml, _write_toml), Form(_read_ini, _write_ini)
