"""The policy is resolved from five places, and each setting knows which of them it came from.

Not here: what is wrong with one place; see test_sources.py.
"""

import pytest
from tests.doubles.policy_files import BASE, PolicyFiles, above

from verger_kernel.errors import CommandError
from verger_kernel.rules.policy import AgentDefinition, Policy
from verger_kernel.settings.resolved import parse_agents_flag, resolve
from verger_kernel.settings.sources import VARIABLES
from verger_probes.exits import Exit


@pytest.fixture
def files(tmp_path):
    return PolicyFiles(tmp_path)


def test_the_example_alone_resolves_and_all_else_is_a_default(files):
    resolved = files.resolve()
    assert resolved.policy.lanes.names() == ("coder", "reader", "critic")
    assert resolved.policy == Policy(agents=resolved.policy.agents, lanes=resolved.policy.lanes)
    written = {key for key, source in resolved.sources.items() if source != "default"}
    assert written == {"lanes.worker", "lanes.audit_a", "lanes.audit_b"} | {
        f"agents.{name}.{field}" for name in ("coder", "reader", "critic") for field in ("kind", "command")
    }


def test_the_sources_name_every_setting_in_order(files):
    sources = files.resolve().sources
    assert list(sources) == sorted(sources)
    names = {key.split(".")[0] for key in sources}
    assert names == set(Policy.__struct_fields__)
    assert {key for key in sources if key.startswith("agents.coder.")} == {
        f"agents.coder.{field}" for field in AgentDefinition.__struct_fields__
    }


def test_each_place_wins_over_the_places_before_it(files):
    places = {
        "repository": {"repository": above("max_fix_rounds = 3")},
        "config": {"overlay": "max_fix_rounds = 4"},
        "env": {"environ": {"VERGER_MAX_FIX_ROUNDS": "5"}},
        "flag": {"flags": {"max_fix_rounds": 6}},
    }
    given = {}
    assert files.resolve().policy.max_fix_rounds == 2
    for rounds, (source, place) in enumerate(places.items(), start=3):
        given |= place
        resolved = files.resolve(**given)
        assert (resolved.policy.max_fix_rounds, resolved.sources["max_fix_rounds"]) == (rounds, source)


def test_a_value_equal_to_the_default_still_tells_who_wrote_it(files):
    assert files.resolve(above("max_fix_rounds = 2")).sources["max_fix_rounds"] == "repository"


def test_a_flag_that_is_none_was_not_given(files):
    resolved = files.resolve(above("max_items = 3"), flags={"max_items": None, "auto_advance": True})
    assert (resolved.policy.max_items, resolved.sources["max_items"]) == (3, "repository")
    assert (resolved.policy.auto_advance, resolved.sources["auto_advance"]) == (True, "flag")


def test_lanes_merge_role_by_role(files):
    resolved = files.resolve(
        overlay='lanes = { audit_a = "critic" }',
        environ={"VERGER_LANES__AUDIT_B": "reader"},
        flags={"lanes": parse_agents_flag("worker=reader, triage=coder")},
    )
    lanes = resolved.policy.lanes
    assert (lanes.worker, lanes.audit_a, lanes.audit_b, lanes.triage) == (
        "reader",
        "critic",
        "reader",
        "coder",
    )
    assert {key: value for key, value in resolved.sources.items() if key.startswith("lanes.")} == {
        "lanes.worker": "flag",
        "lanes.audit_a": "config",
        "lanes.audit_b": "env",
        "lanes.triage": "flag",
    }


def test_an_agent_is_taken_whole_from_the_last_place_that_defines_it(files):
    repository = BASE + '\n[agents.coder2]\nkind = "generic"\ncommand = ["a"]\nenv = ["A"]'
    overlay = '[agents.coder2]\nkind = "scripted"\nscenario = "demo.toml"'
    resolved = files.resolve(repository, overlay)
    agent = resolved.policy.agents["coder2"]
    assert (agent.kind, agent.command, agent.scenario, agent.env) == ("scripted", (), "demo.toml", ())
    assert resolved.sources["agents.coder2.scenario"] == "config"
    assert resolved.sources["agents.coder2.command"] == "default"
    assert resolved.sources["agents.reader.command"] == "repository"


def test_the_environment_is_the_one_given_and_no_other(files, monkeypatch):
    monkeypatch.setenv("VERGER_MAX_FIX_ROUNDS", "7")
    monkeypatch.setenv("MAX_FIX_ROUNDS", "7")
    assert files.resolve().policy.max_fix_rounds == 2


def test_every_variable_that_counts_is_read(files):
    values = {
        "auto_advance": "true",
        "setup": '["npm ci", "make"]',
        "env": '["CI"]',
        "flaky_pass": "accept",
        "quarantine": '[{"test": "a", "owner": "Ada", "expires": "2026-12-31"}]',
        "routes": '[{"item": "02", "worker": "critic"}]',
        "verification_ancestors": "acknowledged",
        "ambient_agent_config": "acknowledged",
        "sandbox": "none",
        "sandbox_hosts": '["example.org:443"]',
        "sandbox_paths": '["/opt/tool"]',
        "verification_hosts": "[]",
        "lanes.worker": "reader",
        "lanes.audit_a": "critic",
        "lanes.audit_b": "coder",
        "lanes.triage": "rules",
    }
    resolved = files.resolve(environ={name: values.get(key, "7") for name, key in VARIABLES.items()})
    assert set(VARIABLES.values()) == {
        k for k in resolved.sources if not k.startswith(("agents.", "intention."))
    } - {"prices"}
    assert {resolved.sources[key] for key in VARIABLES.values()} == {"env"}
    assert resolved.policy.setup == ("npm ci", "make")
    assert (resolved.policy.auto_advance, resolved.policy.max_items) == (True, 7)
    assert resolved.ignored_environment == ()


def test_variables_that_hold_no_setting_are_ignored_and_listed(files):
    unknown = {"VERGER_RUN": "R", "VERGER_MAX_FIX_ROUND": "x", "VERGER_AGENTS": "{", "VERGER_LANES": "1"}
    resolved = files.resolve(environ=unknown | {"HOME": "/", "verger_max_items": "3"})
    assert resolved.ignored_environment == tuple(sorted(unknown))
    assert resolved.policy.max_items is None


def test_without_lanes_the_answer_holds_a_file_that_works(files):
    error = files.refusal(None)
    assert error.code is Exit.REFUSED
    assert "lanes.worker, lanes.audit_a, lanes.audit_b" in error.what
    assert "--agents" in error.hint
    assert len(error.lines) == 5
    assert files.resolve("\n".join(error.lines)).policy.lanes.worker == "coder"


def test_a_single_missing_lane_is_named_alone(files):
    error = files.refusal(BASE.replace('audit_a = "reader", ', ""))
    assert error.what == "Cannot use the policy: no agent is named for lanes.audit_a"


def test_a_policy_that_cannot_be_run_is_refused_and_says_where_the_lanes_come_from(files):
    error = files.refusal(environ={"VERGER_LANES__WORKER": "ghost"})
    assert error.code is Exit.REFUSED
    assert "agent 'ghost'" in error.what
    assert "[agents.ghost]" in error.hint
    assert "lanes.worker is 'ghost', from: env" in error.lines


INTENTION = '\n[intention]\nparallel_runs_allowed = true\nisolation = "four_layer"\n'


def test_an_intention_counts_in_the_repository_alone(files):
    assert files.resolve(BASE + INTENTION).policy.intention.parallel_runs_allowed
    error = files.refusal(BASE, overlay=INTENTION)
    assert error.code is Exit.INPUT
    assert "overlay.toml: intention counts in the verger.toml of the repository alone" in error.what


def test_company_needs_every_layer(files):
    error = files.refusal(BASE + INTENTION.replace("four_layer", "none"))
    assert error.code is Exit.REFUSED
    assert "without saying how they are kept apart" in error.what


def test_twin_audit_lanes_are_refused(files):
    error = files.refusal(flags={"lanes": {"audit_b": "reader"}})
    assert error.code is Exit.REFUSED and "two audits" in error.what


def test_a_repository_without_the_file_is_no_problem_but_a_named_overlay_must_exist(tmp_path):
    flags = {
        "lanes": {"worker": "a", "audit_a": "b", "audit_b": "c"},
        "agents": {name: {"kind": "generic", "command": ["x"]} for name in "abc"},
    }
    absent = tmp_path / "absent.toml"
    resolved = resolve(repository_file=absent, overlay_file=None, environ={}, flags=flags)
    assert resolved.sources["agents.a.command"] == "flag"
    with pytest.raises(CommandError, match=r"absent\.toml: is missing or is no file") as caught:
        resolve(repository_file=None, overlay_file=absent, environ={}, flags=flags)
    assert caught.value.code is Exit.INPUT


def test_the_agents_flag_is_a_table_of_lanes():
    assert parse_agents_flag("worker=a,audit_a=b, audit_b = c") == {
        "worker": "a",
        "audit_a": "b",
        "audit_b": "c",
    }


@pytest.mark.parametrize(
    ("flag", "flaws"),
    [
        ("", ["'' is no ROLE=NAME"]),
        ("worker", ["'worker' is no ROLE=NAME"]),
        ("auditor=x", ["'auditor' is no role"]),
        ("=x", ["'' is no role"]),
        ("worker=", ["worker has an empty name"]),
        ("worker=a,worker=a", ["worker is named twice"]),
        ("worker=a,", ["'' is no ROLE=NAME"]),
        ("x,lead=b,triage=", ["'x' is no ROLE=NAME", "'lead' is no role", "triage has an empty name"]),
    ],
)
def test_every_flaw_of_the_agents_flag_is_told(flag, flaws):
    with pytest.raises(CommandError) as caught:
        parse_agents_flag(flag)
    assert caught.value.code is Exit.INPUT
    assert all(flaw in caught.value.what for flaw in flaws)
    assert "worker, audit_a, audit_b, triage" in caught.value.hint


def test_a_name_from_the_flag_is_judged_with_everything_else(files):
    error = files.refusal(flags={"lanes": parse_agents_flag("worker=a=b")})
    assert "command line: lanes.worker is 'a=b'" in error.what
