"""Whether the run branch stands where its run left it, so that a result can be put on it.

Not here: moving it; see `perform/branch.py`.
"""

from verger_kernel.errors import CommandError
from verger_kernel.git import refs
from verger_kernel.git.command import Git
from verger_kernel.home import Home
from verger_kernel.rules import state as s
from verger_probes.exits import Exit


def check_run_branch(home: Home, state: s.RunState) -> None:
    """Raises CommandError when the run branch was moved by somebody else or is checked out somewhere."""
    branch = state.frame.run_branch
    if isinstance(state.stage, s.Opening):
        return
    place = refs.checked_out_at(home.repository, f"refs/heads/{branch}")
    if place:
        what = f"{branch} is checked out at {place}, so it cannot move"
        raise CommandError(what, f"git -C {place} switch --detach, then try again", Exit.REFUSED)
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
