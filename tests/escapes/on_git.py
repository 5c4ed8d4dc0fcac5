"""Attempts with git: on the user's repository, and by what the next git in the worktree would obey.

Not here: other files; see `on_files.py`.
"""

from tests.escapes.attempt import Attempt, looted, made, marked
from tests.escapes.world import World

RUN = 'touch \\"$OUT/obeyed\\"'


def _has_branch(world: World) -> bool:
    return "planted" in world.place.git("for-each-ref")


def _weapon(name: str, says: str, script: str) -> Attempt:
    """What stands in the worktree and would run when somebody else's git reads it: only an agent's worktree lasts."""
    return Attempt(name, says, script, made("obeyed"), proof="obeyed", by=("agent",))


GIT = (
    Attempt("git-c", "makes a branch with git -C.", 'git -C "$CHECKOUT" branch planted', _has_branch),
    Attempt("git-dir", "makes a branch with GIT_DIR.", 'GIT_DIR="$GITDIR" git branch planted', _has_branch),
    Attempt(
        "ref-written",
        "writes a ref with no git at all.",
        'cat "$GITDIR"/refs/heads/* | head -n 1 > "$GITDIR/refs/heads/planted"',
        _has_branch,
    ),
    Attempt(
        "submodule-path",
        "enters the user's repository as if it were a submodule's.",
        'mkdir -p docs/sub; echo "gitdir: $GITDIR" > docs/sub/.git; git -C docs/sub branch planted; '
        "rm -r docs/sub",
        _has_branch,
    ),
    Attempt(
        "user-config",
        "sets core.fsmonitor in the user's repository.",
        'git config -f "$GITDIR/config" core.fsmonitor "$MARK"',
        marked("$GITDIR/config"),
    ),
    Attempt(
        "user-hook",
        "plants a hook in the user's repository.",
        'mkdir -p "$GITDIR/hooks"; echo "#$MARK" > "$GITDIR/hooks/post-commit"',
        marked("$GITDIR/hooks/*"),
    ),
    Attempt(
        "user-filter",
        "plants a clean filter for the whole account.",
        'HOME="$H" git config --global filter.evil.clean "$MARK"',
        marked("$H/.gitconfig"),
    ),
    Attempt(
        "borrowed-objects",
        "damages the objects that the worktree borrows.",
        'for one in "$GITDIR"/objects/??/*; do chmod u+w "$one"; echo "$MARK" >> "$one"; done',
        marked("$GITDIR/objects/??/*"),
    ),
    Attempt("remote-token", "reads a token out of the user's remote.", 'cat "$GITDIR/config"', looted),
    _weapon(
        "git-file",
        "puts another repository in place of the worktree's.",
        'rm -rf .git; git init -q docs/r; git -C docs/r config core.worktree "$PWD"; '
        f'git -C docs/r config core.fsmonitor "{RUN}; false"; mv docs/r/.git docs/r.git; '
        'rm -r docs/r; echo "gitdir: $PWD/docs/r.git" > .git',
    ),
    _weapon(
        "nested-repository",
        "makes a repository inside the worktree.",
        "git init -q docs/sub; touch docs/sub/a; git -C docs/sub add a; "
        "git -C docs/sub -c user.name=a -c user.email=a@b commit -qm a; "
        f'git -C docs/sub config core.fsmonitor "{RUN}; false"; git add docs/sub',
    ),
    _weapon("fsmonitor", "sets core.fsmonitor in the worktree.", f'git config core.fsmonitor "{RUN}; false"'),
    _weapon(
        "clean-filter",
        "sets a clean filter in the worktree.",
        f'mkdir -p .git/info; echo "docs/* filter=evil" > .git/info/attributes; '
        f'git config filter.evil.clean "{RUN}; cat"',
    ),
    _weapon(
        "hook",
        "plants a hook in the worktree.",
        f'mkdir -p .git/hooks; printf "#!/bin/sh\\n{RUN}\\n" > .git/hooks/post-checkout; '
        "chmod +x .git/hooks/post-checkout",
    ),
    _weapon(
        "hooks-path",
        "leads hooks to a folder of the worktree.",
        f'mkdir -p docs/h; printf "#!/bin/sh\\n{RUN}\\n" > docs/h/post-checkout; '
        'chmod +x docs/h/post-checkout; git config core.hooksPath "$PWD/docs/h"',
    ),
)
