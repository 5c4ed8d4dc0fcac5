"""What doctor looks at in a run: its journal, its state, its references. It reads and changes nothing.

Not here: checks of the environment; see `checks.py`.
"""

import msgspec

from verger_kernel.checks import Check
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.disk.store import CorruptRun, Loaded, load
from verger_kernel.git import refs
from verger_kernel.git.command import Git
from verger_kernel.home import Home, links
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.playbook.frozen import (
    FrozenPlaybookInvalid,
    canonical_plan,
    decode_plan,
    playbook_text,
)
from verger_kernel.rules.policy_snapshot import read_policy_snapshot


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
    return [
        _loaded(loaded),
        _ledger(folder, loaded.state),
        *frozen_checks(folder, loaded.state),
        _run_branch(home, loaded.state),
        _worktree(folder, loaded.state),
        _orphans(folder, loaded.state),
        _links(home),
    ]


def frozen_checks(folder: RunFolder, state: s.RunState) -> list[Check]:
    """The checks of what a run is driven by: plan, policy and playbook must be those that it began with."""
    return [_plan(folder, state), _policy(folder, state), _snapshot(folder, state)]


def _loaded(loaded: Loaded) -> Check:
    notes = [loaded.rebuilt] if loaded.rebuilt else []
    if loaded.redone:
        notes.append(f"{loaded.redone} journal record(s) are not in run_state.json yet")
    if loaded.cut:
        notes.append(f"{loaded.cut} bytes at the end of the journal are no record")
    if notes:
        return Check(
            name="run_state_load", status="warning", detail="; ".join(notes), hint="resume settles it"
        )
    return Check(name="run_state_load")


def _ledger(folder: RunFolder, state: s.RunState) -> Check:
    wrong = []
    for entry in state.passed:
        path = folder.item(entry.item) / "passed.json"
        try:
            same = msgspec.json.decode(read_file(path), type=s.PassedItem) == entry
        except (OSError, UnicodeDecodeError, msgspec.DecodeError):
            same = False
        if not same:
            wrong.append(entry.item)
    if wrong:
        return Check(
            name="passed_items",
            status="warning",
            detail=f"passed.json is not what the journal says for: {', '.join(wrong)}",
            hint="delete the files: they are written from the journal",
        )
    return Check(name="passed_items")


def _plan(folder: RunFolder, state: s.RunState) -> Check:
    try:
        data = read_file(folder.plan)
        plan = decode_plan(data)
    except (OSError, FrozenPlaybookInvalid) as error:
        return _broken("normalized_plan", f"{folder.plan} cannot be read: {error}")
    if digest_of(data) != state.frame.plan_sha256 or canonical_plan(plan) != data:
        return _broken("normalized_plan", f"{folder.plan} is not the plan this run began with")
    return Check(name="normalized_plan")


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
    return Check(name=name, status="error", detail=detail, hint="restore the file from a copy of the run")


def _run_branch(home: Home, state: s.RunState) -> Check:
    try:
        found = refs.read(Git(home.repository.common_dir), f"refs/heads/{state.frame.run_branch}")
    except refs.RefUnreadable as error:
        return Check(name="run_branch", status="error", detail=str(error), hint=error.hint)
    closing = state.stage.spot.tip if isinstance(state.stage, s.Closing) else None
    if found == state.tip or (found and found == closing) or isinstance(state.stage, s.Opening):
        return Check(name="run_branch")
    return Check(
        name="run_branch",
        status="error",
        detail=f"{state.frame.run_branch} is at {found or 'nothing'}, the run left it at {state.tip}",
        hint=f"git update-ref refs/heads/{state.frame.run_branch} {state.tip}",
    )


def _worktree(folder: RunFolder, state: s.RunState) -> Check:
    needs = s.Working | s.Checkpointing | s.Verifying | s.Freezing | s.Auditing | s.Triaging
    if isinstance(state.stage, needs):
        path = folder.attempt(state.stage.spot.item, state.stage.spot.attempt).worktree
        if not path.is_dir():
            return Check(
                name="worktree",
                status="warning",
                detail=f"the worktree {path} is gone",
                hint="resume makes it again from the last checkpoint",
            )
    return Check(name="worktree")


def _orphans(folder: RunFolder, state: s.RunState) -> Check:
    spot = None if isinstance(state.stage, s.Opening | s.Idle) else state.stage.spot
    current = folder.attempt(spot.item, spot.attempt).worktree if spot else None
    found = sorted(folder.worktrees.iterdir()) if folder.worktrees.is_dir() else []
    orphans = [path.name for path in found if path != current]
    if orphans:
        return Check(
            name="orphaned_worktrees",
            status="warning",
            detail=f"no attempt in hand uses: {', '.join(orphans)}",
            hint=f"look into them below {folder.worktrees} and delete what you do not need",
        )
    return Check(name="orphaned_worktrees")


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
            hint="the next run makes them again; nothing is lost",
        )
    return Check(name="links")
