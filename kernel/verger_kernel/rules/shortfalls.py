"""What a verification found wrong, as findings: one short function for each kind of shortfall.

Not here: what counts as one; see `verification.py`.
"""

from collections.abc import Iterable

from verger_kernel.rules.findings import Finding, finding
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, TrialMark, Unmade

SOURCE = "verification"


def failed(mark: CommandMark, cases: Iterable[str]) -> Finding:
    """A required command, or the setup, that fails; `cases` are to blame."""
    name = "setup" if mark.number == SETUP else f"required command {mark.number}"
    return finding(
        source=SOURCE,
        title=f"{name}: {mark.status}",
        severity="high",
        category="correctness",
        is_blocking=True,
        evidence=(*_ended(mark), *_named(cases)),
        action=f"Make this command end with exit code 0: {mark.command}",
    )


def unmade(artifact: Unmade) -> Finding:
    """A required artifact that is not there."""
    return finding(
        source=SOURCE,
        title=f"required artifact {artifact.path} {artifact.why}",
        severity="high",
        category="artifact",
        is_blocking=True,
        file_paths=(artifact.path,),
        action=f"Create {artifact.path}.",
    )


def fewer(mark: CommandMark, here: int, there: int, *, is_blocking: bool) -> Finding:
    """A command whose runner reports `here` executed tests, and `there` with the base's tests."""
    said = f"runs {here} tests" if mark.runner else "reports no tests"
    return finding(
        source=SOURCE,
        title=f"required command {mark.number} {said}, with the tests of the base {there}",
        severity="high" if is_blocking else "medium",
        category="test_gap",
        is_blocking=is_blocking,
        evidence=(f"$ {mark.command}",),
        action="Bring the missing tests back. Where the item removes them on purpose, its deliverable names the files.",
    )


def not_red(green: TrialMark) -> Finding:
    """An item that must show red, whose required commands pass without its change."""
    commands = [mark.command for mark in green.commands if mark.number != SETUP]
    return finding(
        source=SOURCE,
        title="no required command fails without the change",
        severity="high",
        category="test_gap",
        is_blocking=True,
        evidence=tuple(f"$ {command}" for command in commands),
        action="Write a test that fails on the base and passes with the change.",
    )


def held_out(mark: CommandMark, cases: Iterable[str]) -> Finding:
    """Tests of the base that pass there and fail against the result's product code."""
    return finding(
        source=SOURCE,
        title=f"tests of the base fail on the result: command {mark.number}",
        severity="high",
        category="correctness",
        is_blocking=True,
        evidence=(*_ended(mark), *_named(sorted(cases))),
        action="Keep what these tests expect. Where the item changes it on purpose, its deliverable names their files.",
    )


def flaky(number: int, command: str, attempts: int, cases: Iterable[str]) -> Finding:
    """A required command whose cases failed at some time and passed at another, on one and the same tree."""
    return finding(
        source=SOURCE,
        title=f"required command {number} is flaky: it failed and passed in {attempts} attempts",
        severity="medium",
        category="process",
        is_blocking=False,
        evidence=(f"$ {command}", *_named(cases)),
        action="Mend the test, or name it in the quarantine of the policy, with owner and expiry.",
    )


def suggested(mark: CommandMark) -> Finding:
    """A suggested command that fails: it blocks nothing."""
    return finding(
        source=SOURCE,
        title=f"suggested command {mark.number}: {mark.status}",
        severity="low",
        category="correctness",
        is_blocking=False,
        evidence=(*_ended(mark), *_named(mark.failed)),
        action=f"Make this command end with exit code 0: {mark.command}",
    )


def _ended(mark: CommandMark) -> tuple[str, str]:
    return f"$ {mark.command}", f"exit code {mark.exit_code}"


def _named(cases: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"failed: {name}" for name in cases if name != WHOLE)
