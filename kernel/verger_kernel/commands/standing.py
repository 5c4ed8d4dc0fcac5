"""Whether a run can go on from where it stands: its environment, its policy, its run branch.

Not here: going on; see `resume.py`, `gate.py` and `refresh.py`.
"""

import os

import msgspec

from verger_kernel.commands.company import refuse_company
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import RunFolder
from verger_kernel.doctor import checks
from verger_kernel.errors import CommandError
from verger_kernel.git import refs
from verger_kernel.git.command import Git
from verger_kernel.home import Home
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.policy import Policy
from verger_kernel.rules.policy_snapshot import read_policy_snapshot
from verger_probes.exits import Exit


def check_environment(home: Home, run_id: RunId) -> None:
    """Raises CommandError for the first thing that the run's own policy, or any run, does not find ready."""
    found, _facts = checks.environment(home.repository, os.environ)
    # The run has its base already: what the user changed since is theirs and does not touch it.
    checks.refuse([check for check in found if check.name != "clean_tracked_checkout"])
    policy = _frozen_policy(home.require().run(run_id))
    refuse_company(policy)
    checks.refuse(checks.policy_checks(home.repository, policy, os.environ, home.state))


def _frozen_policy(folder: RunFolder) -> Policy:
    try:
        return read_policy_snapshot(read_file(folder.policy)).policy
    except (OSError, msgspec.DecodeError) as error:
        raise CommandError(
            f"cannot go on with run {folder.root.name}: {folder.policy} cannot be read: {error}",
            "restore the file from a copy of the run",
            Exit.INPUT,
        ) from None


def check_run_branch(home: Home, state: s.RunState) -> None:
    """Raises CommandError when the run branch was moved by somebody else or is checked out somewhere."""
    if not isinstance(state.stage, s.Opening):
        check_not_checked_out(home, state.run_branch)
        check_stands(home, state)


def check_not_checked_out(home: Home, branch: str) -> None:
    """Raises CommandError when a checkout of the repository is on `branch`, whose files would no longer be its own."""
    place = refs.checked_out_at(home.repository, f"refs/heads/{branch}")
    if place:
        what = f"{branch} is checked out at {place}, so it cannot move"
        raise CommandError(what, f"git -C {place} switch --detach, then try again", Exit.REFUSED)


def check_stands(home: Home, state: s.RunState) -> None:
    """Raises CommandError when the run branch does not stand where the run left it."""
    branch = state.run_branch
    expected = [state.tip]
    if isinstance(state.stage, s.Closing):
        # Killed right after the move, the run does not know yet that it was done.
        expected.append(state.stage.spot.tip)
    try:
        found = refs.read(Git(home.repository.common_dir), f"refs/heads/{branch}")
    except refs.RefUnreadable as error:
        raise CommandError(f"{error}", error.hint, Exit.REFUSED) from None
    if found not in expected:
        what = f"{branch} was moved to {found or 'nothing'} by somebody else"
        raise CommandError(
            what, f"move it back: git update-ref refs/heads/{branch} {state.tip}", Exit.REFUSED
        )
