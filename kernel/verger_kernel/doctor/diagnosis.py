"""What doctor looks at in a run: its journal, its state, its files and references. It reads and changes nothing.

Not here: checks of the environment (`checks.py`), and mending what was found (`repair.py`).
"""

from pathlib import Path

import msgspec

from verger_kernel.disk.durable import read_file
from verger_kernel.disk.journal import read_journal
from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.disk.store import CorruptRun, Loaded, load
from verger_kernel.doctor.checks import Check
from verger_kernel.doctor.files import FIX, decision_evidence, left_over, projections, sealed_files
from verger_kernel.git import refs
from verger_kernel.git.command import Git
from verger_kernel.home import Home, links
from verger_kernel.rules import state as s
from verger_kernel.rules.doctor import steps
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.playbook.frozen import (
    FrozenPlaybookInvalid,
    canonical_plan,
    decode_plan,
    playbook_text,
)
from verger_kernel.rules.policy_snapshot import read_policy_snapshot
from verger_probes.locks import is_held


def run_checks(home: Home, run_id: RunId) -> list[Check]:
    """The checks of one run, in the order in which they rest on each other."""
    folder = home.require().run(run_id)
    try:
        loaded = load(folder)
    except (CorruptRun, OSError) as error:
        return [
            Check(
                name="run_state_load",
                status="error",
                detail=str(error),
                hint="restore the run's folder from a copy; nothing may be appended to it as it is",
            )
        ]
    told = tuple(steps(read_journal(folder.journal).records))
    # While somebody drives the run, its files are on their way to what the journal tells.
    still = [] if is_held(folder.run_lock) else [projections(folder, told), left_over(folder)]
    return [
        _loaded(loaded, run_id),
        *frozen_checks(folder, loaded.state),
        sealed_files(folder, told),
        decision_evidence(told),
        *still,
        _run_branch(home, loaded.state),
        _worktree(folder, loaded.state),
        _orphans(folder, loaded.state),
        _links(home),
    ]


def frozen_checks(folder: RunFolder, state: s.RunState) -> list[Check]:
    """The checks of what a run is driven by: plan, policy and playbook must be those that it began with."""
    return [_plan(folder, state), _policy(folder, state), _snapshot(folder, state)]


def _loaded(loaded: Loaded, run_id: RunId) -> Check:
    notes = [loaded.rebuilt] if loaded.rebuilt else []
    if loaded.redone:
        notes.append(f"{loaded.redone} journal record(s) are not in run_state.json yet")
    if loaded.cut:
        notes.append(f"{loaded.cut} bytes at the end of the journal are no record")
    if notes:
        hint = f"resume settles it, and so does: {FIX.format(run=run_id)}"
        return Check(name="run_state_load", status="warning", detail="; ".join(notes), hint=hint)
    return Check(name="run_state_load")


def _plan(folder: RunFolder, state: s.RunState) -> Check:
    why = ""
    try:
        data = read_file(folder.plan)
        plan = decode_plan(data)
        if digest_of(data) != state.frame.plan_sha256 or canonical_plan(plan) != data:
            why = "is not the plan this run began with"
    except (OSError, FrozenPlaybookInvalid) as error:
        why = f"cannot be read: {error}"
    if not why:
        return Check(name="normalized_plan")
    hint = f"it can be made again from the playbook's snapshot: {FIX.format(run=state.frame.run_id)}"
    return Check(name="normalized_plan", status="error", detail=f"{folder.plan} {why}", hint=hint)


def _policy(folder: RunFolder, state: s.RunState) -> Check:
    try:
        data = read_file(folder.policy)
        read_policy_snapshot(data)
    except (OSError, msgspec.DecodeError) as error:
        return _broken("runtime_policy", f"{folder.policy} cannot be read: {error}")
    if digest_of(data) != state.frame.policy_sha256:
        return _broken("runtime_policy", f"{folder.policy} is not the policy this run began with")
    return Check(name="runtime_policy")


def _snapshot(folder: RunFolder, state: s.RunState) -> Check:
    try:
        data = read_file(folder.snapshot)
        text = playbook_text(data.decode())
    except (OSError, ValueError) as error:
        return _broken("playbook_snapshot", f"{folder.snapshot} cannot be read: {error}")
    wanted = (state.frame.snapshot_sha256, state.frame.playbook_sha256)
    if (digest_of(data), digest_of(text.encode())) != wanted:
        return _broken("playbook_snapshot", f"{folder.snapshot} is not the playbook this run began with")
    return Check(name="playbook_snapshot")


def _broken(name: str, detail: str) -> Check:
    return Check(
        name=name,
        status="error",
        detail=detail,
        hint="restore the file from a copy of the run: it cannot be made again",
    )


def _run_branch(home: Home, state: s.RunState) -> Check:
    try:
        found = refs.read(Git(home.repository.common_dir), f"refs/heads/{state.run_branch}")
    except refs.RefUnreadable as error:
        return Check(name="run_branch", status="error", detail=str(error), hint=error.hint)
    closing = state.stage.spot.tip if isinstance(state.stage, s.Closing) else None
    if found == state.tip or (found and found == closing) or isinstance(state.stage, s.Opening):
        return Check(name="run_branch")
    return Check(
        name="run_branch",
        status="error",
        detail=f"{state.run_branch} is at {found or 'nothing'}, the run left it at {state.tip}",
        hint=f"git update-ref refs/heads/{state.run_branch} {state.tip}",
    )


def _worktree(folder: RunFolder, state: s.RunState) -> Check:
    needs = s.Working | s.Checkpointing | s.Verifying | s.Freezing | s.Auditing | s.Triaging
    if not isinstance(state.stage, needs):
        return Check(name="worktree")
    attempt = folder.attempt(state.stage.spot.item, state.stage.spot.attempt)
    if not attempt.worktree.is_dir():
        return Check(
            name="worktree",
            status="warning",
            detail=f"the worktree {attempt.worktree} is gone",
            hint="resume makes it again from the last checkpoint",
        )
    lost = [path.name for path in (attempt.index, attempt.tripwire) if not _holds_something(path)]
    if lost:
        return Check(
            name="worktree",
            status="error",
            detail=f"{' and '.join(lost)} of the worktree {attempt.worktree} cannot be read",
            hint=f"move that worktree away, then: verger resume {state.frame.run_id} (it is made again)",
        )
    return Check(name="worktree")


def _holds_something(path: Path) -> bool:
    try:
        return bool(read_file(path))
    except OSError:
        return False


def _orphans(folder: RunFolder, state: s.RunState) -> Check:
    orphans = orphaned_worktrees(folder, state)
    if orphans:
        return Check(
            name="orphaned_worktrees",
            status="warning",
            detail=f"no attempt in hand uses: {', '.join(path.name for path in orphans)}",
            hint=f"{FIX.format(run=state.frame.run_id)} keeps what is in them under a ref and removes them; "
            f"what it leaves, look at below {folder.worktrees}",
        )
    return Check(name="orphaned_worktrees")


def orphaned_worktrees(folder: RunFolder, state: s.RunState) -> tuple[Path, ...]:
    """What lies among the worktrees and is not that of the attempt in hand, by name."""
    spot = state.stage.spot if isinstance(state.stage, s.ItemStage) else None
    current = folder.attempt(spot.item, spot.attempt).worktree if spot else None
    found = sorted(folder.worktrees.iterdir()) if folder.worktrees.is_dir() else []
    return tuple(path for path in found if path != current)


def _links(home: Home) -> Check:
    wanted = links(home.repository.root, home.require())
    missing = [
        str(path) for path, target in wanted.items() if not path.is_symlink() or path.readlink() != target
    ]
    if missing:
        return Check(
            name="links",
            status="warning",
            detail=f"these links to the state folder are missing: {', '.join(missing)}",
            hint="the next run makes them again, and so does: verger doctor --fix-safe; nothing is lost",
        )
    return Check(name="links")
