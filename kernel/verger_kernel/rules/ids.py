"""Names of runs, items and effects: how they are made, parsed and shown.

Not here: where anything with such a name lies on disk; see `disk/layout.py`.
"""

from typing import NewType

from verger_kernel.rules.pattern import lazy

RunId = NewType("RunId", str)
ItemId = NewType("ItemId", str)
EffectId = NewType("EffectId", str)
Digest = NewType("Digest", str)
"""A lower-case hex SHA-256."""
ObjectId = NewType("ObjectId", str)
"""A full git object id, 40 or 64 lower-case hex digits."""

EFFECT = "VERGER_EFFECT"
RUN = "VERGER_RUN"
"""The variables in which a process that a kernel started finds the effect and the run that it belongs to."""

SHOWN_PATHS = 20
"""Changed files named in the journal; a person reads a line, not a list."""

_RUN_ID = lazy(r"RUN_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{32}")
_RUN_PREFIX = lazy(r"(R|RU|RUN|RUN_[0-9TZ]{0,16}|RUN_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{0,32})")
_ITEM_ID = lazy(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class InvalidId(ValueError):
    """A name that no run or item can bear. `str()` says which rule it breaks."""


def run_id(text: str) -> RunId:
    """The run id that `text` spells. Raises InvalidId, so that no other text ever becomes a path."""
    if not _RUN_ID.fullmatch(text):
        raise InvalidId(f"{shown(text)} is no run id (RUN_<date>T<time>Z_<32 hex digits>)")
    return RunId(text)


def run_id_prefix(text: str) -> str:
    """`text` if it can begin a run id; raises InvalidId otherwise."""
    if not _RUN_PREFIX.fullmatch(text):
        raise InvalidId(f"{shown(text)} cannot begin a run id (RUN_<date>T<time>Z_<32 hex digits>)")
    return text


def item_id_problem(text: str) -> str | None:
    """What keeps `text` from naming an item and, with it, a branch and a folder; None if nothing does."""
    if not _ITEM_ID.fullmatch(text):
        return "must be 1 to 64 letters, digits, dots, dashes or underscores and begin with a letter or digit"
    if ".." in text or text.endswith((".", ".lock")):
        return "cannot be part of a git branch name (no `..`, no final `.` or `.lock`)"
    return None


def shown(text: str, limit: int = 80) -> str:
    """`text` quoted for an error line: printable, and cut after `limit` characters with the rest counted."""
    if len(text) <= limit:
        return ascii(text) if not text.isprintable() else f"'{text}'"
    return f"{shown(text[:limit])}… ({len(text)} characters)"


def listed(paths: tuple[str, ...]) -> str:
    """Paths that an agent may have chosen, as one line for the journal; what does not fit is counted."""
    more = len(paths) - SHOWN_PATHS
    return ", ".join(shown(path) for path in paths[:SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")


def effect_id(
    item: str, attempt: int, round_: int, stage: str, *, part: str = "", tries: int = 1
) -> EffectId:
    """The name of one effect inside its run, for example `02/a1/r0/audit-b/t1`.

    `part` tells effects of one stage apart: the lane, or the purpose and index of a command group.
    """
    name = f"{stage}-{part}" if part else stage
    return EffectId(f"{item}/a{attempt}/r{round_}/{name}/t{tries}")


def next_try(effect: EffectId) -> EffectId:
    """The same effect, once more: only its try grows."""
    head, _, tries = effect.rpartition("/t")
    return EffectId(f"{head}/t{int(tries) + 1}")


def tries_of(effect: EffectId) -> int:
    """How many times this effect has been begun, this time included."""
    return int(effect.rpartition("/t")[2])
