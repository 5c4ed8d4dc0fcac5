"""The paths that items consult: whether an attempt will find them, in this checkout or in a commit.

Not here: what an agent does with them; it gets their names.
"""

import os
from collections.abc import Iterable
from posixpath import normpath

from verger_kernel.doctor.checks import Check
from verger_kernel.git.checkout import Repository
from verger_kernel.git.command import Git
from verger_kernel.git.repository import untracked_consult_paths
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.plan import Item, NormalizedPlan


def consult_paths(repository: Repository, plan: NormalizedPlan, items: Iterable[Item]) -> Check:
    """Whether an attempt will see every path that `items` consult."""
    wrong = consult_paths_unseen(repository, plan, items)
    if not wrong:
        return Check(name="consult_paths")
    return Check(
        name="consult_paths",
        status="error",
        detail="the playbook names paths that no agent would find: "
        + ", ".join(f"{path} ({why})" for path, why in sorted(wrong.items())),
        hint="commit them, or correct repo_surfaces and consult_paths",
    )


def consult_paths_unseen(
    repository: Repository, plan: NormalizedPlan, items: Iterable[Item]
) -> dict[str, str]:
    """The paths that `items` consult and no attempt will see, each with why: `ignored`, `untracked` or `missing`.

    What the plan itself will make need not be there yet; what is there but not in git, no agent would see.
    """
    made = {normpath(path) for item in plan.items for path in item.deliverable_paths}
    unseen = untracked_consult_paths(repository, _consulted(items))
    return {path: why for path, why in unseen.items() if why != "missing" or path not in made}


def consult_paths_missing(
    repository: Repository, items: tuple[Item, ...], commit: ObjectId
) -> tuple[str, ...]:
    """The paths that `items` consult and `commit` does not hold, but for what they will make themselves."""
    listing = Git(repository.common_dir).run(
        "ls-tree", "-r", "-t", "-z", "--name-only", "--full-tree", commit
    )
    held = set(os.fsdecode(listing).split("\0"))
    made = {normpath(path) for item in items for path in item.deliverable_paths}
    return tuple(path for path in _consulted(items) if path.rstrip("/") not in held and path not in made)


def _consulted(items: Iterable[Item]) -> list[str]:
    return sorted({normpath(path) for item in items for path in item.consult_paths})
