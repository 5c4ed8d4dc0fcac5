"""Whether a run that begins now could go on through the night. No agent takes a turn.

Not here: what the environment and the policy need; see `checks.py`. A run that has begun is parked for these.
"""

from collections.abc import Mapping

import msgspec

from verger_kernel.agents.registry import adapter_of
from verger_kernel.clock import now
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import StateFolder
from verger_kernel.doctor.checks import Check
from verger_kernel.perform import secrets
from verger_kernel.prices.shipped import shipped
from verger_kernel.process.environment import clean_environment
from verger_kernel.rules.ids import shown
from verger_kernel.rules.now import iso
from verger_kernel.rules.policy import Policy
from verger_kernel.rules.prices import price_of
from verger_probes.decoding import decoded

CLOCK_BEHIND_MS_MAX = 60_000
"""A clock that is set right is moved by seconds."""


def readiness(policy: Policy, environ: Mapping[str, str], state: StateFolder | None) -> list[Check]:
    """The checks of the agents' secrets, logins and prices, and of the clock against what was recorded in `state`."""
    return [_secrets(policy, environ), _logins(policy, environ), _prices(policy), _clock(state)]


def _secrets(policy: Policy, environ: Mapping[str, str]) -> Check:
    for name in policy.agents_in_use():
        try:
            secrets.given(policy.agents[name], environ)
        except secrets.SecretMissing as missing:
            return Check(
                name="agent_secrets",
                status="error",
                detail=f"agent '{name}': {missing}",
                hint=f"mend it, or [agents.{name}.secrets] in verger.toml",
            )
    return Check(name="agent_secrets")


def _logins(policy: Policy, environ: Mapping[str, str]) -> Check:
    for name in policy.agents_in_use():
        agent = policy.agents[name]
        try:
            given = secrets.given(agent, environ)
        except secrets.SecretMissing:
            # Said already, and the way out is another.
            continue
        environment = clean_environment(environ, (*policy.env, *agent.variables()), given)
        why = adapter_of(agent.kind).login(agent, environment)
        if why:
            return Check(
                name="agent_logins",
                status="error",
                detail=f"agent '{name}' would not be let in: {why}",
                hint="log it in as the user who runs Verger, then try again",
            )
    return Check(name="agent_logins")


class _Moment(msgspec.Struct, frozen=True):
    """As much of `run_state.json` as is needed."""

    updated_utc_ms: int


def _prices(policy: Policy) -> Check:
    if policy.budget_usd is None and policy.item_budget_usd is None:
        return Check(name="agent_prices")
    tables = (policy.prices, shipped().models)
    for name in policy.agents_in_use():
        agent = policy.agents[name]
        # Claude says itself what a call cost.
        if agent.kind == "codex" and not any(price_of(table, agent.model) for table in tables):
            what = f"agent '{name}': nobody knows what {shown(agent.model)} costs"
            return Check(
                name="agent_prices",
                status="warning",
                detail=f"{what}; each call counts as what is held back for it",
                hint=f'write a price: [prices."{agent.model}"] in verger.toml',
            )
    return Check(name="agent_prices")


def _clock(state: StateFolder | None) -> Check:
    newest_ms, run = max(_recorded(state), default=(0, "")) if state else (0, "")
    behind_ms = newest_ms - now().utc_ms
    if behind_ms <= CLOCK_BEHIND_MS_MAX:
        return Check(name="clock")
    return Check(
        name="clock",
        status="error",
        detail=f"the clock is {behind_ms // 1000} s behind the newest record, of {iso(newest_ms)} in {run}",
        hint="set the clock: limits would be waited out, and decisions dated, by a wrong one",
    )


def _recorded(state: StateFolder) -> list[tuple[int, str]]:
    found = []
    for path in state.runs.glob("RUN_*/run_state.json"):
        try:
            found.append((decoded(read_file(path), _Moment).updated_utc_ms, path.parent.name))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            # What is wrong with a run is told where that run is looked at.
            continue
    return found
