"""Which policies can be run: every agent of a lane is there and complete, no two audits are one, a budget bears a call.

Not here: the settings themselves (`policy.py`), and what one value must be (`verger_kernel.settings`).
"""

from verger_kernel.rules.money import usd
from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy

_FOR_ALL = frozenset({"kind", "env", "secrets"})
_OF_MODELS = frozenset({"program", "version", "model", "effort", "base_url", "key"})
_USED_BY: dict[str, frozenset[str]] = {
    "generic": _FOR_ALL | {"command", "resume"},
    "scripted": _FOR_ALL | {"scenario"},
    "codex": _FOR_ALL | _OF_MODELS | {"login"},
    "claude": _FOR_ALL | _OF_MODELS,
}
_NEEDED_BY = {"generic": "command", "scripted": "scenario", "codex": "model", "claude": "model"}
CLAUDE_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
"""The variables in which claude looks for a way in; it takes no other name."""


class PolicyRefusal(Exception):
    """A policy that cannot be run: which setting, why, and what to write instead."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def check(policy: Policy) -> None:
    """Raises PolicyRefusal for the first rule that `policy` breaks: unknown or incomplete agent, twin lanes or routes,
    a budget that no call fits into.
    """
    known = ", ".join(sorted(policy.agents)) or "none"
    for name in policy.agents_in_use():
        if name not in policy.agents:
            raise PolicyRefusal(
                f"agent '{name}' is in a lane but is not defined (defined: {known})",
                f"add a table [agents.{name}] to verger.toml, or name another agent with --agents",
            )
    for name, agent in sorted(policy.agents.items()):
        _complete(name, agent)
    _twins(policy.lanes, "")
    items = [route.item for route in policy.routes]
    for route in policy.routes:
        _twins(policy.lanes_for(route.item), f" of item {route.item}")
        if items.count(route.item) > 1:
            raise PolicyRefusal(
                f"item {route.item} has two routes", "write one entry of routes for each item"
            )
    if policy.intention.parallel_runs_allowed and policy.intention.isolation != "four_layer":
        raise PolicyRefusal(
            "[intention] allows parallel runs without saying how they are kept apart",
            'write isolation = "four_layer" beside parallel_runs_allowed, or take it out',
        )
    _check_budget(policy)


def _twins(lanes: Lanes, whose: str) -> None:
    if lanes.audit_a == lanes.audit_b:
        raise PolicyRefusal(
            f"both audit lanes{whose} are '{lanes.audit_a}': the two audits must come from two agents",
            "name two different agents for audit_a and audit_b",
        )


def _check_budget(policy: Policy) -> None:
    budget, held = policy.budget(), policy.held_back("execute")
    for name, most, one in (
        ("budget_usd", budget.microusd, held.microusd),
        ("item_budget_usd", budget.item_microusd, held.microusd),
        ("budget_tokens", budget.tokens, held.tokens),
        ("item_budget_tokens", budget.item_tokens, held.tokens),
    ):
        if most is not None and most < one:
            is_money = name.endswith("usd")
            reserve = "reserve_usd" if is_money else "reserve_tokens"
            shown = usd(one) if is_money else f"{one} tokens"
            raise PolicyRefusal(
                f"{name} is less than the {shown} that are held back for one call of the worker, so none could begin",
                f"raise {name}, or set {reserve} to what one call may use at most",
            )


def _complete(name: str, agent: AgentDefinition) -> None:
    needed = _NEEDED_BY[agent.kind]
    if not getattr(agent, needed):
        raise PolicyRefusal(
            f"agent '{name}' of kind {agent.kind} has no {needed}",
            f"set {needed} in [agents.{name}] of verger.toml",
        )
    idle = [field for field in agent.__struct_fields__ if getattr(agent, field) and _is_idle(field, agent)]
    if idle:
        raise PolicyRefusal(
            f"agent '{name}' of kind {agent.kind} does not use {' and '.join(idle)}",
            f"take it out of [agents.{name}] of verger.toml, or write another kind",
        )
    if agent.kind == "codex" and bool(agent.key) == bool(agent.login):
        raise PolicyRefusal(
            f"agent '{name}' of kind codex needs either key or login, to be let in",
            f'set key = "OPENAI_API_KEY" (a variable) or login = "~/.codex/auth.json" in [agents.{name}]',
        )
    if agent.kind == "claude" and agent.key not in CLAUDE_KEYS:
        raise PolicyRefusal(
            f"agent '{name}' of kind claude needs key, the variable that lets it in",
            f"set key in [agents.{name}] to {', '.join(CLAUDE_KEYS[:-1])} or {CLAUDE_KEYS[-1]}",
        )


def _is_idle(field: str, agent: AgentDefinition) -> bool:
    return field not in _USED_BY[agent.kind]
