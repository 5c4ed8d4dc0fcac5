"""What the kernel itself observed: trials, that is command groups run on one tree, and their results.

Not here: running anything (`perform/verification.py`), and what trials prove together (`verification.py`). An
agent's claim never enters this module.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.limits import Breach

Purpose = Literal["green", "base", "red", "held-out"]
"""`green`: the result. `base`: where the attempt began. `red`: the base with the item's test surface. `held-out`: the
result with the base's test surface."""
CommandStatus = Literal[
    "pass", "fail", "timeout", "silence", "output", "memory", "processes", "disk", "killed", "not_started"
]

SETUP = 0
"""The number of the setup commands taken together; commands count from 1."""
WHOLE = "(the whole command)"
"""What failed when no report names a case."""
NAMES_MAX = 500
"""Failed cases named in the journal, some 30 KB. Where more fail, the command counts as a whole."""
_NEVER_RED = range(126, 256)
"""Exit codes of a shell that could not run the command, or of one that a signal ended."""


class CommandMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What decides of one command in one trial. `failed` is empty when it passed; WHOLE stands for no names.

    `runner` is empty when no known runner reported. `turned` and `vanished` are filled in a red trial only: the
    cases that fail here and pass in green, and what could not be collected here and can in green.
    """

    number: int
    command: str
    status: CommandStatus
    exit_code: int | None
    runner: str
    executed: int
    failed: tuple[str, ...]
    turned: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


class CaseCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many cases a runner reported of each kind; `broken` are files that could not be collected or compiled."""

    runner: str
    passed: int
    failed: int
    skipped: int
    broken: int


class CommandResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One command that was run: `exit_code` is None when it could not be started; `log` is a path in the run.

    `cases` counts what its runner reported, None when it is none that Verger reads; `breach` is the limit it broke.
    """

    index: int
    command: str
    status: CommandStatus
    exit_code: int | None
    runtime_ms: int
    output_bytes: int
    swept: int
    log: str
    tail: str
    cases: CaseCounts | None = None
    breach: Breach | None = None


class ArtifactResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One required artifact: `committed` in the result, `built` by a command, or `missing`."""

    path: str
    status: Literal["committed", "built", "missing"]
    must_be_committed: bool

    def passed(self) -> bool:
        """Whether the artifact is where it must be."""
        return self.status == "committed" or (self.status == "built" and not self.must_be_committed)


class Unmade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A required artifact that is not where it must be, and why."""

    path: str
    why: str


class TrialMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A trial reduced to what decides. `nth` counts trials of one group and purpose from 1; 0: known from earlier."""

    group: str
    purpose: Purpose
    nth: int
    commands: tuple[CommandMark, ...]
    unmade: tuple[Unmade, ...]


class TrialReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything seen in one trial. `tree` is what stood in the checkout, `setup` what prepared it.

    `room` says where the commands ran: in the `sandbox`, else `mounted` at a path with nothing above it, or `in place`.
    """

    group: str
    purpose: Purpose
    nth: int
    tree: str
    room: Literal["sandbox", "mounted", "in place"]
    setup: tuple[CommandResult, ...]
    commands: tuple[CommandResult, ...]
    artifacts: tuple[ArtifactResult, ...]
    mark: TrialMark


def trial_name(group: str, purpose: Purpose, nth: int) -> str:
    """The trial as effects and files name it, for example `held-out-required-2`."""
    return f"{purpose}-{group}" if nth <= 1 else f"{purpose}-{group}-{nth}"


def command_status(exit_code: int | None, breach: str) -> CommandStatus:
    """The status of a command that ended with `exit_code` after breaking the limit `breach`, empty for none."""
    if breach in ("timeout", "silence", "output", "memory", "processes", "disk"):
        return breach  # type: ignore[return-value]  # narrowed by the line above, which mypy does not follow
    if exit_code is None:
        return "not_started"
    if exit_code < 0:
        return "killed"
    return "pass" if exit_code == 0 else "fail"


def case_counts(reported: CaseReport) -> CaseCounts:
    """The report counted."""
    return CaseCounts(
        runner=reported.runner,
        passed=len(reported.passed) + reported.passed_unnamed,
        failed=len(reported.failed),
        skipped=len(reported.skipped) + reported.skipped_unnamed,
        broken=len(reported.broken),
    )


def trial_mark(
    *,
    group: str,
    purpose: Purpose,
    nth: int,
    setup: tuple[CommandResult, ...],
    commands: tuple[CommandResult, ...],
    artifacts: tuple[ArtifactResult, ...],
    reported: Mapping[int, CaseReport],
    green: Mapping[int, CaseReport],
) -> TrialMark:
    """The trial reduced. `reported` is what the runners said, by command; `green` what they said in the green trial."""
    unprepared = next((one for one in setup if one.status != "pass"), None)
    marks = [_mark(one, reported.get(one.index), green.get(one.index)) for one in commands]
    if setup:
        marks.insert(0, _setup_mark(unprepared or setup[0]))
    return TrialMark(
        group=group,
        purpose=purpose,
        nth=nth,
        commands=tuple(marks),
        unmade=tuple(_unmade(one) for one in artifacts if not one.passed()),
    )


def _setup_mark(result: CommandResult) -> CommandMark:
    return CommandMark(
        number=SETUP,
        command=result.command,
        status=result.status,
        exit_code=result.exit_code,
        runner="",
        executed=0,
        failed=() if result.status == "pass" else (WHOLE,),
    )


def _mark(result: CommandResult, reported: CaseReport | None, green: CaseReport | None) -> CommandMark:
    return CommandMark(
        number=result.index,
        command=result.command,
        status="fail" if result.status == "pass" and _fails(reported) else result.status,
        exit_code=result.exit_code,
        runner=reported.runner if reported else "",
        executed=reported.executed if reported else 0,
        failed=_failed(result, reported),
        turned=_turned(reported, green),
        vanished=_vanished(reported, green),
    )


def _fails(reported: CaseReport | None) -> bool:
    # A runner whose exit code was swallowed, by `|| true` or by the code under test, still says what failed.
    return reported is not None and bool(reported.failed or reported.broken)


def _failed(result: CommandResult, reported: CaseReport | None) -> tuple[str, ...]:
    if result.status == "pass" and not _fails(reported):
        return ()
    # Only of a command that ended by itself is what it reported all that failed.
    if reported is None or result.status not in ("pass", "fail"):
        return (WHOLE,)
    names = reported.failed + reported.broken
    return names if 0 < len(names) <= NAMES_MAX else (WHOLE,)


def _turned(red: CaseReport | None, green: CaseReport | None) -> tuple[str, ...]:
    if red is None or green is None or red.runner != green.runner:
        return ()
    if green.passed_unnamed:
        # A runner that names only what fails: what it does not name there, passed.
        return tuple(sorted(set(red.failed) - set(green.failed) - set(green.skipped)))[:NAMES_MAX]
    return tuple(sorted(set(red.failed) & set(green.passed)))[:NAMES_MAX]


def _vanished(red: CaseReport | None, green: CaseReport | None) -> tuple[str, ...]:
    if red is None or green is None or red.runner != green.runner or green.executed == 0:
        return ()
    return tuple(sorted(set(red.broken) - set(green.broken)))[:NAMES_MAX]


def _unmade(artifact: ArtifactResult) -> Unmade:
    why = "is only built, not part of the result" if artifact.status == "built" else "does not exist"
    return Unmade(path=artifact.path, why=why)


def is_red_by_exit(mark: CommandMark) -> bool:
    """Whether the command failed by itself, not for want of a shell, a program, time or tests."""
    return mark.status == "fail" and mark.exit_code is not None and mark.exit_code not in _NEVER_RED
