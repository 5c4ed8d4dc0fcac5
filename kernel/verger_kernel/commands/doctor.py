"""`doctor`: everything that could be wrong with environment, playbook and run, each with its way out.

Not here: the checks themselves (`doctor/`), and what `--fix-safe` mends before they are made
(`doctor/repair.py`). Without that flag it changes nothing.
"""

import argparse
import os
from typing import Literal

import msgspec

from verger_kernel.clock import now
from verger_kernel.commands.playbook import load_playbook
from verger_kernel.commands.policy import resolved_policy
from verger_kernel.doctor import checks
from verger_kernel.doctor.checks import Check
from verger_kernel.doctor.consulted import consult_paths
from verger_kernel.doctor.diagnosis import run_checks
from verger_kernel.doctor.lacking import lacking_check
from verger_kernel.doctor.readiness import readiness
from verger_kernel.doctor.repair import repair_run, restore_links
from verger_kernel.doctor.sandboxes import sandbox_check
from verger_kernel.errors import CommandError
from verger_kernel.git.command import GitError
from verger_kernel.home import Home, driven, find_home, find_run
from verger_kernel.rules.doctor import Repair
from verger_kernel.rules.now import iso
from verger_kernel.settings.resolved import EXAMPLE
from verger_kernel.supervised.working import awaited
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What doctor found, after the repairs when there were any; `ok` when nothing is an error."""

    ok: bool
    exit_code: int
    repo_root: str
    checks: list[Check]
    repairs: list[Repair]


def doctor(args: argparse.Namespace) -> int:
    """Runs the command; answers with 0, 6 when the environment is wrong, 4 when a playbook or run is.

    With --fix-safe that is judged after the repairs. Raises CommandError when another process holds the run then.
    """
    home = find_home(args.directory, os.environ)
    repairs = _repairs(home, args) if args.fix_safe else []
    environment = _environment(home, args)
    inputs = _playbook(home, args) if args.playbook else []
    if args.run is not None:
        inputs += run_checks(home, find_run(home, args.run))
    code = Exit.DONE
    if _wrong(environment):
        code = Exit.ENVIRONMENT
    if _wrong(inputs):
        code = Exit.INPUT
    found = Diagnosis(
        ok=code is Exit.DONE,
        exit_code=int(code),
        repo_root=str(home.repository.root),
        checks=environment + inputs,
        repairs=repairs,
    )
    print(_json(found) if args.format == "json" else text(found))
    return int(code)


def _repairs(home: Home, args: argparse.Namespace) -> list[Repair]:
    if args.run is None:
        return [restore_links(home)] if home.folder else []
    run_id = find_run(home, args.run)
    with driven(home.repository):
        return awaited(repair_run, home, run_id)


def _wrong(found: list[Check]) -> bool:
    return any(check.status == "error" for check in found)


def _environment(home: Home, args: argparse.Namespace) -> list[Check]:
    found, facts = checks.environment(home.repository, os.environ)
    if facts:
        found.append(lacking_check(home.repository, facts.object_format, facts.head))
    try:
        resolved = resolved_policy(home, args)
    except CommandError as error:
        # Without lanes no agent can be checked, and a playbook can be written before any is chosen.
        status: Literal["warning", "error"] = "warning" if error.code is Exit.REFUSED else "error"
        detail, hint = "; ".join((error.what, *error.lines)), error.hint
        if error.lines == EXAMPLE:
            # A whole file would be one long line here.
            detail, hint = (
                error.what,
                "no run can begin before; docs/policy.md has a verger.toml to begin with",
            )
        return [*found, Check(name="policy", status=status, detail=detail, hint=hint)]
    found.append(_variables(resolved.ignored_environment))
    of_policy = (home.repository, resolved.policy, os.environ, home.state)
    found += [*checks.policy_checks(*of_policy), sandbox_check(*of_policy)]
    return found + readiness(resolved.policy, os.environ, home.folder)


def _variables(ignored: tuple[str, ...]) -> Check:
    if not ignored:
        return Check(name="environment_variables")
    return Check(
        name="environment_variables",
        status="warning",
        detail=f"these are no settings and are ignored: {', '.join(ignored)}",
        hint="docs/policy.md lists the names that count",
    )


def _playbook(home: Home, args: argparse.Namespace) -> list[Check]:
    try:
        plan = load_playbook(args.playbook, iso(now().utc_ms))
    except CommandError as error:
        detail = "; ".join((error.what, *error.lines))
        return [Check(name="playbook_parse", status="error", detail=detail, hint=error.hint)]
    detail = f"{len(plan.items)} item(s), sha256 {plan.plan_source.sha256}"
    try:
        consulted = consult_paths(home.repository, plan, plan.items)
    except GitError as error:
        consulted = Check(name="consult_paths", status="error", detail=str(error), hint=error.hint)
    return [Check(name="playbook_parse", detail=detail), consulted]


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def text(found: Diagnosis) -> str:
    """The diagnosis as lines: a repair that was tried a line, then a check a line with its way out below it."""
    lines = [f"repository {found.repo_root}"]
    for repair in found.repairs:
        if repair.status != "not_needed":
            where = f" {repair.path}" if repair.path else ""
            lines.append(f"{repair.status:<8} {repair.name}{printable(where)}: {printable(repair.detail)}")
    for check in found.checks:
        lines.append(
            f"{check.status:<8} {check.name}" + (f": {printable(check.detail)}" if check.detail else "")
        )
        if check.hint:
            lines.append(f"         hint: {printable(check.hint)}")
    lines.append(f"result   {'ok' if found.ok else 'not ok'} (exit code {found.exit_code})")
    return "\n".join(lines)
