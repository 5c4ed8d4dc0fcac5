"""The commit that a person names for a run to go on from.

Not here: what is then done with it; see `refresh.py`.
"""

import re

from verger_kernel.errors import CommandError
from verger_kernel.git.checkout import Repository
from verger_kernel.git.command import Git, GitError
from verger_kernel.rules.ids import ObjectId, shown
from verger_probes.exits import Exit

# How git itself looks a short name up, in this order.
_PLACES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_HINT = "name one commit, for example by a branch in full (refs/heads/NAME) or by its object id"
_SHORT_ID = re.compile("[0-9a-f]{4,39}")


def commit_named(repository: Repository, name: str) -> ObjectId:
    """The one commit that `name` means to git in this checkout. Raises CommandError for none and for several."""
    git = Git(repository.git_dir, user_config=True)
    meant = _meanings(git, name)
    if len(meant) > 1:
        raise CommandError(f"{shown(name)} is ambiguous: {', '.join(meant)}", _HINT, Exit.INPUT)
    if not name or name.startswith(("-", ":")):
        raise CommandError(f"{shown(name)} names no commit", _HINT, Exit.INPUT)
    try:
        found = git.run("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except GitError as error:
        if error.is_of_the_world():
            raise CommandError(f"{error}", error.hint, Exit.ENVIRONMENT) from None
        why = "is ambiguous" if "ambiguous" in error.stderr else "names no commit of this repository"
        raise CommandError(f"{shown(name)} {why}", _HINT, Exit.INPUT) from None
    return ObjectId(found.decode().strip())


def descends(repository: Repository, commit: ObjectId, ancestor: ObjectId) -> bool:
    """Whether `ancestor` is `commit` or comes before it. One git process."""
    git = Git(repository.common_dir)
    try:
        git.run("merge-base", "--is-ancestor", ancestor, commit)
    except GitError as error:
        if error.exit_code != 1:
            raise
        return False
    return True


def _meanings(git: Git, name: str) -> list[str]:
    """Everything that the first word of `name` could mean: references in full, and objects whose id it begins.

    Git takes the first of several with a warning that nobody reads.
    """
    word = re.split(r"[~^:]|@\{", name)[0]
    if not word or word.startswith("-"):
        return []
    wanted = [place.format(word) for place in _PLACES]
    listing = git.run("for-each-ref", "--format=%(refname)", *wanted).decode(errors="replace")
    found = [ref for ref in listing.splitlines() if ref in wanted]
    if (git.git_dir / word).is_file() and not word.startswith("refs/"):
        found.append(str(git.git_dir / word))
    if _SHORT_ID.fullmatch(word) and found:
        found += git.run("rev-parse", f"--disambiguate={word}").decode().split()
    return found
