"""Every setting that a file, the environment or the command line may hold: its bounds, what it is for.

Not here: the defaults (`rules/policy.py`), and what a single value must be (`values.py`). Each place says only what it
changes, so no field is required.
"""

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from verger_kernel.rules.policy import AgentKind
from verger_kernel.settings.values import (
    NAME_WORDS,
    AgentName,
    Argv,
    Date,
    Dollars,
    FilePath,
    FolderPaths,
    Hosts,
    Items,
    Mebibytes,
    Model,
    ModelName,
    Person,
    Processes,
    Reason,
    References,
    Rounds,
    Seconds,
    ShellLines,
    Steps,
    Switch,
    Test,
    Tokens,
    TriageName,
    Url,
    VariableName,
    VariableNames,
    Version,
)

POLICY_SCHEMA = "verger.policy.v1"

Location = tuple[int | str, ...]
"""Where in a place a setting stands, as pydantic tells it: `("agents", "painter", "kind")`."""


def _setting(what_for: str) -> Any:
    """A field that may be left out; None is never read, for only what was written counts."""
    return Field(default=None, description=what_for)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LaneSettings(_Table):
    """Who plays which role."""

    worker: AgentName = _setting("changes the worktree")
    audit_a: AgentName = _setting("audits every packet")
    audit_b: AgentName = _setting("audits every packet too, and is another agent than `audit_a`")
    triage: TriageName = _setting("judges the merged findings")


class RouteSettings(_Table):
    """Who plays which role for one item."""

    item: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", title="the id of an item")] = (
        Field(description="the item that this is about")
    )
    worker: AgentName = _setting("changes the worktree")
    audit_a: AgentName = _setting("audits the packets of this item")
    audit_b: AgentName = _setting("audits the packets of this item too")


class AgentSettings(_Table):
    """One agent; a name is taken whole from the last place that defines it."""

    kind: Annotated[
        AgentKind,
        Field(title="`generic`, `scripted`, `codex` or `claude`"),
    ] = Field(
        description="`generic` starts `command`, `scripted` plays `scenario`, "
        "`codex` and `claude` drive the programs of these names"
    )
    command: Argv = _setting("what a generic agent starts, without a shell")
    resume: Argv = _setting("what a generic agent starts to go on in a session that was cut short")
    scenario: FilePath = _setting("what a scripted agent plays, a path from the repository root")
    program: FilePath = _setting("where codex or claude lies; without it the name is looked for on `PATH`")
    version: Version = _setting("the one version of codex or claude that may be started")
    model: Model = _setting("the model that codex or claude asks")
    effort: Annotated[
        Literal["minimal", "low", "medium", "high", "xhigh", "max"],
        Field(title="`minimal`, `low`, `medium`, `high`, `xhigh` or `max`"),
    ] = _setting("how hard the model thinks")
    base_url: Url = _setting("where the model is asked, if not at its vendor")
    key: Annotated[VariableName, Field(title="the name of an environment variable")] = _setting(
        "the variable that holds the key of codex or claude; no other agent gets it"
    )
    login: FilePath = _setting("the file of a login that codex uses in place of a key; `~` is your home")
    env: VariableNames = _setting("variables that this agent gets on top of the allowlist")
    secrets: References = _setting(
        "variables whose values this agent alone gets, from where they lie; kept nowhere"
    )


class QuarantineSettings(_Table):
    """One test that is known to be flaky, who mends it, and until when it may be."""

    test: Test = Field(description="what may fail and pass on one result")
    owner: Person = Field(description="who mends it")
    expires: Date = Field(description="the last day on which a run may begin with it, in UTC")
    reason: Reason = _setting("why it is flaky")


class PriceSettings(_Table):
    """What a model costs, for a million tokens."""

    input_usd: Dollars = Field(description="a million tokens that are read")
    output_usd: Dollars = Field(description="a million tokens that the model writes")
    cached_usd: Dollars = _setting("a million that are read from a cache; without it, as `input_usd`")
    cache_write_usd: Dollars = _setting("a million that are written to a cache; without it, as `input_usd`")


Prices = Annotated[
    dict[ModelName, PriceSettings], Field(title="a table of models, each with `input_usd` and `output_usd`")
]
Quarantine = Annotated[
    list[QuarantineSettings], Field(title="a list of tables, each with `test`, `owner`, `expires`")
]


class IntentionSettings(_Table):
    """What the repository was reviewed for; it counts in the `verger.toml` of the base commit alone."""

    parallel_runs_allowed: Switch = _setting("lets other runs be at work meanwhile")
    isolation: Annotated[Literal["none", "four_layer"], Field(title="`none` or `four_layer`")] = _setting(
        "how runs are kept apart; parallel runs need `four_layer`"
    )


Routes = Annotated[list[RouteSettings], Field(title="a list of tables, each with `item` and agents by role")]


class Layer(_Table):
    """What one place says of the policy. `model_fields_set` tells what it does say."""

    schema_version: Annotated[Literal["verger.policy.v1"], Field(title=f"`{POLICY_SCHEMA}`")] = _setting(
        "says for which Verger the file was written; may be left out"
    )
    agents: dict[AgentName, AgentSettings] = _setting("the agents, by name")
    lanes: LaneSettings = _setting("the agent of each role")
    routes: Routes = _setting("other agents for single items")
    auto_advance: Switch = _setting("go on to the next item after one that passed")
    max_items: Items = _setting("how many items one invocation lets pass before it stops")
    max_fix_rounds: Rounds = _setting("rounds of one attempt in which the worker mends what was found")
    max_remediation_rounds: Rounds = _setting("rounds of one attempt after the fix rounds are used up")
    setup: ShellLines = _setting("commands that prepare a verification tree, in order")
    verification_reruns: Rounds = _setting(
        "how often a required command that fails is run again on the result, and on the base"
    )
    flaky_pass: Annotated[Literal["escalate", "accept"], Field(title="`escalate` or `accept`")] = _setting(
        "`accept` lets a required command pass that failed and passed on the same result"
    )
    quarantine: Quarantine = _setting("tests known to be flaky, whose failures that do not last may pass")
    verification_ancestors: Annotated[
        Literal["refuse", "acknowledged"], Field(title="`refuse` or `acknowledged`")
    ] = _setting("`refuse` stops a run whose commands would find files above their tree")
    env: VariableNames = _setting("variables that agents and commands get on top of the allowlist")
    execution_timeout_s: Seconds = _setting("longest time for the worker to carry out an item")
    fix_timeout_s: Seconds = _setting("longest time for the worker in a fix round")
    remediation_timeout_s: Seconds = _setting("longest time for the worker in a remediation round")
    audit_timeout_s: Seconds = _setting("longest time for one audit")
    triage_timeout_s: Seconds = _setting("longest time for a triage agent")
    verification_timeout_s: Seconds = _setting("longest time for one verification command")
    setup_timeout_s: Seconds = _setting("longest time for one setup command")
    first_output_s_max: Seconds = _setting(
        "longest time that an agent which has said nothing yet may do nothing: no output, no CPU, nothing written"
    )
    silence_s_max: Seconds = _setting(
        "longest time that an agent or command may do nothing: no output, no CPU, nothing written"
    )
    agent_output_mb_max: Mebibytes = _setting("most output of one agent call")
    command_output_mb_max: Mebibytes = _setting("most output of one command")
    memory_mb_max: Mebibytes = _setting("most memory of one agent or command, its whole process tree counted")
    processes_max: Processes = _setting("most processes of one agent or command at once")
    parallel_steps_max: Steps = _setting(
        "how many agents and commands of a run may be at work at once; with 1 the audits follow each other"
    )
    disk_floor_mb: Mebibytes = _setting(
        "free disk space without which no run begins, and below which an agent or command is stopped"
    )
    sandbox: Annotated[Literal["required", "none"], Field(title="`required` or `none`")] = _setting(
        "`none` lets agents and commands see and write whatever you can, and says so everywhere"
    )
    sandbox_hosts: Hosts = _setting("what agents may reach over the network, by the proxy alone")
    sandbox_paths: FolderPaths = _setting(
        "what agents and commands may read besides, as it stands in your account"
    )
    verification_hosts: Hosts = _setting("what setup and verification commands may reach over the network")
    ambient_agent_config: Annotated[
        Literal["refuse", "acknowledged"], Field(title="`refuse` or `acknowledged`")
    ] = _setting("`refuse` stops a run whose agents would read configuration that nobody reviewed")
    intention: IntentionSettings = _setting("what the repository was reviewed for")
    budget_usd: Dollars = _setting("the most that a run may spend")
    budget_tokens: Tokens = _setting("the most tokens that a run may use, those read from caches counted")
    budget_wall_s: Seconds = _setting(
        "for how long a run may be at work before it begins no further agent call"
    )
    item_budget_usd: Dollars = _setting("the most that one item may spend, all its attempts counted")
    item_budget_tokens: Tokens = _setting("the most tokens that one item may use, all its attempts counted")
    reserve_usd: Dollars = _setting(
        "what is held back for one agent call, and what it counts as if nobody learns its cost; "
        "without it 2.00, in audits and triage 0.50"
    )
    reserve_tokens: Tokens = _setting("the same in tokens; without it 2000000, in audits and triage 500000")
    prices: Prices = _setting(
        "what models cost, by name or by its beginning with a `*`; wins over the shipped table"
    )


_TABLES: dict[str, type[_Table]] = {
    "lanes": LaneSettings,
    "agents": AgentSettings,
    "quarantine": QuarantineSettings,
    "intention": IntentionSettings,
    "prices": PriceSettings,
    "routes": RouteSettings,
}


def wanted(location: Location) -> str:
    """What the setting at `location` must be, in words; `""` where no setting stands."""
    if location[-1] == "[key]":
        return NAME_WORDS
    table, rest = _table(location)
    field = table.model_fields.get(str(rest[0])) if rest else None
    return (field.title if field else None) or ""


def mend_unknown(location: Location) -> str:
    """What to write instead of the unknown key at `location`: the nearest name, or where all are listed."""
    table, (key, *_) = _table(location)
    names = list(table.model_fields)
    if near := get_close_matches(str(key), names, n=1):
        return f"did you mean {near[0]}?"
    if table is Layer:
        return "docs/policy.md lists every setting"
    if key in Layer.model_fields:
        return f"{key} belongs above the first [table] of the file"
    return f"known here: {', '.join(names)}"


def _table(location: Location) -> tuple[type[_Table], Location]:
    depth = {"lanes": 1, "agents": 2, "quarantine": 2, "prices": 2, "routes": 2}.get(str(location[0]), 0)
    if depth and len(location) > depth:
        return _TABLES[str(location[0])], location[depth:]
    return Layer, location
