"""Stopped means stopped: kernels are asked to end, killed after a grace, and nothing that they started outlives them.

Not here: what a kernel does that is asked, and ending what it left (`sweeping.py`).
"""

import asyncio
from collections.abc import Callable, Iterable
from signal import SIGKILL

from verger_daemon.invocations import send
from verger_daemon.rules import watch_events as v
from verger_daemon.supervisor import Supervisor
from verger_daemon.watching import Watched
from verger_probes.identity import boottime_ns

_POLL_S = 0.01
_DIES_S = 10.0
"""How long a process may take to be gone after SIGKILL; what sleeps in the disk may take longer."""


async def stop_kernels(
    supervisor: Supervisor, at_work: Callable[[], Iterable[Watched]], *, reason: str, grace_s: float
) -> int:
    """As `end_kernels`, and their runs rest until somebody goes on with them."""

    def noted() -> Iterable[Watched]:
        for run in at_work():
            supervisor.have_stopped(run.run_id)
            yield run

    return await end_kernels(supervisor, noted, reason=reason, grace_s=grace_s)


async def end_kernels(
    supervisor: Supervisor, at_work: Callable[[], Iterable[Watched]], *, reason: str, grace_s: float
) -> int:
    """Ends the kernel of every run that `at_work` names, now and meanwhile; how many are there still.

    A kernel that is asked ends its agents and commands and leaves what it can resume.
    """
    asked: set[str] = set()
    killed: set[str] = set()
    grace_ns, dies_ns = int(grace_s * 1e9), int(_DIES_S * 1e9)
    began_ns = boottime_ns()
    while runs := list(at_work()):
        late_ns = boottime_ns() - began_ns
        for run in runs:
            name = run.watch.invocation.invocation if run.watch.invocation else ""
            if name not in asked:
                asked.add(name)
                run.feed(v.StopAsked(reason=reason))
            elif late_ns > grace_ns and name not in killed and run.pidfd is not None:
                killed.add(name)
                why = f"{reason}; it had not ended after {grace_s:g} s"
                run.feed(v.Acted(kind="end_kernel", reason=why))
                send(run.pidfd, SIGKILL)
        if late_ns > grace_ns + dies_ns:
            return len(runs)
        await asyncio.sleep(_POLL_S)
    await supervisor.swept()
    return 0
