"""What playbook and policy say together of one item."""

from typing import Any

from tests.doubles.notes import evidenced, gated, item, playbook

from verger_kernel.rules.explanation import Explanation, Obstacle, explain
from verger_kernel.rules.playbook.reader import read_playbook
from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy
from verger_kernel.rules.policy_snapshot import Resolved


def resolved(**settings: Any) -> Resolved:
    policy = Policy(
        agents={
            "coder": AgentDefinition(kind="generic", command=("./coder", "-x"), env=("KEY",)),
            "a": AgentDefinition(kind="scripted", scenario="a.toml"),
            "b": AgentDefinition(kind="scripted", scenario="b.toml"),
        },
        lanes=Lanes(worker="coder", audit_a="a", audit_b="b", triage=settings.pop("triage", "rules")),
        **settings,
    )
    names = [*Policy.__struct_fields__, *(f"lanes.{role}" for role in Lanes.__struct_fields__)]
    sources = {name: "repository" if name in settings else "default" for name in names}
    return Resolved(policy=policy, sources=sources, ignored_environment=())


def explained(*rows: str, known: Resolved | None = None, **more: Any) -> Explanation:
    """The last of `rows`, explained."""
    plan = read_playbook(playbook(rows).encode(), path="p.md", generated_at_utc="")
    return explain(plan, plan.items[-1], known, **more)


def trials(found: Explanation) -> list[str]:
    return [one.purpose for one in found.trials]


def test_required_commands_run_on_three_trees_and_say_when() -> None:
    found = explained(item("01"), known=resolved(verification_reruns=7))
    assert trials(found) == ["green", "base", "held-out"]
    assert {one.commands for one in found.trials} == {("test -s docs/01.md",)}
    assert found.trials[0].when == "always; a failure is tried again, 7 times at most"
    assert "cases that no earlier item counted" in found.trials[1].when


def test_red_comes_last_of_the_required_and_before_the_suggested() -> None:
    red = item("01", requires_red_green="yes", required_verification_commands="pytest")
    assert trials(explained(red)) == ["green", "base", "held-out", "red"]
    assert explained(red).trials[-1].tree == "the base with the result's tests"
    assert explained(red).trials[0].when.endswith("as often as the policy says")


def test_an_item_without_commands_has_no_trials_but_artifacts() -> None:
    found = explained(item("01", required_verification_commands=""))
    assert (found.trials, found.artifacts) == ((), ("docs/01.md",))


def test_suggested_commands_come_last_and_decide_nothing() -> None:
    text = playbook([item("01")]).replace("| external_dependencies |", "| suggested_verification_commands |")
    text = text.replace("| docs | no |  |  |  |  |", "| docs | no |  |  |  | make slow |")
    plan = read_playbook(text.encode(), path="p.md", generated_at_utc="")
    last = explain(plan, plan.items[0], None).trials[-1]
    assert (last.purpose, last.commands) == ("green", ("make slow",))
    assert "never decisive" in last.when


def test_prerequisites_come_with_their_actions() -> None:
    found = explained(item("01"), item("02", prerequisites="01"))
    assert [(one.item_id, one.action) for one in found.prerequisites] == [("01", "Write note 01.")]


def test_what_a_person_is_asked_before_and_after() -> None:
    gate, outside = explained(gated("01")), explained(evidenced("01"))
    assert (gate.gate, gate.gate_reason) == ("signoff", "A person must read it.")
    assert (gate.gate_evidence, gate.evidence_required) == (("decision record",), False)
    assert (outside.gate, outside.evidence_required, outside.evidence) == ("none", True, ("vendor status",))


def test_every_role_has_its_agent_and_where_it_was_named() -> None:
    known = resolved(env=("PATHS",), setup=("npm ci",))
    worker, _, _, triage = explained(item("01"), known=known).agents
    assert (worker.name, worker.kind, worker.call) == ("coder", "generic", "./coder -x")
    assert (worker.env, worker.source) == (("PATHS", "KEY"), "default")
    assert (triage.name, triage.kind) == ("rules", "")
    assert explained(item("01"), known=resolved(triage="a")).agents[3].call == "a.toml"
    assert explained(item("01"), known=known).setup == ("npm ci",)
    assert explained(item("01"), known=known).setup_source == "repository"


def test_every_number_of_the_policy_is_a_limit_with_where_it_was_set() -> None:
    found = {one.setting: one for one in explained(item("01"), known=resolved(max_fix_rounds=5)).limits}
    assert (found["max_fix_rounds"].value, found["max_fix_rounds"].source) == (5, "repository")
    assert found["silence_s_max"].source == "default"
    bounds = {name for name in Policy.__struct_fields__ if name.endswith(("_s", "_max", "_mb"))}
    # No bound of its own unless somebody sets it.
    assert bounds - {"budget_wall_s"} <= set(found)


def test_money_is_a_limit_where_it_is_bounded() -> None:
    found = {
        one.setting: one.value for one in explained(item("01"), known=resolved(budget_usd="5.00")).limits
    }
    assert found["budget_usd"] == "5.00"
    assert "budget_tokens" not in found
    assert "auto_advance" not in found


def test_without_a_policy_it_is_said_why() -> None:
    found = explained(item("01"), policy_unknown="no place", obstacles=(Obstacle(what="w", hint="h"),))
    assert (found.policy_unknown, found.agents, found.limits, found.setup) == ("no place", (), (), ())
    assert found.obstacles[0].what == "w"
