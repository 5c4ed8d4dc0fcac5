"""What the kernel observed, and what it makes of it.

Not here: running anything.
"""

import pytest

from verger_kernel.rules.findings import merge
from verger_kernel.rules.verification import (
    ArtifactResult,
    CommandResult,
    CommandStatus,
    GroupReport,
    blocking_failures,
    command_status,
    failures,
    group_result,
    verdict,
)


def command(status: CommandStatus = "pass", *, index: int = 1, text: str = "make test") -> CommandResult:
    return CommandResult(
        index=index,
        command=text,
        status=status,
        exit_code=0 if status == "pass" else 1,
        runtime_ms=5,
        output_bytes=4,
        swept=0,
        log="logs/1.log",
        tail="last line",
    )


def report(
    *commands: CommandResult,
    required: bool = True,
    setup: tuple[CommandResult, ...] = (),
    artifacts: tuple[ArtifactResult, ...] = (),
) -> GroupReport:
    return GroupReport(
        group="required" if required else "suggested",
        required=required,
        commit="0" * 40,
        setup=setup,
        commands=commands,
        artifacts=artifacts,
    )


def artifact(status: str, *, must_be_committed: bool = True) -> ArtifactResult:
    return ArtifactResult(path="docs/a.md", status=status, must_be_committed=must_be_committed)


@pytest.mark.parametrize(
    ("exit_code", "breach", "status"),
    [
        (0, "", "pass"),
        (1, "", "fail"),
        (127, "", "fail"),
        (-9, "", "killed"),
        (None, "", "not_started"),
        (0, "timeout", "timeout"),
        (-9, "memory", "memory"),
        (-15, "output", "output"),
        (None, "silence", "silence"),
    ],
)
def test_a_broken_limit_outweighs_the_exit_code(
    exit_code: int | None, breach: str, status: CommandStatus
) -> None:
    assert command_status(exit_code, breach) == status


@pytest.mark.parametrize(
    "status", ["fail", "timeout", "silence", "output", "memory", "killed", "not_started"]
)
def test_a_required_command_that_did_not_pass_blocks(status: CommandStatus) -> None:
    (found,) = failures(report(command(), command(status, index=2)))
    assert (found.mark.severity, found.mark.is_blocking, found.mark.category) == ("high", True, "correctness")
    assert found.mark.sources == ("verification",)
    assert found.title == f"required command 2: {status}"
    assert "last line" in found.evidence


def test_a_suggested_command_that_did_not_pass_is_noted() -> None:
    (found,) = failures(report(command("fail"), required=False))
    assert (found.mark.severity, found.mark.is_blocking) == ("low", False)


def test_a_setup_that_failed_counts_like_a_command() -> None:
    result = group_result(report(command(), setup=(command("fail", text="make deps"),)))
    assert not result.passed
    assert blocking_failures((result,)) == result.failures


@pytest.mark.parametrize(
    ("status", "must_be_committed", "passes"),
    [
        ("committed", True, True),
        ("committed", False, True),
        ("built", False, True),
        ("built", True, False),
        ("missing", True, False),
        ("missing", False, False),
    ],
)
def test_an_artifact_must_be_where_it_was_promised(
    status: str, must_be_committed: bool, passes: bool
) -> None:
    seen = artifact(status, must_be_committed=must_be_committed)
    assert seen.passed() is passes
    result = group_result(report(command(), artifacts=(seen,)))
    assert result.passed is passes
    assert bool(blocking_failures((result,))) is not passes


def test_an_artifact_that_is_missing_names_its_path() -> None:
    (found,) = failures(report(artifacts=(artifact("missing"),)))
    assert (found.mark.category, found.file_paths) == ("artifact", ("docs/a.md",))


def test_a_group_without_commands_passes() -> None:
    assert group_result(report()).passed


def test_failures_come_gravest_first_and_without_repeats() -> None:
    found = failures(report(command("fail"), command("fail"), artifacts=(artifact("missing"),)))
    assert len(found) == 2
    assert [one.mark.finding_id for one in found] == sorted(one.mark.finding_id for one in found)


def test_the_verdict_is_that_of_the_gravest_group() -> None:
    good = group_result(report(command()))
    bad = group_result(report(command("fail")))
    noted = group_result(report(command("fail"), required=False))
    assert verdict(()) == "pass"
    assert verdict((good,)) == "pass"
    assert verdict((good, noted)) == "partial"
    assert verdict((bad, noted)) == "fail"


def test_w14_a_finding_of_verification_merges_with_its_twin_like_any_other() -> None:
    (made,) = failures(report(artifacts=(artifact("missing"),)))
    assert made.file_paths == ("docs/a.md",)
    assert merge((made, made)) == (made,)
