"""`doctor`: everything that could be wrong with environment, playbook and run, each with its way out.

Not here: the checks themselves; see `checks.py` and `diagnosis.py`. It changes nothing.
"""

import argparse
import os
from typing import Literal

import msgspec

from verger_kernel import checks
from verger_kernel.checks import Check
from verger_kernel.clock import now
from verger_kernel.commands.playbook import load_playbook
from verger_kernel.commands.policy import resolved_policy
from verger_kernel.diagnosis import run_checks
from verger_kernel.errors import CommandError
from verger_kernel.home import Home, find_home, find_run
from verger_kernel.rules.now import iso
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What doctor found; `ok` when nothing is an error."""

    ok: bool
    exit_code: int
    repo_root: str
    checks: list[Check]


def doctor(args: argparse.Namespace) -> int:
    """Runs the command; answers with 0, 6 when the environment is wrong, 4 when a playbook or run is."""
    home = find_home(args.directory, os.environ)
    environment = _environment(home, args)
    inputs = _playbook(args) if args.playbook else []
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
    )
    print(_json(found) if args.format == "json" else text(found))
    return int(code)


def _wrong(found: list[Check]) -> bool:
    return any(check.status == "error" for check in found)


def _environment(home: Home, args: argparse.Namespace) -> list[Check]:
    found, _facts = checks.environment(home.repository, os.environ)
    try:
        resolved = resolved_policy(home, args)
    except CommandError as error:
        # Without lanes no agent can be checked, and a playbook can be written before any is chosen.
        status: Literal["warning", "error"] = "warning" if error.code is Exit.REFUSED else "error"
        detail = "; ".join((error.what, *error.lines))
        return [*found, Check(name="policy", status=status, detail=detail, hint=error.hint)]
    found.append(_variables(resolved.ignored_environment))
    return found + checks.policy_checks(home.repository, resolved.policy, os.environ, home.state)


def _variables(ignored: tuple[str, ...]) -> Check:
    if not ignored:
        return Check(name="environment_variables")
    return Check(
        name="environment_variables",
        status="warning",
        detail=f"these are no settings and are ignored: {', '.join(ignored)}",
        hint="docs/policy.md lists the names that count",
    )


def _playbook(args: argparse.Namespace) -> list[Check]:
    try:
        plan = load_playbook(args.playbook, iso(now().utc_ms))
    except CommandError as error:
        detail = "; ".join((error.what, *error.lines))
        return [Check(name="playbook_parse", status="error", detail=detail, hint=error.hint)]
    detail = f"{len(plan.items)} item(s), sha256 {plan.plan_source.sha256}"
    return [Check(name="playbook_parse", detail=detail)]


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def text(found: Diagnosis) -> str:
    """The diagnosis as lines: a check a line, with its way out below it when there is one."""
    lines = [f"repository {found.repo_root}"]
    for check in found.checks:
        lines.append(
            f"{check.status:<8} {check.name}" + (f": {printable(check.detail)}" if check.detail else "")
        )
        if check.hint:
            lines.append(f"         hint: {printable(check.hint)}")
    lines.append(f"result   {'ok' if found.ok else 'not ok'} (exit code {found.exit_code})")
    return "\n".join(lines)
