"""What a run will do with one item: what it allows, runs and asks. Drawn from the plan and the policy alone.

Not here: whether anything stops it now, which the world decides; see `commands/explain.py`.
"""

from collections.abc import Iterator

import msgspec

from verger_kernel.rules.plan import Item, NormalizedPlan
from verger_kernel.rules.policy import RULES_TRIAGE, Lanes, Policy
from verger_kernel.rules.policy_snapshot import Resolved
from verger_kernel.rules.runners import runner_of
from verger_kernel.rules.trials import Purpose

_TREES: dict[Purpose, str] = {
    "green": "the result",
    "base": "the base, where the attempt began",
    "held-out": "the result with the base's tests",
    "red": "the base with the result's tests",
}


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the explanation."""


class Obstacle(_Record, frozen=True, kw_only=True):
    """What would stop a run of the item, and the way out."""

    what: str
    hint: str


class Prerequisite(_Record, frozen=True, kw_only=True):
    """An item that must pass before."""

    item_id: str
    action: str


class ExplainedTrial(_Record, frozen=True, kw_only=True):
    """Commands that are run on one tree, in this order, and when that is done."""

    purpose: Purpose
    tree: str
    when: str
    commands: tuple[str, ...]


class ExplainedAgent(_Record, frozen=True, kw_only=True):
    """Who plays a role; `source` is where that was set. For `rules`, which is no agent, kind and call are empty."""

    role: str
    name: str
    kind: str
    call: str
    env: tuple[str, ...]
    source: str


class Limit(_Record, frozen=True, kw_only=True):
    """A bound of the policy and where it was set; money is text in US dollars."""

    setting: str
    value: int | str
    source: str


class Explanation(_Record, frozen=True, kw_only=True):
    """One item, explained. What the policy says is empty where `policy_unknown` says why."""

    playbook: str
    line: int
    item_id: str
    action: str
    exit_criteria: str
    prerequisites: tuple[Prerequisite, ...]
    write_roots: tuple[str, ...]
    deliverables: tuple[str, ...]
    consult_paths: tuple[str, ...]
    setup: tuple[str, ...]
    setup_source: str
    trials: tuple[ExplainedTrial, ...]
    artifacts: tuple[str, ...]
    agents: tuple[ExplainedAgent, ...]
    evidence_required: bool
    evidence: tuple[str, ...]
    gate: str
    gate_reason: str
    gate_evidence: tuple[str, ...]
    limits: tuple[Limit, ...]
    policy_unknown: str
    obstacles: tuple[Obstacle, ...]


def explain(
    plan: NormalizedPlan,
    item: Item,
    resolved: Resolved | None,
    *,
    policy_unknown: str = "",
    obstacles: tuple[Obstacle, ...] = (),
) -> Explanation:
    """What a run would do with `item` of `plan`; without `resolved`, `policy_unknown` says why there is no policy."""
    actions = {one.item_id: one.action for one in plan.items}
    gate, check = item.manual_gate, item.external_check
    return Explanation(
        playbook=plan.plan_source.path,
        line=item.source_row.line_start,
        item_id=item.item_id,
        action=item.action,
        exit_criteria=item.exit_criteria,
        prerequisites=tuple(
            Prerequisite(item_id=name, action=actions[name]) for name in item.prerequisite_item_ids
        ),
        write_roots=item.allowed_write_roots,
        deliverables=item.deliverable_paths,
        consult_paths=item.consult_paths,
        setup=resolved.policy.setup if resolved else (),
        setup_source=resolved.sources["setup"] if resolved else "",
        trials=tuple(_trials(item, resolved.policy if resolved else None)),
        artifacts=item.verification_hints.required_artifacts,
        agents=tuple(_agents(resolved, item.item_id)) if resolved else (),
        evidence_required=check.required,
        evidence=check.dependencies,
        gate=gate.gate_type,
        gate_reason=gate.gate_reason,
        gate_evidence=gate.required_evidence,
        limits=tuple(_limits(resolved)) if resolved else (),
        policy_unknown=policy_unknown,
        obstacles=obstacles,
    )


def _trials(item: Item, policy: Policy | None) -> Iterator[ExplainedTrial]:
    """The trials in the order in which they are made while all is well."""
    required = item.verification_hints.required_commands
    suggested = item.verification_hints.suggested_commands
    if required:
        times = f"{policy.verification_reruns} times at most" if policy else "as often as the policy says"
        yield _trial("green", f"always; a failure is tried again, {times}", required)
        counted = (
            "a test runner's cases are counted" if any(map(runner_of, required)) else "a runner reports cases"
        )
        yield _trial(
            "base",
            f"where {counted} that no earlier item counted, and where a failure may be older",
            required,
        )
        yield _trial("held-out", "where a test was changed that the deliverable does not name", required)
    if item.requires_red_green:
        yield _trial("red", "always, and a command must fail there", required)
    if suggested:
        yield _trial("green", "when the required commands passed; reported, never decisive", suggested)


def _trial(purpose: Purpose, when: str, commands: tuple[str, ...]) -> ExplainedTrial:
    return ExplainedTrial(purpose=purpose, tree=_TREES[purpose], when=when, commands=commands)


def _agents(resolved: Resolved, item: str) -> Iterator[ExplainedAgent]:
    policy = resolved.policy
    for role in Lanes.__struct_fields__:
        name, source = getattr(policy.lanes_for(item), role), resolved.sources[f"lanes.{role}"]
        if name != getattr(policy.lanes, role):
            source = resolved.sources["routes"]
        if name == RULES_TRIAGE:
            yield ExplainedAgent(role=role, name=name, kind="", call="", env=(), source=source)
            continue
        agent = policy.agents[name]
        call = " ".join(agent.command) or agent.scenario or agent.model
        env = tuple(dict.fromkeys((*policy.env, *agent.variables(), *agent.secrets)))
        yield ExplainedAgent(role=role, name=name, kind=agent.kind, call=call, env=env, source=source)


def _limits(resolved: Resolved) -> Iterator[Limit]:
    for setting in Policy.__struct_fields__:
        value = getattr(resolved.policy, setting)
        if type(value) is int or (value is not None and setting.endswith("_usd")):
            yield Limit(setting=setting, value=value, source=resolved.sources[setting])
