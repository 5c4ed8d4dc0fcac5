"""How two trees differ, for people and in numbers.

Not here: the patch of a packet, which `git apply` must take (`commits.py`), and scope (`trees.py`).
"""

import msgspec

from verger_kernel.git.command import Git
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import path_text

# Neither a program of the user's nor one that a branch brings is run to show what that branch holds.
_DIFF = ("diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--no-color", "--end-of-options")


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs: lines `added` and `removed`, None where git takes the content for binary.

    A rename is one path that was deleted and one that was added, each with its whole content.
    """

    path: str
    kind: str
    added: int | None
    removed: int | None


_KINDS = {"A": "added", "D": "deleted", "M": "modified", "T": "type_changed"}


def shown(git: Git, old: ObjectId, new: ObjectId, *, style: str) -> str:
    """The difference as git shows it: `--patch` with renames found, `--stat`, or `--name-only`. One git process."""
    options = ("--find-renames", "--stat=100") if style == "--stat" else ("--find-renames", style)
    return git.run(*_DIFF[:-1], *options, _DIFF[-1], old, new).decode("utf-8", "surrogateescape")


def counted(git: Git, old: ObjectId, new: ObjectId) -> tuple[FileChange, ...]:
    """Every path that differs, in byte order. One git process."""
    found = git.run(*_DIFF[:-1], "--raw", "--numstat", "-z", "--no-renames", _DIFF[-1], old, new)
    kinds: dict[bytes, str] = {}
    changes = []
    fields = iter(found.split(b"\0"))
    for field in fields:
        if field.startswith(b":"):
            kinds[next(fields)] = _KINDS[field.rpartition(b" ")[2].decode()]
        elif field:
            added, removed, path = field.split(b"\t", 2)
            changes.append(_change(path, kinds.get(path, "modified"), added, removed))
    return tuple(changes)


def _change(path: bytes, kind: str, added: bytes, removed: bytes) -> FileChange:
    return FileChange(path=path_text(path), kind=kind, added=_number(added), removed=_number(removed))


def _number(text: bytes) -> int | None:
    return None if text == b"-" else int(text)
