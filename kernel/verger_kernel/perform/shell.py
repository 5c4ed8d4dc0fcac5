"""One shell command in a room: run within its limits, its output kept, its runner's reports read.

Not here: which commands are run and on what tree; see `verification.py`.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from anyio import to_thread

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.git import removal
from verger_kernel.perform import bringing, enclosing
from verger_kernel.perform.site import Site
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.rooms import Room
from verger_kernel.process.runner import Ended, Job, not_started, run
from verger_kernel.process.sandbox import TREE, Sandbox, environment
from verger_kernel.rules import runners
from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.ids import shown
from verger_kernel.rules.trials import CommandResult, case_counts, command_status

TAIL_BYTES = 4000
"""How much of a log's end goes into report, finding and rework: enough for one failure, small enough to read."""
_REPORTS_BYTES_MAX = 16 << 20
"""Of all report files of one command together: a hundred thousand cases."""
_TEXT_CHARACTERS_MAX = 4 << 20
"""How much of an output's end is searched for a runner's words: its summary stands there."""


@dataclass(frozen=True)
class Shell:
    """Where commands of one trial run and where their logs go. `scratch` is thrown away with the trial.

    `index` is that of the tree that was checked out into `room`.
    """

    site: Site
    attempt: AttemptFolder
    room: Room
    index: Path
    scratch: Path
    logs: Path
    name: str
    is_setup: bool


async def run_command(shell: Shell, number: int, command: str) -> tuple[CommandResult, CaseReport | None]:
    """Runs one command; all its processes are gone before this returns.

    Whatever it does to the places of its output and its reports, what it wrote is kept, and nothing is followed.
    """
    # While it runs, its output lies where that of every command does: a test could read the path of its own output.
    output, reports = shell.scratch / "output.log", shell.scratch / "reports"
    log = shell.logs / f"{shell.name}-{number:02d}.log"
    if not await to_thread.run_sync(_made_ready, shell, output, reports, log):
        moved = not_started("An earlier command put something else in the place of the tree")
        return await to_thread.run_sync(_result, shell, number, command, moved, log, reports)
    sandbox = await to_thread.run_sync(_sandbox, shell, reports)
    argv = ("bash", "-c", command) if sandbox else shell.room.argv(command)
    job = Job(
        argv=argv,
        cwd=shell.room.work,
        env=_environment(shell, reports) | (environment(sandbox) if sandbox else {}),
        stdin=None,
        stdout=output,
        stderr=None,
        limits=shell.site.policy.command_limits(setup=shell.is_setup),
        # Drawn, not named: the effect's name would tell a test in which trial it runs.
        marker=secrets.token_hex(16),
        run_marker=shell.site.frame.run_id,
        inherit=(shell.site.tree_lock,),
        kept=log,
        sandbox=sandbox,
    )
    async with shell.site.at_work:
        ended = await run(job)
    if ended.breach and ended.breach.limit == "disk":
        # No fault of the command: the trial is made again when there is room.
        raise OSError(errno.ENOSPC, f"{shown(command)} was stopped: the disk is nearly full")
    if ended.breach is None and not sandbox and not shell.room.was_made(argv):
        # Or the command removed the sign of it. Either way its exit code says nothing.
        ended = msgspec.structs.replace(ended, exit_code=None)
    return await to_thread.run_sync(_result, shell, number, command, ended, log, reports)


def _made_ready(shell: Shell, output: Path, reports: Path, log: Path) -> bool:
    """Whether the command can be run: what the one before left in its places goes, and its tree still stands."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    if not shell.room.stands:
        return False
    try:
        for place in (output, reports):
            removal.remove(place, shell.site.folder.verify)
    except removal.RemovalRefused:
        return False
    reports.mkdir(mode=0o700, parents=True, exist_ok=True)
    return True


def _sandbox(shell: Shell, reports: Path) -> Sandbox | None:
    # Asked before each command: the one before may have put a link on the way.
    brought = bringing.into_tree(shell.site, shell.index, shell.room.work, TREE)
    # What setup leaves outside of the tree is in no layer: a trial that begins with one would not find it.
    own_places = shell.scratch / ("of-setup" if shell.is_setup else "of-commands")
    return enclosing.of_command(shell.site, shell.room, brought, own_places, reports, shell.attempt.evidence)


def _environment(shell: Shell, reports: Path) -> dict[str, str]:
    site = shell.site
    extra = {"VERGER_VERIFICATION": "1"}
    if shell.attempt.evidence_digest.exists():
        extra["VERGER_EXTERNAL_EVIDENCE_DIR"] = str(shell.attempt.evidence)
    environment = clean_environment(site.ambient, site.policy.env, extra)
    return environment | runners.report_environment(str(reports), environment)


def _result(
    shell: Shell, number: int, command: str, ended: Ended, log: Path, reports: Path
) -> tuple[CommandResult, CaseReport | None]:
    text = log.read_bytes().decode("utf-8", "replace") if log.exists() else ""
    said = text[-_TEXT_CHARACTERS_MAX:]
    reported = None if shell.is_setup else runners.read(command, said, report_files(reports))
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
        breach=ended.breach,
    )
    return result, reported


def report_files(reports: Path) -> dict[str, bytes]:
    """The plain files in the folder `reports` by name; none at all where they are too much to read. Never raises.

    No link is followed, no pipe waited for. Half of the reports would be fewer tests than there were.
    """
    found: dict[str, bytes] = {}
    room_bytes = _REPORTS_BYTES_MAX
    with suppress(OSError), _folder(reports) as folder:
        for name in sorted(entry.name for entry in os.scandir(folder)):
            with suppress(OSError), _plain(name, folder) as file:
                found[name] = file.read(room_bytes + 1)
                room_bytes -= len(found[name])
            if room_bytes < 0:
                return {}
    return found


@contextmanager
def _folder(place: Path) -> Iterator[int]:
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _plain(name: str, folder: int) -> Iterator[BinaryIO]:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no plain file", name)
        yield file
