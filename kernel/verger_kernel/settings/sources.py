"""The places a policy is read from: TOML files, environment variables, command-line flags; each judged alone.

Not here: which place wins; see `resolved.py`. So a wrong value is named even where another place wins.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from verger_kernel.rules.ids import shown
from verger_kernel.rules.policy_snapshot import Source
from verger_kernel.settings.fields import LaneSettings, Layer, mend_unknown, wanted

PREFIX = "VERGER_"
_TABLES = ("agents", "lanes", "intention", "prices")

VARIABLES: dict[str, str] = {
    f"{PREFIX}{key.upper()}": key for key in Layer.model_fields if key not in ("schema_version", *_TABLES)
} | {f"{PREFIX}LANES__{role.upper()}": f"lanes.{role}" for role in LaneSettings.model_fields}
"""The environment variables that count, with the setting of each."""

_LISTS = dict.fromkeys(VARIABLES, '["first", "second"]') | {
    f"{PREFIX}ROUTES": '[{"item": "02", "worker": "painter"}]',
    f"{PREFIX}QUARANTINE": '[{"test": "tests/a.py::b", "owner": "Ada", "expires": "2026-12-31"}]',
}


class Problem(NamedTuple):
    """One thing that is wrong with one place, and the mend."""

    where: str
    what: str
    hint: str


class Reading(NamedTuple):
    """What one place says, as nested tables of only what is written there; empty if it has problems."""

    source: Source
    values: dict[str, Any]
    problems: tuple[Problem, ...]


class _Settings(Layer, BaseSettings):
    """The layer as pydantic-settings reads it. Never made: that would read the process's own environment."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__")


class _OneVariable(EnvSettingsSource):
    """pydantic's environment source over one given variable, so that a flaw is blamed on the right one."""

    def __init__(self, name: str, value: str) -> None:
        self._given = {name.lower(): value}
        super().__init__(_Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given


def read_file(source: Source, path: Path) -> Reading:
    """What the TOML file at `path` says; a problem if there is no such file."""
    where = _printable(str(path))
    try:
        if not path.is_file():
            return _flawed(source, Problem(where, "is missing or is no file", "name an existing TOML file"))
        # Made absolute, because pydantic-settings takes a leading ~ for the home folder.
        values = TomlConfigSettingsSource(_Settings, toml_file=path.absolute())()
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return _flawed(source, Problem(where, f"cannot be read as TOML: {why}", "mend the file"))
    return _judged(source, where, values, strict=True)


def is_there(path: Path) -> bool:
    """Whether anything has the name `path`, be it a folder or a broken link."""
    return os.path.lexists(path)


def read_environment(environ: Mapping[str, str]) -> list[Reading]:
    """What each known variable of `environ` says, in the order of their names."""
    return [_read_variable(name, environ[name]) for name in sorted(VARIABLES) if name in environ]


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names in `environ` that begin like ours but hold no setting, sorted."""
    return tuple(sorted(name for name in environ if name.startswith(PREFIX) and name not in VARIABLES))


def _read_variable(name: str, value: str) -> Reading:
    try:
        values = _OneVariable(name, value)()
    except (SettingsError, RecursionError):
        values = {}
    if not values:
        what = f"{VARIABLES[name]} is {shown(value)}, which is no JSON list"
        return _flawed("env", Problem(name, what, f"write a list like {_LISTS[name]}, or unset it"))
    # Not strict: the environment holds text alone, and pydantic reads numbers and switches from it.
    return _judged("env", name, values, strict=False)


def read_flags(flags: Mapping[str, object]) -> Reading:
    """What the command line says; a flag that is None was not given."""
    given = {key: value for key, value in flags.items() if value is not None}
    return _judged("flag", "command line", given, strict=True)


def _judged(source: Source, where: str, values: Mapping[str, Any], *, strict: bool) -> Reading:
    try:
        layer = Layer.model_validate(values, strict=strict)
    except ValidationError as error:
        return _flawed(source, *(_problem(where, detail) for detail in error.errors(include_url=False)))
    said = layer.model_dump(exclude_unset=True)
    if "intention" in said and source != "repository":
        what = "intention counts in the verger.toml of the repository alone, where it is reviewed"
        return _flawed(source, Problem(where, what, "take it out, and commit it there"))
    return Reading(source, said, ())


def _flawed(source: Source, *problems: Problem) -> Reading:
    return Reading(source, {}, problems)


def _problem(where: str, detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    key = _printable(_dotted(location))
    hint = f"write {wanted(location)}" if wanted(location) else "docs/policy.md shows the form of the file"
    match detail["type"]:
        case "extra_forbidden":
            return Problem(where, f"{key} is no setting", mend_unknown(location))
        case "missing":
            return Problem(where, f"{key} is missing", hint)
        case "string_pattern_mismatch":
            reason = "not of the right form"
        case _:
            reason = detail["msg"][0].lower() + detail["msg"][1:]
    subject = "an agent's name" if location[-1] == "[key]" else key
    return Problem(where, f"{subject} is {_value(detail['input'])}: {reason}", hint)


def _dotted(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location if part != "[key]")
    return "".join(parts).removeprefix(".")


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _value(value: object) -> str:
    """`value` for an error line. Tables and lists are only named: nested deeply, they cannot be printed."""
    match value:
        case str():
            return shown(value)
        # Python refuses to print integers past 4300 digits, and TOML can hold them.
        case int() if value.bit_length() > 256:
            return "a number of more than 77 digits"
        case bool() | int() | float():
            return json.dumps(value)
        case list():
            return "a list"
        case dict():
            return "a table"
    return shown(str(value))
