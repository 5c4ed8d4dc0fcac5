"""`resume`: goes on with a run: where it was cut short, with the next item, or with a fresh attempt.

Not here: what follows from the state; the machine knows.
"""

import argparse
import os
import pwd
from functools import partial

from msgspec.structs import replace

from verger_kernel.commands.showing import Show, showing
from verger_kernel.commands.standing import check_environment, check_run_branch
from verger_kernel.disk import evidence
from verger_kernel.disk.durable import read_file
from verger_kernel.doctor import checks
from verger_kernel.doctor.diagnosis import frozen_checks
from verger_kernel.errors import CommandError
from verger_kernel.home import Home, driven, find_home, find_run
from verger_kernel.invocation import exit_of, invoke
from verger_kernel.rules import state as s
from verger_kernel.rules.budgets import FLAGS, Budget, is_raised
from verger_kernel.rules.events import BudgetRaised, Request
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.intake import first_ready
from verger_kernel.rules.machine import was_cut_short
from verger_kernel.rules.money import micro
from verger_kernel.rules.policy_snapshot import read_policy_snapshot
from verger_kernel.runs import OpenRun, open_run
from verger_kernel.supervised.working import awaited, off_loop, refuse_other_than
from verger_probes.exits import Exit


def resume(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    with showing(args) as show:
        home = find_home(args.directory, os.environ)
        run_id = find_run(home, args.run)
        refuse_other_than(run_id)
        if args.external_evidence_dir:
            evidence.check(args.external_evidence_dir)
        with driven(home.repository):
            state, code = awaited(show.while_drawn, partial(_resume, home, run_id, args, show))
        return show.result(state, home.require().run(run_id), code)


async def _resume(home: Home, run_id: RunId, args: argparse.Namespace, show: Show) -> tuple[s.RunState, Exit]:
    await off_loop(check_environment, home, run_id)
    opened = await open_run(home.require(), run_id)
    try:
        request = await off_loop(_asked, home, opened, args)
        if request is None:
            return opened.state, exit_of(opened.state)
        watch, raised = show.watching(opened.folder), _raised(opened.state, args)
        return await invoke(
            opened, home.repository, dict(os.environ), show.tell, request, first=raised, watch=watch
        )
    finally:
        opened.close()


def _asked(home: Home, opened: OpenRun, args: argparse.Namespace) -> Request | None:
    """What to ask of the run; None when every item has passed. Raises CommandError when it cannot go on."""
    _refuse_waiting(opened.state, args)
    check_run_branch(home, opened.state)
    checks.refuse(frozen_checks(opened.folder, opened.state), Exit.INPUT)
    return _request(opened, args)


def _raised(state: s.RunState, args: argparse.Namespace) -> tuple[BudgetRaised, ...]:
    """What a person lets the run spend from now on, none where nothing was said. Raises CommandError for less."""
    old = state.spending.budget
    given = {name: getattr(args, flag[2:].replace("-", "_")) for name, flag in FLAGS.items()}
    said = {
        name: micro(value) if "usd" in name else value for name, value in given.items() if value is not None
    }
    if not said:
        return ()
    new: Budget = replace(old, **said)
    if not is_raised(old, new):
        raise CommandError(
            f"run {state.frame.run_id} may spend as much already, or was never bounded there",
            f"name more than it may spend now: verger status {state.frame.run_id}",
            Exit.REFUSED,
        )
    by = pwd.getpwuid(os.getuid()).pw_name
    return (BudgetRaised(budget=new, by=by),)


def _refuse_waiting(state: s.RunState, args: argparse.Namespace) -> None:
    match state.stage:
        case s.AwaitingGate(spot=spot):
            raise CommandError(
                f"cannot resume run {state.frame.run_id}: item {spot.item} awaits a human gate",
                f"verger mark-manual-gate {state.frame.run_id} --item {spot.item} "
                "--decision approved|rejected --by NAME --note TEXT",
                Exit.AWAITING_HUMAN_GATE,
            )
        case s.BlockedExternal(spot=spot) if not args.external_evidence_dir:
            if state.frame.item(spot.item).evidence:
                raise CommandError(
                    f"cannot resume run {state.frame.run_id}: item {spot.item} waits for evidence",
                    "supply it with --external-evidence-dir DIR",
                    Exit.BLOCKED_EXTERNAL,
                )
        case _:
            return


def _request(opened: OpenRun, args: argparse.Namespace) -> Request | None:
    state = opened.state
    policy = read_policy_snapshot(read_file(opened.folder.policy)).policy
    evidence_dir = str(args.external_evidence_dir.resolve()) if args.external_evidence_dir else ""
    if was_cut_short(state):
        # What was asked then still counts; only what is said now is added to it.
        return Request(
            kind="resume", auto_advance=args.auto_advance, max_items=args.max_items, evidence=evidence_dir
        )
    items: tuple[str, ...] = ()
    if isinstance(state.stage, s.Idle) and not state.queue:
        if state.invocation:
            # It was killed when all was done but before it said so: saying it is all that is left.
            return Request(kind="settle")
        first = first_ready(state.frame.items, state.passed_ids())
        if not first:
            return None
        items = (first,)
    return Request(
        kind="resume",
        items=items,
        auto_advance=args.auto_advance or policy.auto_advance,
        max_items=args.max_items or policy.max_items,
        evidence=evidence_dir,
    )
