"""The runtime policy of a run: who does what, within which budgets and limits.

Not here: where the values come from; see `verger_kernel.settings.resolved`.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.bills import Amount
from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.frame import FlakeRules
from verger_kernel.rules.limits import Limits
from verger_kernel.rules.money import micro
from verger_kernel.rules.prices import Price

RULES_TRIAGE = "rules"
"""The name in the triage lane that means: no agent, the deterministic rule decides alone."""

_WRITES = Amount(tokens=2_000_000, microusd=2_000_000)
_READS = Amount(tokens=500_000, microusd=500_000)
HELD_BACK = {"execute": _WRITES, "fix": _WRITES, "remediate": _WRITES, "audit": _READS, "triage": _READS}
"""What one call of a stage may use where the policy does not say it: an agent that works asks its model often."""


AgentKind = Literal["generic", "scripted", "codex", "claude"]


class AgentDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One named agent of the policy: its kind and what that kind needs.

    `generic` needs `command` (argv, no shell); `scripted` needs `scenario` (path from the repository root); `codex` and
    `claude` need `model` and a way in: `key` names the environment variable that holds one, `login` a file.
    `env` names environment variables that the agent gets on top of the allowlist; `secrets` are variables whose values
    lie elsewhere, `env:NAME` or `file:/path`, and are kept nowhere.
    """

    kind: AgentKind
    command: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    scenario: str = ""
    program: str = ""
    version: str = ""
    model: str = ""
    effort: str = ""
    base_url: str = ""
    key: str = ""
    login: str = ""
    env: tuple[str, ...] = ()
    secrets: dict[str, str] = {}

    def variables(self) -> tuple[str, ...]:
        """The environment variables that this agent alone gets."""
        return (*self.env, self.key) if self.key else self.env


class Quarantined(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A test known to be flaky: a case as its runner names it, or a whole command. `expires` is the last day.

    While its entry lasts, a failure that does not last is let through; one that lasts never is.
    """

    test: str
    owner: str
    expires: str
    reason: str = ""

    def is_live(self, today: str) -> bool:
        """Whether the entry still counts on the date `today`."""
        return today <= self.expires


class Lanes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The name of the agent in each role; `triage` may be `rules`."""

    worker: str
    audit_a: str
    audit_b: str
    triage: str = RULES_TRIAGE

    def names(self) -> tuple[str, ...]:
        """The agents that must exist, without repeats, in role order."""
        named = [self.worker, self.audit_a, self.audit_b]
        if self.triage != RULES_TRIAGE:
            named.append(self.triage)
        return tuple(dict.fromkeys(named))


class Intention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the repository was reviewed for. Company of other runs needs all four layers between them: a worktree for
    each attempt, a branch for each run, a run folder with locks of its own, and one kernel a repository.
    """

    parallel_runs_allowed: bool = False
    isolation: Literal["none", "four_layer"] = "none"


ROUTED = ("worker", "audit_a", "audit_b")
"""The roles that another agent may have for one item; triage is one for all."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The agents of one item, by role; where a role is empty, the lanes of the policy hold."""

    item: str
    worker: str = ""
    audit_a: str = ""
    audit_b: str = ""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every setting of a run, resolved. Times in seconds, sizes in MiB; only budgets and reruns may be 0.

    Money is text in US dollars. What is held back for a call depends on its stage where no `reserve` is set.
    """

    agents: dict[str, AgentDefinition]
    lanes: Lanes
    routes: tuple[Route, ...] = ()
    auto_advance: bool = False
    max_items: int | None = None
    max_fix_rounds: int = 2
    max_remediation_rounds: int = 1
    setup: tuple[str, ...] = ()
    verification_reruns: int = 4
    flaky_pass: Literal["escalate", "accept"] = "escalate"
    quarantine: tuple[Quarantined, ...] = ()
    verification_ancestors: Literal["refuse", "acknowledged"] = "refuse"
    env: tuple[str, ...] = ()
    execution_timeout_s: int = 7200
    fix_timeout_s: int = 5400
    remediation_timeout_s: int = 5400
    audit_timeout_s: int = 3600
    triage_timeout_s: int = 1800
    verification_timeout_s: int = 3600
    setup_timeout_s: int = 1800
    first_output_s_max: int = 900
    silence_s_max: int = 1800
    agent_output_mb_max: int = 64
    command_output_mb_max: int = 16
    memory_mb_max: int = 8192
    processes_max: int = 512
    parallel_steps_max: int = 2
    disk_floor_mb: int = 512
    ambient_agent_config: Literal["refuse", "acknowledged"] = "refuse"
    sandbox: Literal["required", "none"] = "required"
    sandbox_hosts: tuple[str, ...] = ()
    sandbox_paths: tuple[str, ...] = ()
    verification_hosts: tuple[str, ...] = ()
    intention: Intention = Intention()
    budget_usd: str | None = None
    budget_tokens: int | None = None
    budget_wall_s: int | None = None
    item_budget_usd: str | None = None
    item_budget_tokens: int | None = None
    reserve_usd: str | None = None
    reserve_tokens: int | None = None
    prices: dict[str, Price] = {}

    def budget(self) -> Budget:
        """What a run may spend."""
        return Budget(
            microusd=_micro(self.budget_usd),
            tokens=self.budget_tokens,
            wall_s=self.budget_wall_s,
            item_microusd=_micro(self.item_budget_usd),
            item_tokens=self.item_budget_tokens,
        )

    def held_back(self, stage: str) -> Amount:
        """What is held back for one agent call in `stage`, before it begins."""
        usual, microusd = HELD_BACK[stage], _micro(self.reserve_usd)
        return Amount(
            tokens=usual.tokens if self.reserve_tokens is None else self.reserve_tokens,
            microusd=usual.microusd if microusd is None else microusd,
        )

    def lanes_for(self, item: str) -> Lanes:
        """The agent in each role when the item `item` is worked on."""
        route = next((route for route in self.routes if route.item == item), Route(item=item))
        own = {role: name for role in ROUTED if (name := getattr(route, role))}
        return msgspec.structs.replace(self.lanes, **own)

    def agents_in_use(self) -> tuple[str, ...]:
        """Every agent that may be started, without repeats."""
        lanes = (self.lanes, *(self.lanes_for(route.item) for route in self.routes))
        return tuple(dict.fromkeys(name for each in lanes for name in each.names()))

    def agent_limits(self, stage: str) -> Limits:
        """The limits of one agent call in `stage` (execute, fix, remediate, audit or triage)."""
        seconds = {
            "execute": self.execution_timeout_s,
            "fix": self.fix_timeout_s,
            "remediate": self.remediation_timeout_s,
            "audit": self.audit_timeout_s,
            "triage": self.triage_timeout_s,
        }[stage]
        return self._limits(seconds, self.agent_output_mb_max, first_output_s=self.first_output_s_max)

    def command_limits(self, *, setup: bool = False) -> Limits:
        """The limits of one verification or setup command, which may be quiet from the start."""
        seconds = self.setup_timeout_s if setup else self.verification_timeout_s
        return self._limits(seconds, self.command_output_mb_max)

    def flake_rules(self, today: str) -> FlakeRules:
        """How failures of required commands are tried again in a run that begins on the date `today`."""
        live = (entry.test for entry in self.quarantine if entry.is_live(today))
        return FlakeRules(
            reruns=self.verification_reruns,
            accepted=self.flaky_pass == "accept",
            quarantined=tuple(sorted(set(live))),
        )

    def _limits(self, runtime_s: int, output_mb: int, first_output_s: int | None = None) -> Limits:
        return Limits(
            runtime_s_max=runtime_s,
            first_output_s_max=first_output_s,
            silence_s_max=self.silence_s_max,
            output_bytes_max=output_mb << 20,
            memory_bytes_max=self.memory_mb_max << 20,
            processes_max=self.processes_max,
            disk_free_bytes_min=self.disk_floor_mb << 20,
        )


def _micro(text: str | None) -> int | None:
    return None if text is None else micro(text)
