"""Which changed paths an item may not have touched.

Not here: reading the change from git (`git/commits.py`), and reading a symbolic link (`perform/worktree.py`).
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

FORBIDDEN_ROOTS: tuple[str, ...] = (
    ".local",
    ".git",
    ".codex",
    ".claude",
    ".mcp.json",
    "ops/config",
    "secrets",
)
GITLINK = "160000"
LINK = "120000"
PLAIN = ("100644", "100755")
"""The modes of files that hold bytes."""


Status = Literal["A", "M", "D", "T"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs between two trees. A rename is two changes: one D and one A.

    Modes are six octal digits, `000000` where the path does not exist; `path` is as `path_text` shows it.
    """

    status: Status
    path: str
    old_mode: str
    new_mode: str


def path_text(raw: bytes) -> str:
    """The path on one line, and never that of another: what cannot be printed is a backslash escape.

    A backslash is doubled; a byte that is no UTF-8 is `\\xff`, a newline `\\n`, an invisible character `\\u202e`.
    """
    text = raw.decode("utf-8", "surrogateescape")
    return text if text.isprintable() and "\\" not in text else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable() and character != "\\":
        return character
    if ord(character) < 0x80:
        return character.encode("unicode_escape").decode()
    return f"\\U{ord(character):08x}" if ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


def out_of_scope(changes: Iterable[Change], allowed_write_roots: Iterable[str]) -> tuple[str, ...]:
    """The paths that no allowed root covers, in the order of `changes` and without repeats.

    Roots cover by whole components: `docs` covers `docs/a`, not `docs2`. Forbidden roots win over allowed
    ones, in any case of letters, and so does a component `.git` at any depth. A change that leaves a gitlink
    is always out.
    """
    roots = _roots(allowed_write_roots)
    return tuple(dict.fromkeys(change.path for change in changes if not _is_allowed(change, roots)))


def lies_within(path: str, allowed_write_roots: Iterable[str]) -> bool:
    """Whether an allowed root covers `path`, which is as `path_text` shows it, and nothing forbids it."""
    parts = _components(path)
    return not _is_forbidden(parts) and any(_covers(root, parts) for root in _roots(allowed_write_roots))


def leads_out(path: str, target: str) -> bool:
    """Whether a symbolic link at `path` leads out of the tree or to what is forbidden."""
    if target.startswith("/"):
        return True
    parts = list(_components(path)[:-1])
    for part in target.split("/"):
        if part == ".." and not parts:
            return True
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return _is_forbidden(tuple(parts))


def _is_allowed(change: Change, roots: list[tuple[str, ...]]) -> bool:
    path = _components(change.path)
    if change.new_mode == GITLINK or _is_forbidden(path):
        return False
    return any(_covers(root, path) for root in roots)


def _is_forbidden(path: tuple[str, ...]) -> bool:
    # Case is folded because a checkout on a case-insensitive disk would make `.GIT` and `.git` one folder.
    folded = tuple(part.casefold() for part in path)
    return ".git" in folded or any(_covers(root, folded) for root in _FORBIDDEN)


def _covers(root: tuple[str, ...], path: tuple[str, ...]) -> bool:
    # An empty root covers nothing: a playbook cannot grant the whole repository by a slip.
    return bool(root) and path[: len(root)] == root


def _roots(allowed_write_roots: Iterable[str]) -> list[tuple[str, ...]]:
    # A root is written as its author knows it; the paths of a change are escaped.
    return [_components(path_text(root.encode())) for root in allowed_write_roots]


def _components(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


_FORBIDDEN = tuple(_components(root) for root in FORBIDDEN_ROOTS)
