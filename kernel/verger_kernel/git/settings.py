"""Under which settings and environment our git runs: nothing it could start, nothing that hangs on who runs it.

Not here: running it; see `command.py`.
"""

from collections.abc import Iterable

SETTINGS: tuple[tuple[str, str], ...] = (
    # Programs that a configuration could make git start.
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("diff.external", ""),
    ("protocol.allow", "never"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    # Submodules are never entered: what lies there is not ours to read.
    ("diff.ignoreSubmodules", "all"),
    ("submodule.recurse", "false"),
    # By default git syncs no loose object and no reference. An index can be made again.
    ("core.fsync", "committed,loose-object,reference"),
    # A file is unchanged only if its ctime says so too: mtime can be set back, ctime cannot.
    ("core.trustctime", "true"),
    ("core.checkStat", "default"),
    # Git believes a commit graph about the tree of a commit; whoever writes one could name another.
    ("core.commitGraph", "false"),
    # Shapes of an index or checkout that would leave paths out or write beside the index we name.
    ("core.untrackedCache", "false"),
    ("core.splitIndex", "false"),
    ("core.sparseCheckout", "false"),
    ("index.sparse", "false"),
    ("core.quotePath", "false"),
    ("core.safecrlf", "false"),
    ("i18n.commitEncoding", "UTF-8"),
)

# The result of an item must not hang on who runs it: the user's global ignores and attributes do not apply.
# The repository's own `.gitignore`, `.gitattributes`, `info/exclude` and `info/attributes` do.
NO_USER_FILES: tuple[tuple[str, str], ...] = (
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
)

FIXED = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # Unlike protocol.allow it wins over a protocol.ext.allow, which a planted promisor remote would bring with it.
    "GIT_ALLOW_PROTOCOL": "",
    # An id must mean the bytes it was hashed from, whatever refs/replace says.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ADVICE": "0",
}
NO_USER_CONFIG = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
USER_CONFIG = ("XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")

FORMATS = {
    "sha1": "[core]\n\trepositoryformatversion = 0\n",
    "sha256": "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
}

LFS = frozenset(
    (
        ("filter.lfs.clean", "git-lfs clean -- %f"),
        ("filter.lfs.smudge", "git-lfs smudge -- %f"),
        ("filter.lfs.smudge", "git-lfs smudge --skip -- %f"),
        ("filter.lfs.process", "git-lfs filter-process"),
        ("filter.lfs.process", "git-lfs filter-process --skip"),
        ("filter.lfs.required", "true"),
    )
)
"""What `git lfs install` writes: the one filter that is known for what it is."""


def neutral_filters(names: Iterable[str], allowed: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """Settings that make every filter driver in `names` but not in `allowed` pass bytes through unchanged."""
    settings: list[tuple[str, str]] = []
    for name in sorted(set(names) - set(allowed)):
        settings += [(f"filter.{name}.{part}", "") for part in ("clean", "smudge", "process")]
        settings.append((f"filter.{name}.required", "false"))
    return tuple(settings)
