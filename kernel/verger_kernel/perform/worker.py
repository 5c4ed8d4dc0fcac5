"""The worker's turn: it changes the worktree, and the tree it leaves is recorded before anybody reads its report.

Not here: whether the tree is in scope as a rule (`rules/scope.py`) and what follows (`rules/pipeline.py`).
"""

from typing import cast

from anyio import to_thread

from verger_kernel.agents.outcome import Answered, Outcome, Unanswered
from verger_kernel.git import commits
from verger_kernel.git.command import GitError
from verger_kernel.git.trees import TreeChange, prove_checkout
from verger_kernel.perform import answers, bounds, calls, secrets, worktree
from verger_kernel.perform.site import Site
from verger_kernel.perform.tasks import CallPlace, rejection_points, rework_points, task
from verger_kernel.rules.effects import RunWorker
from verger_kernel.rules.events import WorkerReturned
from verger_kernel.rules.ids import ObjectId, tries_of
from verger_kernel.rules.packs import Stage, WorkerReport
from verger_kernel.rules.scope import LINK, out_of_scope

SHOWN_PATHS = 50
"""Offending paths named in the journal; the rest is counted. A person reads a screen, the diff holds them all."""


async def run_worker(effect: RunWorker, site: Site, tell: calls.Tell) -> WorkerReturned:
    """Calls the worker, unless an earlier try already has its complete answer, and records what it left."""
    place = CallPlace(
        effect=effect.id,
        item=effect.item,
        attempt=effect.attempt,
        round=effect.round,
        stage=cast(Stage, effect.stage),
        lane=None,
        agent=site.policy.lanes_for(effect.item).worker,
        packet="",
    )
    stands = site.attempt(effect.item, effect.attempt).worktree.is_dir()
    answered = await to_thread.run_sync(lambda: answers.earlier_answer(site, place, same_boot=True))
    if answered and stands:
        return await to_thread.run_sync(_recorded, effect, site, place, answered, "")
    if tries_of(effect.id) > 1:
        # What the killed try did is told before it is taken for how the repository always stood.
        escapes = await to_thread.run_sync(bounds.planted, site, effect.item, effect.attempt)
        escapes = escapes or await to_thread.run_sync(secrets.written, site, effect.item, effect.attempt)
        if escapes:
            cut_short = Unanswered("killed", "the try before was cut short")
            return _returned(effect, cut_short, escapes=escapes, quarantine="")
    continues = stands and await to_thread.run_sync(calls.can_continue, site, place)
    quarantine = await to_thread.run_sync(_made_ready, effect, site, place, stands, continues)
    call = await to_thread.run_sync(_call, effect, site, place)
    outcome = await calls.make(call, tell)
    return await to_thread.run_sync(_recorded, effect, site, place, outcome, quarantine)


def _call(effect: RunWorker, site: Site, place: CallPlace) -> calls.Call:
    points = rejection_points(effect.rejection) + rework_points(
        site, item=effect.item, attempt=effect.attempt, round_=effect.round, chosen=effect.rework
    )
    folder = site.attempt(effect.item, effect.attempt).call(effect.id)
    return calls.Call(site, place, task(site, place, rework=points), folder)


def _made_ready(effect: RunWorker, site: Site, place: CallPlace, stands: bool, continues: bool) -> str:
    """Sets the worktree back if it is not as the stage began; answers with the ref that keeps what was left.

    For an agent that `continues` it stays: what it did so far is its own. How the user's repository stands is noted
    last.
    """
    kept = ""
    begins = not stands or tries_of(effect.id) > 1 or worktree.was_disturbed(site, effect)
    if begins and not continues:
        # Forgotten first: what an earlier try answered was about a worktree that is about to be gone.
        answers.forget(site, place)
        kept = worktree.reset(site, effect)
    bounds.watch(site, effect.item, effect.attempt)
    return kept


def _recorded(
    effect: RunWorker, site: Site, place: CallPlace, outcome: Outcome, quarantine: str
) -> WorkerReturned:
    escapes = bounds.escapes(site, effect.item, effect.attempt)
    escapes += bounds.trespasses(site, effect.item, effect.attempt)
    escapes += bounds.forged_evidence(site, effect)
    if escapes:
        # Git must not read a worktree that was made to run something; it stays as it is for a person to look at.
        return _returned(effect, outcome, escapes=escapes, quarantine=quarantine)
    try:
        leaks = secrets.written(site, effect.item, effect.attempt)
        if leaks:
            # Nothing of it becomes a git object; it stays where it is for a person to look at.
            return _returned(effect, outcome, escapes=leaks, quarantine=quarantine)
        calls.not_put_off(outcome)
        record = worktree.recorded(site, effect.item, effect.attempt)
        changes = () if record.too_large else _changes(effect, site, record)
    except GitError as error:
        if error.is_of_the_world():
            raise
        # Tried again, it would be refused again: it is what the worker left that git does not take.
        refused = (f"git cannot record what the worker left: {error.stderr}",)
        return _returned(effect, outcome, escapes=refused, quarantine=quarantine)
    if record.too_large:
        return _returned(effect, outcome, escapes=record.too_large, quarantine=quarantine)
    roots = site.item(effect.item).allowed_write_roots
    outside = out_of_scope((change.as_change() for change in changes), roots)
    outside += bounds.links_that_lead_out(site, effect, changes)
    kept = answers.keep(site, place, "worker", outcome) if isinstance(outcome, Answered) else ""
    return _returned(
        effect,
        outcome,
        kept=kept,
        tree=record.tree,
        changed=len(changes),
        outside=outside,
        left_out=record.left_out,
        quarantine=quarantine,
    )


def _changes(effect: RunWorker, site: Site, record: worktree.Recorded) -> tuple[TreeChange, ...]:
    changes = commits.differences(site.git, effect.base, record.tree, few=record.few)
    if any(change.new_mode == LINK for change in changes):
        # Git records links that it does not check out.
        aside = site.attempt(effect.item, effect.attempt).index.with_name("aside.index")
        prove_checkout(site.git, record.tree, aside)
    return changes


def _returned(
    effect: RunWorker,
    outcome: Outcome,
    *,
    quarantine: str,
    kept: str = "",
    tree: str = "",
    changed: int = 0,
    outside: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
    escapes: tuple[str, ...] = (),
) -> WorkerReturned:
    report = cast(WorkerReport, outcome.report) if isinstance(outcome, Answered) else None
    return WorkerReturned(
        effect=effect.id,
        problem="" if isinstance(outcome, Answered) else f"{outcome.kind}: {outcome.why}",
        verdict=report.verdict if report else "",
        report=kept,
        tree=ObjectId(tree),
        changed=changed,
        unresolved=len(report.unresolved_items) if report else 0,
        out_of_scope=outside[:SHOWN_PATHS],
        out_of_scope_count=len(outside),
        escapes=escapes[:SHOWN_PATHS],
        left_out=_cut(left_out),
        quarantine=quarantine,
        bill=outcome.bill,
    )


def _cut(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The first of `paths`, and how many more there are."""
    more = len(paths) - SHOWN_PATHS
    return (*paths[:SHOWN_PATHS], f"and {more} more") if more > 0 else paths
