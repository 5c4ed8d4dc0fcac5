"""What the kernel itself observed: results of commands and artifacts, and the verdict over them.

Not here: running anything; see `perform/verification.py`. An agent's claim never enters this module.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.findings import Finding, finding, merge
from verger_kernel.rules.marks import FindingMark

CommandStatus = Literal["pass", "fail", "timeout", "silence", "output", "memory", "killed", "not_started"]
Verdict = Literal["pass", "partial", "fail"]


class CommandResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One command that was run: `exit_code` is None when it could not be started; `log` is a path in the run."""

    index: int
    command: str
    status: CommandStatus
    exit_code: int | None
    runtime_ms: int
    output_bytes: int
    swept: int
    log: str
    tail: str


class ArtifactResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One required artifact: `committed` in the result, `built` by a command, or `missing`."""

    path: str
    status: Literal["committed", "built", "missing"]
    must_be_committed: bool

    def passed(self) -> bool:
        """Whether the artifact is where it must be."""
        return self.status == "committed" or (self.status == "built" and not self.must_be_committed)


class GroupReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything seen while one command group ran on `commit`. `setup` are the commands that prepared the tree."""

    group: str
    required: bool
    commit: str
    setup: tuple[CommandResult, ...]
    commands: tuple[CommandResult, ...]
    artifacts: tuple[ArtifactResult, ...]


class GroupResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group report reduced to what decides: it passed when nothing failed."""

    group: str
    failures: tuple[FindingMark, ...]

    @property
    def passed(self) -> bool:
        """Whether every command, every setup command and every artifact passed."""
        return not self.failures


def command_status(exit_code: int | None, breach: str) -> CommandStatus:
    """The status of a command that ended with `exit_code` after breaking the limit `breach`, empty for none."""
    if breach in ("timeout", "silence", "output", "memory"):
        return breach  # type: ignore[return-value]  # narrowed by the line above, which mypy does not follow
    if exit_code is None:
        return "not_started"
    if exit_code < 0:
        return "killed"
    return "pass" if exit_code == 0 else "fail"


def failures(report: GroupReport) -> tuple[Finding, ...]:
    """What did not pass, as findings; those of a required group block."""
    found = [_failed_command(report, one) for one in report.setup + report.commands if one.status != "pass"]
    found += [_missing_artifact(one) for one in report.artifacts if not one.passed()]
    return merge(found)


def _failed_command(report: GroupReport, result: CommandResult) -> Finding:
    return finding(
        source="verification",
        title=f"{report.group} command {result.index}: {result.status}",
        severity="high" if report.required else "low",
        category="correctness",
        is_blocking=report.required,
        evidence=(f"$ {result.command}", f"exit code {result.exit_code}", result.tail),
        action=f"Make this command end with exit code 0: {result.command}",
    )


def _missing_artifact(artifact: ArtifactResult) -> Finding:
    where = "is only built, not part of the result" if artifact.status == "built" else "does not exist"
    return finding(
        source="verification",
        title=f"required artifact {artifact.path} {where}",
        severity="high",
        category="artifact",
        is_blocking=True,
        file_paths=(artifact.path,),
        action=f"Create {artifact.path}.",
    )


def group_result(report: GroupReport) -> GroupResult:
    """The report reduced."""
    return GroupResult(group=report.group, failures=tuple(one.mark for one in failures(report)))


def blocking_failures(results: tuple[GroupResult, ...]) -> tuple[FindingMark, ...]:
    """The failures that no triage can wave through."""
    return tuple(mark for result in results for mark in result.failures if mark.is_blocking)


def verdict(results: tuple[GroupResult, ...]) -> Verdict:
    """`fail` when anything required failed, `partial` when only something suggested did."""
    if blocking_failures(results):
        return "fail"
    return "pass" if all(result.passed for result in results) else "partial"
