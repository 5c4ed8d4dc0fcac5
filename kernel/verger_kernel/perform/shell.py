"""One shell command in a room: run within its limits, its output kept, its runner's reports read.

Not here: which commands are run and on what tree; see `verification.py`.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from anyio import to_thread

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.perform.site import Site
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.rooms import Room
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.rules import runners
from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.trials import CommandResult, case_counts, command_status

TAIL_BYTES = 4000
"""How much of a log's end goes into report, finding and rework: enough for one failure, small enough to read."""
_REPORT_BYTES_MAX = 16 << 20
_REPORTS_MAX = 64
"""Report files read of one command: a runner writes one, a build of many modules some dozens."""


@dataclass(frozen=True)
class Shell:
    """Where commands of one trial run and where their logs go. `scratch` is thrown away with the trial."""

    site: Site
    attempt: AttemptFolder
    room: Room
    scratch: Path
    logs: Path
    name: str
    is_setup: bool


async def run_command(shell: Shell, number: int, command: str) -> tuple[CommandResult, CaseReport | None]:
    """Runs one command; all its processes are gone before this returns."""
    # While it runs, its output lies where that of every command does: a test could read the path of its own output.
    output, reports = shell.scratch / "output.log", shell.scratch / "reports"
    await to_thread.run_sync(make_folder, reports)
    argv = shell.room.argv(command)
    job = Job(
        argv=argv,
        cwd=shell.room.work,
        env=_environment(shell, reports),
        stdin=None,
        stdout=output,
        stderr=None,
        limits=shell.site.policy.command_limits(setup=shell.is_setup),
        # Drawn, not named: the effect's name would tell a test in which trial it runs.
        marker=secrets.token_hex(16),
        run_marker=shell.site.frame.run_id,
        inherit=(shell.site.tree_lock,),
    )
    ended = await run(job)
    if ended.breach is None and not shell.room.was_made(argv):
        # Or the command removed the sign of it. Either way its exit code says nothing.
        ended = msgspec.structs.replace(ended, exit_code=None)
    return await to_thread.run_sync(_result, shell, number, command, ended, output, reports)


def _environment(shell: Shell, reports: Path) -> dict[str, str]:
    site = shell.site
    extra = {"VERGER_VERIFICATION": "1"}
    if shell.attempt.evidence_digest.exists():
        extra["VERGER_EXTERNAL_EVIDENCE_DIR"] = str(shell.attempt.evidence)
    environment = clean_environment(site.ambient, site.policy.env, extra)
    return environment | runners.report_environment(str(reports), environment)


def _result(
    shell: Shell, number: int, command: str, ended: Ended, output: Path, reports: Path
) -> tuple[CommandResult, CaseReport | None]:
    text = _text(output)
    reported = None if shell.is_setup else runners.read(command, text, _files(reports))
    log = shell.logs / f"{shell.name}-{number:02d}.log"
    make_folder(log.parent)
    if output.exists():
        output.replace(log)
    _clear(reports)
    result = CommandResult(
        index=number,
        command=command,
        status=command_status(ended.exit_code, ended.breach.limit if ended.breach else ""),
        exit_code=ended.exit_code,
        runtime_ms=ended.runtime_ms,
        output_bytes=ended.output_bytes,
        swept=ended.swept,
        log=shell.site.relative(log),
        tail=ended.start_error or text[-TAIL_BYTES:],
        cases=case_counts(reported) if reported else None,
    )
    return result, reported


def _text(output: Path) -> str:
    return output.read_bytes().decode("utf-8", "replace") if output.exists() else ""


def _files(reports: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(reports.iterdir())[:_REPORTS_MAX]
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= _REPORT_BYTES_MAX
    }


def _clear(reports: Path) -> None:
    for path in reports.iterdir():
        if path.is_dir() and not path.is_symlink():
            _clear(path)
            path.rmdir()
        else:
            path.unlink()
