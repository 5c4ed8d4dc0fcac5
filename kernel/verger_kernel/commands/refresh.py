"""`refresh-run`: from now on a run goes on from another commit, on a branch of its own made there.

What passed, gates and evidence stay; the items that are left begin from the target. Not here: merging, which a person
does before; the target must already hold what the run came to.
"""

import argparse
import json
import os

from verger_kernel.commands.standing import check_environment, check_not_checked_out, check_stands
from verger_kernel.commands.target import commit_named, descends
from verger_kernel.commands.telling import tell
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.doctor import checks
from verger_kernel.doctor.consulted import consult_paths_missing
from verger_kernel.doctor.diagnosis import frozen_checks
from verger_kernel.doctor.repair import rebuild_plan
from verger_kernel.errors import CommandError
from verger_kernel.git import refs
from verger_kernel.git.command import Git
from verger_kernel.home import Home, driven, find_home, find_run
from verger_kernel.invocation import invoke
from verger_kernel.rules import state as s
from verger_kernel.rules.events import Request, RunRetargeted
from verger_kernel.rules.ids import ObjectId, RunId
from verger_kernel.rules.playbook.frozen import decode_plan
from verger_kernel.runs import OpenRun, open_run
from verger_kernel.snapshot import take
from verger_kernel.supervised.working import awaited
from verger_kernel.terminal import printable
from verger_probes.exits import Exit


def refresh_run(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code. A run that stands at the target already is left as it is."""
    home = find_home(args.directory, os.environ)
    run_id = find_run(home, args.run)
    with driven(home.repository):
        return awaited(_refresh, home, run_id, args)


async def _refresh(home: Home, run_id: RunId, args: argparse.Namespace) -> int:
    check_environment(home, run_id)
    opened = await open_run(home.require(), run_id)
    try:
        _refuse_busy(opened.state)
        _check_frozen(opened)
        check_stands(home, opened.state)
        target = commit_named(home.repository, args.retarget_run_branch_to)
        events = [] if target == opened.state.tip else [_retargeted(home, opened, target)]
        # One that was killed right after its record has only not said yet that it was done.
        if events or opened.state.invocation:
            await invoke(opened, home.repository, dict(os.environ), tell, Request(kind="settle"), *events)
    finally:
        opened.close()
    return _show(opened.folder, args.format)


def _retargeted(home: Home, opened: OpenRun, target: ObjectId) -> RunRetargeted:
    """What is to be recorded, once the new branch stands at `target`."""
    run_id = opened.state.frame.run_id
    _check_target(home, opened, target)
    branch = _branch(home, run_id, target)
    check_not_checked_out(home, branch)
    _make(home, run_id, branch, target)
    return RunRetargeted(branch=branch, tip=target)


def _refuse_busy(state: s.RunState) -> None:
    run = state.frame.run_id
    match state.stage:
        case s.Idle() | s.BlockedExternal() | s.Escalated():
            return
        case s.AwaitingGate(spot=spot):
            raise CommandError(
                f"cannot refresh run {run}: item {spot.item} awaits a human gate, which is about its old branch",
                f"decide first: verger mark-manual-gate {run} --item {spot.item} "
                "--decision approved|rejected --by NAME --note TEXT",
                Exit.AWAITING_HUMAN_GATE,
            )
        case _:
            raise CommandError(
                f"cannot refresh run {run}: it was cut short in the middle of a stage",
                f"resume first: verger resume {run}",
                Exit.PARKED,
            )


def _check_frozen(opened: OpenRun) -> None:
    """Raises CommandError unless policy and playbook are those of the run; the plan is made again if need be."""
    _plan, *others = frozen_checks(opened.folder, opened.state)
    checks.refuse(others, Exit.INPUT)
    repair = rebuild_plan(opened.folder, opened.state)
    if repair.status == "applied":
        tell(f"{repair.path}: {repair.detail}")
    if repair.status == "skipped":
        hint = "restore the file from a copy of the run"
        raise CommandError(f"cannot make {repair.path} again: {repair.detail}", hint, Exit.INPUT)


def _check_target(home: Home, opened: OpenRun, target: ObjectId) -> None:
    state = opened.state
    if not descends(home.repository, target, state.tip):
        raise CommandError(
            f"{target} does not descend from {state.tip}, where {state.run_branch} stands: passed work would be lost",
            f"merge it first: git merge {state.run_branch}",
            Exit.REFUSED,
        )
    plan = decode_plan(read_file(opened.folder.plan))
    left = tuple(item for item in plan.items if item.item_id not in state.passed_ids())
    missing = consult_paths_missing(home.repository, left, target)
    if missing:
        raise CommandError(
            f"the items that are left consult paths that {target} does not hold: {', '.join(missing)}",
            "name a commit that holds them",
            Exit.INPUT,
        )


def _branch(home: Home, run_id: RunId, target: ObjectId) -> str:
    """The name of the new branch: the first free one, or one that was made at `target` by a refresh that was killed."""
    folder = f"orchestrator/run-refresh/{run_id}"
    git = Git(home.repository.common_dir)
    listing = git.run("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", f"refs/heads/{folder}/")
    made = dict(line.split(" ") for line in listing.decode().splitlines())
    unrecorded = sorted(name for name, commit in made.items() if commit == target)
    if unrecorded:
        return unrecorded[0]
    number = 1
    while f"{folder}/{number}" in made:
        number += 1
    return f"{folder}/{number}"


def _make(home: Home, run_id: RunId, branch: str, target: ObjectId) -> None:
    refs.remove_stale_locks(home.repository, run_id)
    try:
        refs.move_or_confirm(Git(home.repository.common_dir), f"refs/heads/{branch}", new=target, old=None)
    except (refs.MoveRefused, refs.RefMoved, refs.RefUnreadable) as error:
        raise CommandError(f"{error}", error.hint, Exit.REFUSED) from None


def _show(folder: RunFolder, style: str) -> int:
    view = take(folder)
    result = {
        "run_id": view.run_id,
        "current_state": view.current_state,
        "current_item_id": view.current_item_id,
        "run_branch_name": view.run_branch,
        "run_state_path": view.run_state_path,
        "normalized_plan_path": str(folder.plan),
        "pending_action": view.pending_action,
    }
    if style == "json":
        print(json.dumps(result, indent=2))
    else:
        names = ("run", "state", "item", "branch", "state file", "plan", "next")
        rows = zip(names, result.values(), strict=True)
        print("\n".join(f"{name:<11} {printable(value)}" for name, value in rows if value))
    return int(Exit.DONE)
