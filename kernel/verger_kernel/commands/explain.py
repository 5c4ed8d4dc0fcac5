"""`playbook explain`: what a run will allow, run and ask for one item, and what would stop it now.

Not here: what follows from playbook and policy alone; see `rules/explanation.py`.
"""

import argparse
import os
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from verger_kernel.clock import now
from verger_kernel.commands.playbook import as_json, bullets, item_of, load_playbook
from verger_kernel.commands.policy import resolved_policy
from verger_kernel.doctor import checks
from verger_kernel.doctor.consulted import consult_paths
from verger_kernel.doctor.sandboxes import sandbox_check
from verger_kernel.errors import CommandError
from verger_kernel.git.checkout import NoRepository, find
from verger_kernel.git.command import GitError
from verger_kernel.home import Home, find_home
from verger_kernel.rules.explanation import ExplainedAgent, Explanation, Obstacle, explain
from verger_kernel.rules.frame import item_facts
from verger_kernel.rules.intake import with_prerequisites
from verger_kernel.rules.now import iso
from verger_kernel.rules.plan import Item, NormalizedPlan
from verger_kernel.rules.policy_snapshot import Resolved
from verger_kernel.terminal import printable
from verger_probes.exits import Exit

_NO_POLICY = "no run can begin before; docs/policy.md has a verger.toml to begin with"


class _Surroundings(NamedTuple):
    """What the place says where the command was typed."""

    resolved: Resolved | None
    policy_unknown: str
    obstacles: tuple[Obstacle, ...]


def explain_command(args: argparse.Namespace) -> int:
    """Runs `playbook explain`; answers with the exit code."""
    plan = load_playbook(args.playbook, iso(now().utc_ms))
    item = item_of(plan, args.item, "explain")
    around = _surroundings(args, plan, item)
    explanation = explain(
        plan,
        item,
        around.resolved,
        policy_unknown=around.policy_unknown,
        obstacles=(*_waits(plan, item), *around.obstacles),
    )
    print(as_json(explanation) if args.format == "json" else text(explanation))
    return int(Exit.DONE)


def _waits(plan: NormalizedPlan, item: Item) -> Iterator[Obstacle]:
    """What the item itself waits for in a new run."""
    file = shlex.quote(plan.plan_source.path)
    if item.prerequisite_item_ids:
        together = ",".join(with_prerequisites(item_facts(plan), item.item_id))
        yield Obstacle(
            what=f"it waits for {', '.join(item.prerequisite_item_ids)}, which a new run has not done",
            hint=f"run them together: verger run {file} --items {together}",
        )
    if item.external_check.required:
        yield Obstacle(
            what="it begins only with evidence from outside",
            hint=f"verger run {file} --item {item.item_id} --external-evidence-dir DIR",
        )


def _surroundings(args: argparse.Namespace, plan: NormalizedPlan, item: Item) -> _Surroundings:
    try:
        find(args.directory)
    except NoRepository as missing:
        return _Surroundings(None, str(missing), (Obstacle(what=missing.what, hint=missing.hint),))
    home = find_home(args.directory, os.environ)
    found = [*checks.environment(home.repository, os.environ)[0], _consulted(home, plan, item)]
    resolved, unknown = None, ""
    try:
        resolved = resolved_policy(home, args)
    except CommandError as error:
        unknown = error.what
        found.append(_policy_check(error))
    else:
        of_policy = (home.repository, resolved.policy, os.environ, home.state)
        found += [*checks.policy_checks(*of_policy), sandbox_check(*of_policy)]
    stops = (Obstacle(what=one.detail, hint=one.hint) for one in found if one.status == "error")
    return _Surroundings(resolved, unknown, tuple(stops))


def _consulted(home: Home, plan: NormalizedPlan, item: Item) -> checks.Check:
    try:
        return consult_paths(home.repository, plan, (item,))
    except GitError as error:
        return checks.Check(name="consult_paths", status="error", detail=str(error), hint=error.hint)


def _policy_check(error: CommandError) -> checks.Check:
    from verger_kernel.settings.resolved import EXAMPLE

    if error.lines == EXAMPLE:
        # A whole file would be one long line here.
        return checks.Check(name="policy", status="error", detail=error.what, hint=_NO_POLICY)
    detail = "; ".join((error.what, *error.lines))
    return checks.Check(name="policy", status="error", detail=detail, hint=error.hint)


def text(found: Explanation) -> str:
    """The explanation for people: labels and bullets."""
    lines = [
        f"Item: {found.item_id}",
        f"Playbook: {found.playbook}, line {found.line}",
        f"Action: {found.action}",
        f"Done when: {found.exit_criteria}",
        *bullets("Waits for", (f"{one.item_id}: {one.action}" for one in found.prerequisites)),
        *bullets("May write", found.write_roots),
        *bullets("Delivers; a test named here may be changed", found.deliverables),
        *bullets("Is given to read", found.consult_paths),
        *_runs(found),
        *bullets("Asked of a person before it begins", _evidence(found)),
        *bullets("Asked of a person before it passes", _gate(found)),
        *_policy(found),
        *bullets("Would stop it now", (f"{one.what}; hint: {one.hint}" for one in found.obstacles)),
    ]
    return "\n".join(printable(line) for line in lines)


def _runs(found: Explanation) -> list[str]:
    setup = (f"{command} ({found.setup_source})" for command in found.setup)
    lines = [] if found.policy_unknown else bullets("Sets up a fresh tree with", setup)
    lines += ["", "Runs, in this order:"]
    for one in found.trials:
        lines.append(f"- {one.purpose}, on {one.tree}: {one.when}")
        lines += [f"    {command}" for command in one.commands]
    if not found.trials:
        lines.append("- none")
    return lines + bullets("Must exist at the end", found.artifacts)


def _evidence(found: Explanation) -> tuple[str, ...]:
    return (found.evidence or ("evidence from outside",)) if found.evidence_required else ()


def _gate(found: Explanation) -> tuple[str, ...]:
    if found.gate == "none":
        return ()
    return (f"{found.gate}: {found.gate_reason}", *(f"with {one}" for one in found.gate_evidence))


def _policy(found: Explanation) -> list[str]:
    if found.policy_unknown:
        return bullets("Agents and limits", (f"unknown: {found.policy_unknown}",))
    limits = (f"{one.setting} = {one.value} ({one.source})" for one in found.limits)
    return [*bullets("Agents", map(_agent, found.agents)), *bullets("Limits", limits)]


def _agent(agent: ExplainedAgent) -> str:
    if not agent.kind:
        return f"{agent.role}: {agent.name}, which asks no agent ({agent.source})"
    given = f", given {', '.join(agent.env)}" if agent.env else ""
    return f"{agent.role}: {agent.name}, {agent.kind} {agent.call}{given} ({agent.source})"
