"""Whether the environment is ready for a run: one check a fact, each with its way out.

Not here: checks of a run's own files; see `diagnosis.py`. Preflight refuses at the first error,
doctor shows all.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from verger_kernel.agents.registry import adapter_of
from verger_kernel.clock import now
from verger_kernel.disk.layout import StateFolder
from verger_kernel.errors import CommandError
from verger_kernel.git import refs
from verger_kernel.git.command import Git, GitError
from verger_kernel.git.repository import (
    NoRepository,
    Repository,
    RepositoryFacts,
    facts,
)
from verger_kernel.git.repository_id import repository_id
from verger_kernel.process import rooms
from verger_kernel.process.ancestors import found_above
from verger_kernel.rules.ids import RunId, shown
from verger_kernel.rules.now import iso
from verger_kernel.rules.policy import Policy
from verger_probes.exits import Exit

GIT_MIN = (2, 36)
"""The first git with core.fsync, without which no commit is durable."""
AMBIENT = (
    ("~", ".codex/config.toml"),
    ("~", ".claude/settings.json"),
    (".", ".codex/config.toml"),
    (".", ".claude/settings.json"),
    (".", ".mcp.json"),
)

_ISOLATED = frozenset({"scripted", "codex", "claude"})
"""Kinds whose agents read none of it: the adapter gives each call a home of its own, and switches the rest off."""

_SHOWN = 5
"""Paths named in a line; the rest is counted."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; `detail` and `hint` are empty when all is well."""

    name: str
    status: Literal["ok", "warning", "error"] = "ok"
    detail: str = ""
    hint: str = ""


def environment(
    repository: Repository, environ: Mapping[str, str]
) -> tuple[list[Check], RepositoryFacts | None]:
    """The checks that need no policy, with the facts they rest on; without facts one of them is an error."""
    commands = _commands(environ)
    try:
        owner = _owner(repository)
        if owner.status == "error":
            return [commands, owner], None
        found = facts(repository)
    except (GitError, NoRepository) as error:
        why = Check(name="git_answers", status="error", detail=str(error), hint=error.hint)
        return [commands, why], None
    readings = [_git(found), _commits(found), _identity(found), _clean(found), _branches(repository)]
    return [commands, owner, *readings], found


def _owner(repository: Repository) -> Check:
    """Whether git itself would trust the repository: its configuration can name programs that git starts."""
    trusted = {os.geteuid(), int(os.environ.get("SUDO_UID", os.geteuid()))}
    if {repository.root.stat().st_uid, repository.git_dir.stat().st_uid} <= trusted:
        return Check(name="repository_owner")
    git = Git(repository.git_dir, user_config=True)
    safe = git.run("config", "--global", "--get-all", "safe.directory", ok=(0, 1)).decode().splitlines()
    if "*" in safe or str(repository.root) in safe:
        return Check(name="repository_owner")
    return Check(
        name="repository_owner",
        status="error",
        detail=f"{repository.root} belongs to another user, whose configuration could name programs to start",
        hint=f"if you trust it: git config --global --add safe.directory {repository.root}",
    )


def _branches(repository: Repository) -> Check:
    for name in ("orchestrator", "orchestrator/run"):
        if refs.read(Git(repository.common_dir), f"refs/heads/{name}"):
            return Check(
                name="branch_names",
                status="error",
                detail=f"a branch named {name} stands where run branches would go",
                hint=f"rename it: git branch -m {name} NAME",
            )
    return Check(name="branch_names")


def policy_checks(
    repository: Repository, policy: Policy, environ: Mapping[str, str], state: Path
) -> list[Check]:
    """The checks that depend on the policy: agents and their surroundings, folders and disk, verification."""
    return [
        _agents(repository, policy, environ),
        _ambient(repository, policy, environ),
        _writable(state),
        _disk(policy, state),
        _above(repository, policy, state),
        _expired(policy),
    ]


def refuse(checks: list[Check], code: Exit = Exit.ENVIRONMENT) -> None:
    """Raises CommandError for the first check that is an error."""
    for check in checks:
        if check.status == "error":
            raise CommandError(check.detail, check.hint, code)


def _commands(environ: Mapping[str, str]) -> Check:
    missing = [name for name in ("git", "bash") if not shutil.which(name, path=environ.get("PATH"))]
    if missing:
        return Check(
            name="required_commands",
            status="error",
            detail=f"{' and '.join(missing)} not found on PATH",
            hint="install it, or put its folder on PATH",
        )
    return Check(name="required_commands")


def _git(found: RepositoryFacts) -> Check:
    if found.git_version[:2] >= GIT_MIN:
        return Check(name="git_version")
    version = ".".join(map(str, found.git_version))
    return Check(
        name="git_version",
        status="error",
        detail=f"git {version} is too old: it cannot make commits durable",
        hint=f"install git {'.'.join(map(str, GIT_MIN))} or newer",
    )


def _commits(found: RepositoryFacts) -> Check:
    if found.head:
        return Check(name="commits")
    return Check(
        name="commits",
        status="error",
        detail="the repository has no commits, so there is nothing to begin from",
        hint="commit something first",
    )


def _identity(found: RepositoryFacts) -> Check:
    # Git drops these from both ends of a name, and refuses one of which nothing is left.
    if found.identity and found.identity.name.strip(" .,:;<>\"\\'"):
        return Check(name="git_identity")
    return Check(
        name="git_identity",
        status="error",
        detail="git does not know who commits here",
        hint="git config user.name NAME and git config user.email ADDRESS",
    )


def _clean(found: RepositoryFacts) -> Check:
    if not found.dirty_tracked:
        return Check(name="clean_tracked_checkout")
    shown = ", ".join(found.dirty_tracked[:_SHOWN])
    more = len(found.dirty_tracked) - _SHOWN
    return Check(
        name="clean_tracked_checkout",
        status="error",
        detail=f"tracked files have uncommitted changes: {shown}" + (f" and {more} more" if more > 0 else ""),
        hint="commit or stash them: a run begins at HEAD and would not see them",
    )


def _agents(repository: Repository, policy: Policy, environ: Mapping[str, str]) -> Check:
    for name in policy.agents_in_use():
        definition = policy.agents[name]
        adapter = adapter_of(definition.kind)
        why = adapter.missing(definition, repository.root, environ.get("PATH", os.defpath))
        if why:
            return Check(
                name="agents",
                status="error",
                detail=f"agent '{name}' cannot be started: {why}",
                hint=f"mend [agents.{name}] in verger.toml, or name another agent with --agents",
            )
    return Check(name="agents")


def _ambient(repository: Repository, policy: Policy, environ: Mapping[str, str]) -> Check:
    home = Path(environ.get("HOME", "/nonexistent"))
    places = [(home if where == "~" else repository.root) / name for where, name in AMBIENT]
    found = [str(path) for path in places if path.exists()]
    kinds = {policy.agents[name].kind for name in policy.agents_in_use()}
    if not found or policy.ambient_agent_config == "acknowledged" or kinds <= _ISOLATED:
        return Check(name="agent_environment")
    return Check(
        name="agent_environment",
        status="error",
        detail=f"agents would read configuration that nobody reviewed for this run: {', '.join(found)}",
        hint='move it away, or set ambient_agent_config = "acknowledged" in verger.toml',
    )


def _writable(state: Path) -> Check:
    place = next(path for path in (state, *state.parents) if os.path.lexists(path))
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Check(name="state_folder")
    why = "it may not be written to" if place.is_dir() else "it is no folder"
    return Check(
        name="state_folder",
        status="error",
        detail=f"runs cannot be kept in {state}: {place}: {why}",
        hint="set XDG_STATE_HOME to a folder that you may write to",
    )


def _disk(policy: Policy, state: Path) -> Check:
    place = next(path for path in (state, *state.parents) if path.is_dir())
    free_mb = shutil.disk_usage(place).free >> 20
    if free_mb >= policy.disk_floor_mb:
        return Check(name="disk_floor")
    return Check(
        name="disk_floor",
        status="error",
        detail=f"{free_mb} MiB are free at {place}, the floor is {policy.disk_floor_mb} MiB",
        hint="free some space, or lower disk_floor_mb",
    )


def _above(repository: Repository, policy: Policy, state: Path) -> Check:
    """Whether commands would find files above their tree: above a mounted one there is only the root folder."""
    trees = StateFolder(state / (repository_id(repository, create=False) or "repository"))
    trial = trees.run(RunId("run")).trial
    if policy.sandbox == "required":
        return Check(name="verification_ancestors")
    place = rooms.inside(trial)
    found = [str(path) for path in found_above(place)]
    if not found or policy.verification_ancestors == "acknowledged":
        return Check(name="verification_ancestors")
    elsewhere = "set XDG_STATE_HOME to a folder with nothing above it, " if place == trial else ""
    return Check(
        name="verification_ancestors",
        status="error",
        detail="verification would not be clean, for its commands would find what lies above their tree: "
        + ", ".join(found[:_SHOWN])
        + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""),
        hint=f'move it, {elsewhere}or set verification_ancestors = "acknowledged" in verger.toml',
    )


def _expired(policy: Policy) -> Check:
    today = iso(now().utc_ms)[:10]
    over = [entry for entry in policy.quarantine if not entry.is_live(today)]
    if not over:
        return Check(name="quarantine")
    named = "; ".join(
        f"{shown(one.test)} of {shown(one.owner)}, until {one.expires}" for one in over[:_SHOWN]
    )
    return Check(
        name="quarantine",
        status="warning",
        detail=f"{len(over)} entry(ies) of the quarantine have expired and let nothing through: {named}"
        + (f"; and {len(over) - _SHOWN} more" if len(over) > _SHOWN else ""),
        hint="mend the test and take its entry out of verger.toml, or give it a later day",
    )
