"""Which agent works on which item: the map file of the command line, laid over the routes of the policy.

Not here: what follows from a route; see `rules/policy.py`. A role that a flag names has one agent for all items.
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from verger_kernel.errors import CommandError
from verger_kernel.rules.policy import ROUTED, Route
from verger_kernel.settings.sources import Reading, read_flags
from verger_probes.decoding import converted
from verger_probes.exits import Exit

_FORM = '{"02": "NAME", "03": {"worker": "NAME", "audit_a": "NAME"}}'


def read_map(path: Path) -> tuple[Route, ...]:
    """The routes in the map file at `path`, JSON or TOML: an item's worker, or its agents by role.

    Raises CommandError for a file that is none, and for names that are none.
    """
    table = _table(path)
    given = [
        {"item": item} | ({"worker": one} if isinstance(one, str) else _roles(path, item, one))
        for item, one in table.items()
    ]
    reading: Reading = read_flags({"routes": given})
    if reading.problems:
        _where, what, hint = reading.problems[0]
        raise CommandError(f"Cannot use the map {path}: {what}", hint, Exit.INPUT)
    return tuple(converted(one, Route) for one in reading.values["routes"])


def _table(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CommandError(
            f"Cannot read the map {path}: {why}", f"write JSON like {_FORM}", Exit.INPUT
        ) from None
    if not isinstance(table, dict):
        raise CommandError(
            f"Cannot use the map {path}: it is no table", f"write JSON like {_FORM}", Exit.INPUT
        )
    return table


def _roles(path: Path, item: str, value: object) -> dict[str, Any]:
    if isinstance(value, dict) and "item" not in value:
        return value
    raise CommandError(
        f"Cannot use the map {path}: what it says of item {item} names no agent",
        f"write JSON like {_FORM}",
        Exit.INPUT,
    )


def merged(routes: Iterable[Route], over: Iterable[Route], flagged: Iterable[str]) -> tuple[Route, ...]:
    """`routes` with those of `over` laid on top, role by role, and without the roles `flagged`; by item, sorted.

    An item that stands twice in one of them is left standing twice.
    """
    flagged = tuple(flagged)
    known = {route.item: route for route in over}
    both = [_laid(route, known.pop(route.item, None)) for route in routes] + list(known.values())
    kept = [msgspec.structs.replace(route, **dict.fromkeys(flagged, "")) for route in both]
    return tuple(sorted((route for route in kept if any(_named(route))), key=lambda route: route.item))


def _laid(route: Route, over: Route | None) -> Route:
    said = {role: name for role in ROUTED if (name := getattr(over, role, ""))}
    return msgspec.structs.replace(route, **said)


def _named(route: Route) -> Iterable[str]:
    return (getattr(route, role) for role in ROUTED)
