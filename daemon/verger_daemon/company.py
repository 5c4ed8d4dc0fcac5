"""Whether one more kernel may begin: how many may be at work, and whether those that are allow company.

Not here: what the base commit of a new run allows; its own kernel reads that before it makes anything.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import DecodeError

from verger_daemon.observer import run_folder
from verger_daemon.watching import Watched
from verger_kernel.rules.policy_snapshot import read_policy_snapshot

_MADE_WITHIN_S = 10.0
_LOOK_S = 0.01


async def are_made(at_work: Callable[[], Collection[Watched]]) -> None:
    """Waits until every run at work has a folder, where its policy can be read, or is over; some seconds at most."""
    until_s = asyncio.get_running_loop().time() + _MADE_WITHIN_S
    while any(not run.watch.run_root for run in at_work()):
        if asyncio.get_running_loop().time() > until_s:
            return
        await asyncio.sleep(_LOOK_S)


def hindrance(at_work: Collection[Watched], run_root: Path | None, *, parallel: int) -> str:
    """Why no kernel may begin for a new run, or for that at `run_root`, beside those; empty when one may."""
    if not at_work:
        return ""
    names = [run.run_id for run in at_work]
    if len(at_work) >= parallel:
        return f"run {names[0]} is at work"
    for run in at_work:
        if not run.watch.run_root:
            return f"run {run.run_id} is being made"
        if not allows_company(Path(run.watch.run_root)):
            return f"run {run.run_id} is at work, and its policy allows no company"
    if run_root and not allows_company(run_root):
        return f"run {names[0]} is at work, and the policy of {run_root.name} allows no company"
    return ""


def allows_company(run_root: Path) -> bool:
    """Whether the frozen policy of a run says that others may be at work beside it; False when it cannot be read."""
    try:
        frozen = read_policy_snapshot(run_folder(run_root).policy.read_bytes())
    except (OSError, DecodeError):
        return False
    return frozen.policy.intention.parallel_runs_allowed
