"""The policy of a run, resolved: code defaults < verger.toml < --config < VERGER_* < flags, with provenance.

Not here: reading and judging each place (`sources.py`); the settings (`fields.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import shown
from verger_kernel.rules.policy import ROUTED, AgentDefinition, Intention, Lanes, Policy, Route
from verger_kernel.rules.policy_snapshot import Resolved, Source
from verger_kernel.rules.runnable import PolicyRefusal, check
from verger_kernel.settings.routes import merged, read_map
from verger_kernel.settings.sources import (
    Problem,
    Reading,
    is_there,
    read_environment,
    read_file,
    read_flags,
    unknown_variables,
)
from verger_probes.decoding import converted
from verger_probes.exits import Exit

EXAMPLE = (
    'lanes = { worker = "coder", audit_a = "reader", audit_b = "critic" }',
    "[agents]",
    'coder = { kind = "generic", command = ["./agents/coder"] }',
    'reader = { kind = "generic", command = ["./agents/reader"] }',
    'critic = { kind = "generic", command = ["./agents/critic"] }',
)
"""The smallest verger.toml, line by line."""

_ROLES = Lanes.__struct_fields__
_WHOLE = ("prices", "secrets")
"""Tables that are taken whole from the last place that has them: their keys are no settings."""
_NEEDED = ("worker", "audit_a", "audit_b")


class _Setting(NamedTuple):
    source: Source
    value: Any


def resolve(
    *,
    repository_file: Path | None,
    overlay_file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    agents_map: Path | None = None,
) -> Resolved:
    """The policy that the five places make together.

    `repository_file` may be absent, `overlay_file` must exist when named. `flags` are settings by name, with
    `lanes` as a table; None means not given. `agents_map` routes items to agents, over the routes of the files and
    under the flags. Raises CommandError with every problem of every place at once
    (Exit.INPUT), or when the whole cannot be run (Exit.REFUSED).
    """
    readings = list(_readings(repository_file, overlay_file, environ, flags))
    if problems := [problem for reading in readings for problem in reading.problems]:
        raise _unusable(problems)
    written = _written(readings)
    over = read_map(agents_map) if agents_map else ()
    policy = _policy(written, over)
    sources = {key: written[key].source if key in written else "default" for key in sorted(_keys(policy))}
    return Resolved(
        policy=policy,
        sources=sources | ({"routes": "flag"} if over else {}),
        ignored_environment=unknown_variables(environ),
    )


def _readings(
    repository_file: Path | None,
    overlay_file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
) -> Iterator[Reading]:
    if repository_file is not None and is_there(repository_file):
        yield read_file("repository", repository_file)
    if overlay_file is not None:
        yield read_file("config", overlay_file)
    yield from read_environment(environ)
    yield read_flags(flags)


def _unusable(problems: list[Problem]) -> CommandError:
    if len(problems) == 1:
        where, what, hint = problems[0]
        return CommandError(f"Cannot use the policy: {where}: {what}", hint, Exit.INPUT)
    lines = tuple(f"{where}: {what}. Hint: {hint}" for where, what, hint in problems)
    return CommandError(
        f"Cannot use the policy: it has {len(problems)} problems", "mend each of them", Exit.INPUT, lines
    )


def _written(readings: Iterable[Reading]) -> dict[str, _Setting]:
    """Every setting that some place holds, by dotted key; later readings win."""
    written: dict[str, _Setting] = {}
    for reading in readings:
        # An agent is taken whole: half a definition from each of two files would be nobody's.
        for name in reading.values.get("agents", ()):
            for field in AgentDefinition.__struct_fields__:
                written.pop(f"agents.{name}.{field}", None)
        written |= {key: _Setting(reading.source, value) for key, value in _leaves(reading.values)}
    written.pop("schema_version", None)
    return written


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and key not in _WHOLE:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _policy(written: Mapping[str, _Setting], over: tuple[Route, ...]) -> Policy:
    if missing := [role for role in _NEEDED if f"lanes.{role}" not in written]:
        raise _without_lanes(missing)
    tree: dict[str, Any] = {"agents": {}, "lanes": {}}
    for key, setting in written.items():
        *tables, name = key.split(".")
        place = tree
        for table in tables:
            place = place.setdefault(table, {})
        place[name] = setting.value
    policy = converted(tree, Policy)
    flagged = [role for role in ROUTED if written[f"lanes.{role}"].source == "flag"]
    policy = replace(policy, routes=merged(policy.routes, over, flagged))
    try:
        check(policy)
    except PolicyRefusal as refusal:
        raise _refused(refusal, policy.lanes, written) from None
    return policy


def _without_lanes(missing: list[str]) -> CommandError:
    roles = ", ".join(f"lanes.{role}" for role in missing)
    return CommandError(
        f"Cannot use the policy: no agent is named for {roles}",
        "name agents with --agents worker=NAME,audit_a=NAME,audit_b=NAME, or begin with this verger.toml:",
        Exit.REFUSED,
        EXAMPLE,
    )


def _refused(refusal: PolicyRefusal, lanes: Lanes, written: Mapping[str, _Setting]) -> CommandError:
    lines = tuple(
        f"lanes.{role} is '{getattr(lanes, role)}', from: {written[f'lanes.{role}'].source}"
        for role in _ROLES
        if f"lanes.{role}" in written
    )
    return CommandError(f"Cannot use the policy: {refusal}", refusal.hint, Exit.REFUSED, lines)


def _keys(policy: Policy) -> Iterator[str]:
    """The dotted name of every setting of `policy`, those at their default included."""
    yield from (key for key in Policy.__struct_fields__ if key not in ("agents", "lanes", "intention"))
    yield from (f"lanes.{role}" for role in _ROLES)
    yield from (f"intention.{field}" for field in Intention.__struct_fields__)
    for name in policy.agents:
        yield from (f"agents.{name}.{field}" for field in AgentDefinition.__struct_fields__)


def parse_agents_flag(text: str) -> dict[str, str]:
    """The `lanes` table that `--agents worker=painter,audit_a=x` spells; the names are judged by `resolve`.

    Raises CommandError with every part that is wrong: no `=`, an unknown role, a role twice, an empty name.
    """
    lanes: dict[str, str] = {}
    flaws: list[str] = []
    for part in text.split(","):
        role, equals, name = (piece.strip() for piece in part.partition("="))
        if flaw := _flaw(part, role, equals, name, lanes):
            flaws.append(flaw)
        else:
            lanes[role] = name
    if flaws:
        raise CommandError(
            f"Cannot read --agents {shown(text)}: {'; '.join(flaws)}",
            f"write --agents worker=NAME,audit_a=NAME,audit_b=NAME; the roles are {', '.join(_ROLES)}",
            Exit.INPUT,
        )
    return lanes


def _flaw(part: str, role: str, equals: str, name: str, lanes: Mapping[str, str]) -> str:
    if not equals:
        return f"{shown(part)} is no ROLE=NAME"
    if role not in _ROLES:
        return f"{shown(role)} is no role"
    if not name:
        return f"{role} has an empty name"
    return f"{role} is named twice" if role in lanes else ""
