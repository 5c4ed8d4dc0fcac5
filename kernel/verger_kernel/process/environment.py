"""What of the environment a job may see: an allowlist, never the rest.

Not here: the names that a policy adds; see `rules/policy.py`.
"""

import os
from collections.abc import Iterable, Mapping

ALLOWED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"})
WITHHELD = frozenset({"SSH_AUTH_SOCK"})
"""What no job sees even where a policy names it: with it, an agent could sign a gate."""


def clean_environment(
    ambient: Mapping[str, str], keep: Iterable[str], extra: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a job, sorted: what is allowed of `ambient`, what `keep` names of it, and `extra`.

    PATH keeps its absolute entries only: a job works in a folder whose programs an agent may have written.
    VERGER_ names come from `extra` alone; withheld names come from nowhere. Raises ValueError for a name
    or value that no environment can hold.
    """
    kept = frozenset(keep)
    chosen = {name: value for name, value in ambient.items() if _is_seen(name, kept)}
    chosen |= extra
    if "PATH" in chosen:
        chosen["PATH"] = absolute_path(chosen["PATH"])
    for name, value in chosen.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(
                f"no environment can hold the variable {name!r}: it is unnamed, or has `=` or NUL"
            )
    return {name: chosen[name] for name in sorted(chosen) if not is_withheld(name)}


def path_given(ambient: Mapping[str, str]) -> str:
    """The PATH that a job gets of `ambient`."""
    return absolute_path(ambient.get("PATH", os.defpath))


def absolute_path(path: str) -> str:
    """A PATH without its relative and empty entries."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if entry.startswith("/"))


def is_withheld(name: str) -> bool:
    """Whether no job ever sees `name`: the ssh agent's socket, and any socket of Verger."""
    return name in WITHHELD or (name.startswith("VERGER_") and "SOCK" in name)


def _is_seen(name: str, kept: frozenset[str]) -> bool:
    # A kernel that itself runs inside a job must not hand that job's names on as its own.
    if name.startswith("VERGER_"):
        return False
    # ssh lets LC_ names through to other machines, so people send secrets under them.
    is_locale = name.startswith("LC_") and not name.endswith(("_TOKEN", "_KEY"))
    return name in kept or name in ALLOWED or is_locale
