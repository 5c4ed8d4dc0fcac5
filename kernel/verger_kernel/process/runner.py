"""Starts one job, watches its limits, and leaves no process of it behind.

Not here: finding its processes, see `tree.py`; what its environment holds, see `environment.py`.
"""

import dataclasses
import fcntl
import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import anyio
import msgspec
from msgspec.structs import replace

from verger_kernel.process import ending, table, tree
from verger_kernel.process.cgroups import Leaf, leaf_kept
from verger_kernel.process.enclosed import PROCESSES, Enclosure, enclosure_kept
from verger_kernel.process.proxy import Proxy, served
from verger_kernel.process.sandbox import Sandbox
from verger_kernel.process.streams import Streams, streams_opened
from verger_kernel.process.tree import Tree, adopt_orphans, tree_kept
from verger_kernel.process.watch import Watch
from verger_kernel.rules.ids import EFFECT, RUN, shown
from verger_kernel.rules.limits import Breach, Limits

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_GREEDY = ("memory", "processes", "output", "disk")
# Of a job that eats the machine, the grace is what does the harm.
_GREEDY_GRACE_S = 0.1

# Of jobs that overlap the last answers for the orphans of all: so one must be over before the next is swept.
_SWEEPING = anyio.Lock()


@dataclass(frozen=True)
class Job:
    """One program to run. `stdin` None is /dev/null, `stderr` None goes where `stdout` goes.

    `marker` and `run_marker`, the ids of the effect and the run, stand in its environment as VERGER_EFFECT
    and VERGER_RUN; no two jobs share a `marker` at the same time. `inherit` are descriptors that it gets.
    `kept` gets a copy of what was written to `stdout`, for a job that can put something else in that place.
    In a `sandbox` the job begins in the folder of that, and `inherit` is kept beside it, out of its reach.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdin: Path | None
    stdout: Path
    stderr: Path | None
    limits: Limits
    marker: str
    run_marker: str
    inherit: tuple[int, ...] = ()
    kept: Path | None = None
    sandbox: Sandbox | None = None


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a job ended. `exit_code` is minus the signal that killed it, None when it was not started, or had to leave.

    `ended_s` is when its first process was seen to have ended, on the monotonic clock. `output_bytes` is what it wrote,
    more than is kept where the limit was broken; `swept` counts its processes that had to be ended, but the first.
    `entered` says that its sandbox, if it has one, was made: if not, the exit code says nothing.
    `reopened` says that something opened its standard output a second time, to write; None where nobody could look.
    """

    exit_code: int | None
    breach: Breach | None
    start_error: str
    runtime_ms: int
    ended_s: float
    output_bytes: int
    swept: int
    entered: bool = True
    reopened: bool | None = False


async def run(job: Job, leave: anyio.CancelScope | None = None) -> Ended:
    """Runs `job` to its end and ends whatever it leaves behind; cancelled, it ends them all first.

    Where `leave` is cancelled the job has to leave: it is ended before its end.
    The output files are cut to the limit. Raises OSError when they or `stdin` cannot be opened
    or kept, and Unendable when a process of the job could not be ended.
    """
    assert job.argv and job.marker and job.run_marker
    adopt_orphans()
    if job.sandbox:
        allowed = replace(job.limits, processes_max=job.limits.processes_max + PROCESSES)
        job = dataclasses.replace(job, limits=allowed)
    async with leaf_kept(job.run_marker, job.marker, job.limits) as leaf:
        with (
            streams_opened(job.stdout, job.stderr) as streams,
            tree_kept(job.marker, leaf) as grown,
            enclosure_kept(job.sandbox, job.limits.memory_bytes_max) as enclosure,
        ):
            ended = await _run(job, streams, grown, leaf, enclosure, leave or anyio.CancelScope())
            return _told_of(job, ended, enclosure) if enclosure else ended


def _told_of(job: Job, ended: Ended, enclosure: Enclosure) -> Ended:
    """How the job ended, now that its sandbox was heard to the end."""
    enclosure.hear()
    if enclosure.errno:
        return not_started(_start_error(job, OSError(enclosure.errno, os.strerror(enclosure.errno))))
    if not enclosure.entered and not ended.start_error and ended.breach is None:
        why = enclosure.failure or "it ended before it was made"
        return replace(not_started(f"Cannot make the sandbox: {why}"), entered=False)
    return replace(ended, swept=ended.swept + enclosure.left)


async def _run(
    job: Job,
    streams: Streams,
    grown: Tree,
    leaf: Leaf | None,
    enclosure: Enclosure | None,
    leave: anyio.CancelScope,
) -> Ended:
    # On the loop, not in a thread: no cancellation can come between start and watch. It takes 1 ms.
    process = _start(job, streams, enclosure)
    if isinstance(process, str):
        return not_started(process)
    main = table.row(process.pid)
    if main is None:
        process.kill()
        process.wait()
        return not_started(f"Cannot watch {shown(job.argv[0])}: /proc is not mounted or hides it")
    grown.grow_from(main)
    proxy = Proxy(job.sandbox.hosts) if job.sandbox and job.sandbox.hosts else None
    watch = Watch(job.limits, (job.stdout.parent, job.cwd), grown, streams, proxy)
    if not (proxy and enclosure):
        return await _lived(job, process, grown, streams, leaf, watch, leave)
    return await served(proxy, enclosure, partial(_lived, job, process, grown, streams, leaf, watch, leave))


async def _lived(
    job: Job,
    process: subprocess.Popen[bytes],
    grown: Tree,
    streams: Streams,
    leaf: Leaf | None,
    watch: Watch,
    leave: anyio.CancelScope,
) -> Ended:
    began = time.monotonic()
    broken, exceeded = None, ""
    try:
        if leaf:
            await anyio.to_thread.run_sync(leaf.take, process.pid)
        with ending.pinned(process.pid) as pidfd, leave:
            broken = await _watched(process.pid, pidfd, watch)
    finally:
        over = time.monotonic()
        with anyio.CancelScope(shield=True):
            try:
                others = await _swept(job, process, grown, broken, leaf)
            except BaseException:
                # A secret that was printed must not stay because a process does. Why the sweep failed counts more.
                with suppress(OSError):
                    await anyio.to_thread.run_sync(streams.settle, job.limits.output_bytes_max, job.kept)
                raise
            await anyio.to_thread.run_sync(streams.settle, job.limits.output_bytes_max, job.kept)
            if leaf:
                exceeded = await anyio.to_thread.run_sync(leaf.exceeded)
    return Ended(
        exit_code=None if leave.cancelled_caught else process.returncode,
        breach=broken or watch.breach_at_the_end(exceeded),
        start_error="",
        runtime_ms=round((over - began) * 1000),
        ended_s=over,
        output_bytes=streams.bytes_max,
        swept=others,
        reopened=streams.reopened(),
    )


async def _watched(pid: int, pidfd: int | None, watch: Watch) -> Breach | None:
    """The limit that the job broke, or None once its first process has ended by itself."""
    while not await _has_ended(pid, pidfd, watch.pause_s):
        if broken := await watch.breach():
            return broken
    return None


async def _has_ended(pid: int, pidfd: int | None, within_s: float) -> bool:
    """Whether the first process ended, asked after `within_s` or as soon as it does. It is not reaped."""
    if pidfd is None:
        await anyio.sleep(within_s)
    else:
        with anyio.move_on_after(within_s):
            await anyio.wait_readable(pidfd)
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, options) is not None


async def _swept(
    job: Job, process: subprocess.Popen[bytes], grown: Tree, broken: Breach | None, leaf: Leaf | None
) -> int:
    """Ends all that is left of the job, reaps its first process and says how many others had to be ended."""
    greedy = broken is not None and broken.limit in _GREEDY
    async with _SWEEPING:
        ended: set[tuple[int, int]] = set()
        if process.poll() is None or not tree.nothing_descends():
            try:
                ended = await ending.end(
                    grown.living,
                    whose=f"effect {job.marker}",
                    grace_s=_GREEDY_GRACE_S if greedy else ending.GRACE_S,
                    kill=[leaf.kill] if leaf else (),
                )
            except OSError:
                # Whoever cannot look any more can still end the first, and with it a whole sandbox.
                process.kill()
                process.wait()
                raise
        grown.is_over()
    first = process.pid
    process.wait()
    return sum(pid != first for pid, _ in ended)


def _start(job: Job, streams: Streams, enclosure: Enclosure | None = None) -> subprocess.Popen[bytes] | str:
    """The job's first process, in a session of its own, or why there is none."""
    env = {**job.env, EFFECT: job.marker, RUN: job.run_marker}
    with _fed(job.stdin) as stdin:
        try:
            if enclosure:
                return enclosure.start(job.argv, env, job.inherit, stdin, streams.out, streams.err)
            return subprocess.Popen(
                job.argv,
                cwd=job.cwd,
                env=env,
                stdin=stdin,
                stdout=streams.out,
                stderr=streams.err,
                pass_fds=job.inherit,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return _start_error(job, error)


def _fed(path: Path | None) -> BinaryIO:
    """What the job reads: a copy that nobody can write. The file itself it could, by /proc/self/fd/0."""
    if path is None:
        return Path(os.devnull).open("rb")
    data = path.read_bytes()
    file = os.fdopen(os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "rb+")
    file.write(data)
    file.flush()
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    file.seek(0)
    return file


def _start_error(job: Job, error: OSError | ValueError) -> str:
    program = shown(job.argv[0])
    if not job.cwd.is_dir():
        return f"Cannot start {program}: its folder {shown(str(job.cwd))} is gone"
    if isinstance(error, FileNotFoundError):
        return f"Cannot start {program}: no such program, or no interpreter where its first line names one"
    if isinstance(error, PermissionError):
        return f"Cannot start {program}: it is not executable"
    return f"Cannot start {program}: {error}"


def not_started(error: str) -> Ended:
    """The end of a job that never began."""
    return Ended(
        exit_code=None, breach=None, start_error=error, runtime_ms=0, ended_s=0.0, output_bytes=0, swept=0
    )
