"""`run`: a new run of a playbook, after everything that could refuse it was asked.

Not here: going on with an existing run; see `resume.py`.
"""

import argparse
import os
import uuid
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from verger_kernel.clock import now
from verger_kernel.commands.company import refuse_company, refuse_unreviewed
from verger_kernel.commands.playbook import load_playbook
from verger_kernel.commands.policy import policy_file, resolved_policy
from verger_kernel.commands.showing import Show, showing
from verger_kernel.commands.telling import tell
from verger_kernel.disk import evidence
from verger_kernel.disk.layout import StateFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.doctor import checks
from verger_kernel.doctor.consulted import consult_paths
from verger_kernel.doctor.lacking import lacking_check
from verger_kernel.doctor.readiness import readiness
from verger_kernel.doctor.sandboxes import places_shown, sandbox_check
from verger_kernel.errors import CommandError
from verger_kernel.git.repository import RepositoryFacts, git_for
from verger_kernel.home import Home, driven, find_home, run_ids, settle
from verger_kernel.invocation import invoke
from verger_kernel.rules import ids
from verger_kernel.rules.events import Request, RunCreated
from verger_kernel.rules.frame import Frame, Identity, item_facts
from verger_kernel.rules.ids import RunId, shown
from verger_kernel.rules.intake import first_ready, first_unmet, with_prerequisites
from verger_kernel.rules.now import iso
from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.frozen import canonical_plan, snapshot_text
from verger_kernel.rules.policy_snapshot import Resolved, policy_snapshot
from verger_kernel.runs import OpenRun, begun_utc, create
from verger_kernel.snapshot import take
from verger_kernel.supervised.working import awaited, refuse_other_than, supervised
from verger_probes.exits import Exit


def run(args: argparse.Namespace) -> int:
    """Runs the command; answers with the exit code."""
    with showing(args) as show:
        return _shown(args, show)


def _shown(args: argparse.Namespace, show: Show) -> int:
    items = _wanted(args)
    home = find_home(args.directory, os.environ)
    drawn = _drawn(args.run_id, home)
    plan = load_playbook(args.playbook, iso(now().utc_ms))
    wanted = _checked(plan, items)
    resolved = resolved_policy(home, args)
    found, warnings = _preflight(home, plan, resolved, wanted)
    if args.external_evidence_dir:
        evidence.check(args.external_evidence_dir)
    request = Request(
        kind="run",
        items=wanted,
        auto_advance=resolved.policy.auto_advance and not args.items,
        max_items=resolved.policy.max_items,
        evidence=str(args.external_evidence_dir.resolve()) if args.external_evidence_dir else "",
    )
    if args.next:
        _tell_of_idle(home, plan)
    # Last, for a command that is refused says one line.
    for warning in warnings:
        tell(f"warning: {warning}")
    folder = settle(home)
    with driven(home.repository):
        opened = _created(home, folder, plan, resolved, found, request, args, drawn)
        try:
            watch = show.watching(opened.folder)
            watch(None, RunCreated(frame=opened.state.frame, request=request), opened.state, now())
            ambient, begin = dict(os.environ), Request(kind="run")
            work = partial(invoke, opened, home.repository, ambient, show.tell, begin, watch=watch)
            state, code = awaited(show.while_drawn, work)
        finally:
            opened.close()
    return show.result(state, opened.folder, code)


def _drawn(name: str | None, home: Home) -> RunId | None:
    """The id that the daemon drew for the new run; None where nobody did. Raises CommandError for any other."""
    if name is None and supervised() is None:
        return None
    if supervised() is None:
        raise CommandError("--run-id is for the daemon alone", "leave it out: the run gets an id", Exit.USAGE)
    try:
        drawn = ids.run_id(name or "")
    except ids.InvalidId as invalid:
        raise CommandError(f"--run-id: {invalid}", "the daemon draws it", Exit.USAGE) from None
    refuse_other_than(drawn)
    if home.folder and home.folder.run(drawn).root.exists():
        raise CommandError(f"run {drawn} exists already", f"verger resume {drawn}", Exit.INPUT)
    return drawn


def _tell_of_idle(home: Home, plan: NormalizedPlan) -> None:
    """Says which run of the same playbook could be continued instead: `--next` means the next of a new run."""
    folder = home.folder
    for run_id in reversed(run_ids(folder) if folder else ()):
        assert folder
        view = take(folder.run(run_id))
        if (
            view.playbook == plan.plan_source.path
            and view.current_state == "idle"
            and view.passed < view.items_total
        ):
            tell(
                f"run {run_id} of this playbook is idle, {view.passed} of {view.items_total} items passed; "
                f"to continue it instead: verger resume {run_id}"
            )
            return


def _wanted(args: argparse.Namespace) -> tuple[str, ...]:
    """The item ids of the command line; empty for --next. Raises CommandError for a senseless list."""
    if args.next:
        return ()
    names = [args.item] if args.item is not None else args.items.split(",")
    ids = tuple(name.strip() for name in names)
    if not all(ids):
        raise CommandError(
            "the list of items is empty or has an empty place", "write --items 01,02 or --next", Exit.USAGE
        )
    if len(set(ids)) < len(ids):
        raise CommandError("an item stands twice in the list", "name each item once", Exit.USAGE)
    if len(ids) > 1 and args.external_evidence_dir:
        raise CommandError(
            "--items and --external-evidence-dir do not go together",
            "evidence is for one item: use --item",
            Exit.USAGE,
        )
    return ids


def _checked(plan: NormalizedPlan, ids: tuple[str, ...]) -> tuple[str, ...]:
    known = tuple(item.item_id for item in plan.items)
    for name in ids:
        if name not in known:
            raise CommandError(
                f"the playbook has no item {shown(name)}", f"its items are: {', '.join(known)}", Exit.INPUT
            )
    facts = item_facts(plan)
    wanted = ids or (first_ready(facts, ()),)
    unmet = first_unmet(facts, wanted, ())
    if unmet:
        item, missing = unmet
        raise CommandError(
            f"item {item} waits for {', '.join(missing)}, which this run would not have done before",
            f"run them together: --items {','.join(with_prerequisites(facts, item))}",
            Exit.REFUSED,
        )
    return wanted


def _preflight(
    home: Home, plan: NormalizedPlan, resolved: Resolved, wanted: tuple[str, ...]
) -> tuple[RepositoryFacts, list[str]]:
    found_checks, found = checks.environment(home.repository, os.environ)
    checks.refuse(found_checks)
    assert found is not None and found.head
    refuse_unreviewed(home, resolved.policy, found.head)
    refuse_company(resolved.policy)
    ready = checks.policy_checks(home.repository, resolved.policy, os.environ, home.state)
    ready += readiness(resolved.policy, os.environ, home.folder)
    ready.append(sandbox_check(home.repository, resolved.policy, os.environ, home.state))
    ready.append(lacking_check(home.repository, found.object_format, found.head))
    checks.refuse(ready)
    items = plan.items if resolved.policy.auto_advance else [i for i in plan.items if i.item_id in wanted]
    checks.refuse([consult_paths(home.repository, plan, items)], Exit.INPUT)
    warnings = [f"{check.detail}; hint: {check.hint}" for check in ready if check.status == "warning"]
    known = {item.item_id for item in plan.items}
    if unknown := [route.item for route in resolved.policy.routes if route.item not in known]:
        warnings.append(f"routes name items that this playbook does not have: {', '.join(unknown)}")
    return found, warnings


def _created(
    home: Home,
    folder: StateFolder,
    plan: NormalizedPlan,
    resolved: Resolved,
    found: RepositoryFacts,
    request: Request,
    args: argparse.Namespace,
    drawn: RunId | None,
) -> OpenRun:
    text = args.playbook.read_bytes()
    if digest_of(text) != plan.plan_source.sha256:
        raise CommandError(
            f"{args.playbook} changed while it was being read", "run again when nobody edits it", Exit.INPUT
        )
    moment = now()
    name = drawn or _new_run_id(moment.utc_ms)
    assert found.head and found.identity
    policy = policy_snapshot(
        resolved,
        resolved_at_utc=iso(moment.utc_ms),
        repository_file=_text(policy_file(home)),
        overlay_file=_text(args.config),
        sandbox_shows=places_shown(home.repository, resolved.policy, os.environ, home.state),
    )
    # Said by the id as well, so that the plan can be made again from its snapshot, byte for byte.
    plan_bytes = canonical_plan(replace(plan, generated_at_utc=begun_utc(name)))
    snapshot = snapshot_text(plan.plan_source, text.decode()).encode()
    frame = Frame(
        run_id=name,
        repository_id=folder.root.name,
        repository_root=str(home.repository.root),
        base_commit=found.head,
        run_branch=f"orchestrator/run/{name}",
        playbook_path=plan.plan_source.path,
        playbook_sha256=digest_of(text),
        snapshot_sha256=digest_of(snapshot),
        plan_sha256=digest_of(plan_bytes),
        policy_sha256=digest_of(policy),
        identity=Identity(name=found.identity.name, email=found.identity.email),
        git_settings=git_for(home.repository, found).settings,
        max_fix_rounds=resolved.policy.max_fix_rounds,
        max_remediation_rounds=resolved.policy.max_remediation_rounds,
        triage_agent=resolved.policy.lanes.triage != "rules",
        flakes=resolved.policy.flake_rules(iso(moment.utc_ms)[:10]),
        items=item_facts(plan),
        budget=resolved.policy.budget(),
    )
    files = {
        "normalized_plan.json": plan_bytes,
        "runtime_policy.json": policy,
        "playbook_source_snapshot.md": snapshot,
    }
    return create(folder, frame, request, files)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _new_run_id(utc_ms: int) -> RunId:
    stamp = iso(utc_ms)[:19].replace("-", "").replace(":", "")
    return RunId(f"RUN_{stamp}Z_{uuid.uuid4().hex}")
