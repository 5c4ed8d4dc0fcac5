"""Whether a run may be at work while others are: only if its base commit says so, where somebody reviewed it.

Not here: how many may be; that is the daemon's `max_parallel_runs`.
"""

import tomllib
from contextlib import suppress

from verger_kernel.commands.policy import POLICY_FILE
from verger_kernel.errors import CommandError
from verger_kernel.git.command import Git, GitError
from verger_kernel.home import Home
from verger_kernel.rules.ids import ObjectId, shown
from verger_kernel.rules.policy import Policy
from verger_kernel.supervised.working import supervised
from verger_probes.exits import Exit

_HINT = (
    'commit a verger.toml with [intention] parallel_runs_allowed = true, isolation = "four_layer"; '
    "or wait until the other run is done"
)


def refuse_company(policy: Policy) -> None:
    """Raises CommandError when the daemon has other runs at work and this one must be alone."""
    here = supervised()
    if here and here.orders.others and not policy.intention.parallel_runs_allowed:
        what = f"{here.orders.others} other run(s) are at work, and the policy of this one allows no company"
        raise CommandError(what, _HINT, Exit.REFUSED)


def refuse_unreviewed(home: Home, policy: Policy, base: ObjectId) -> None:
    """Raises CommandError when the policy allows company and the commit `base` does not say the same."""
    if policy.intention.parallel_runs_allowed and not _is_said(home, base):
        what = f"[intention] of verger.toml is not what the base commit {shown(base[:12])} holds"
        raise CommandError(what, "have it reviewed and commit it, or take it out", Exit.REFUSED)


def _is_said(home: Home, base: ObjectId) -> bool:
    said: object = None
    with suppress(GitError, ValueError):
        text = Git(home.repository.common_dir).run("cat-file", "blob", f"{base}:{POLICY_FILE}")
        said = tomllib.loads(text.decode()).get("intention")
    return said == {"parallel_runs_allowed": True, "isolation": "four_layer"}
