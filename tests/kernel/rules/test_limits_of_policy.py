"""What the policy lets an agent or a command use."""

import pytest

from verger_kernel.rules.limits import Limits
from verger_kernel.rules.policy import Lanes, Policy

POLICY = Policy(
    agents={},
    lanes=Lanes(worker="w", audit_a="a", audit_b="b"),
    execution_timeout_s=1,
    fix_timeout_s=2,
    remediation_timeout_s=3,
    audit_timeout_s=4,
    triage_timeout_s=5,
    verification_timeout_s=6,
    setup_timeout_s=7,
    first_output_s_max=8,
    silence_s_max=9,
    agent_output_mb_max=10,
    command_output_mb_max=11,
    memory_mb_max=12,
    processes_max=13,
    disk_floor_mb=14,
)


@pytest.mark.parametrize(
    ("stage", "runtime_s"), [("execute", 1), ("fix", 2), ("remediate", 3), ("audit", 4), ("triage", 5)]
)
def test_an_agent_has_the_runtime_of_its_stage_and_must_say_something(stage: str, runtime_s: int) -> None:
    assert POLICY.agent_limits(stage) == Limits(
        runtime_s_max=runtime_s,
        first_output_s_max=8,
        silence_s_max=9,
        output_bytes_max=10 << 20,
        memory_bytes_max=12 << 20,
        processes_max=13,
        disk_free_bytes_min=14 << 20,
    )


@pytest.mark.parametrize(("setup", "runtime_s"), [(False, 6), (True, 7)])
def test_a_command_may_be_quiet_from_the_start(setup: bool, runtime_s: int) -> None:
    assert POLICY.command_limits(setup=setup) == Limits(
        runtime_s_max=runtime_s,
        first_output_s_max=None,
        silence_s_max=9,
        output_bytes_max=11 << 20,
        memory_bytes_max=12 << 20,
        processes_max=13,
        disk_free_bytes_min=14 << 20,
    )
