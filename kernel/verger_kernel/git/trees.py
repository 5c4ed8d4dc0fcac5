"""Trees without a checkout: how two differ, what their files hold, and a tree made from another by replacing paths.

Not here: the patch that people read (`commits.py`), and the tree of a worktree (`worktrees.record`).
"""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

import msgspec

from verger_kernel.git.command import Git
from verger_kernel.git.own_folder import forget
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import Change, Status, path_text

ABSENT = "000000"
"""The mode of a path that is not there."""
# What is made here serves one verification and can be made again from the objects it came from.
_NO_SYNC = ("-c", "core.fsync=none")
_CHUNK_BYTES = 1 << 20


class TreeChange(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs between two trees, as git has it: the path in bytes, modes in six octal digits.

    Where the path is absent the mode is ABSENT and the id all zeros. A rename is two changes: one D and one A.
    """

    status: Status
    path: bytes
    old_mode: str
    new_mode: str
    old_id: ObjectId
    new_id: ObjectId

    def as_change(self) -> Change:
        """The same for the rules and for people: the path as `path_text` shows it, and no ids."""
        return Change(
            status=self.status,
            path=path_text(self.path),
            old_mode=self.old_mode,
            new_mode=self.new_mode,
        )


known_trees: dict[ObjectId, ObjectId] = {}
"""The trees of the commits that this process made or asked for: an id never comes to mean another."""


def differences(git: Git, old: ObjectId, new: ObjectId) -> tuple[TreeChange, ...]:
    """Every path that differs between two trees or commits, in byte order. One git process, none if asked again."""
    return _differences(git, old, known_trees.get(new, new))


# What an id names never changes. Two: of an item that is being judged, and of the one before.
@lru_cache(maxsize=2)
def _differences(git: Git, old: ObjectId, new: ObjectId) -> tuple[TreeChange, ...]:
    return parsed(git.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new))


def parsed(listing: bytes) -> tuple[TreeChange, ...]:
    """What a raw list of differences says, NUL after each field, in byte order of the paths."""
    fields = iter(listing.split(b"\0"))
    return tuple(sorted(_changes(fields), key=lambda change: change.path))


def _changes(fields: Iterator[bytes]) -> Iterator[TreeChange]:
    for words in fields:
        if words.startswith(b":"):
            old_mode, new_mode, old_id, new_id, status = words[1:].decode().split(" ")
            yield TreeChange(
                status=cast(Status, status),
                path=next(fields),
                old_mode=old_mode,
                new_mode=new_mode,
                old_id=ObjectId(old_id),
                new_id=ObjectId(new_id),
            )


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a tree holds at one path: mode and id, as git writes them."""

    mode: str
    id: ObjectId


def listing(git: Git, tree: ObjectId, *, index: Path | None = None) -> dict[str, Held]:
    """What every path of a tree or commit holds, folders apart; paths as the file system has them. One git process.

    With a place for an `index`, which it does not read, git reads no configuration of the repository.
    """
    lines = os.fsdecode(git.run("ls-tree", "-r", "-z", "--full-tree", tree, index=index)).split("\0")[:-1]
    cut = (line.partition("\t") for line in lines)
    return {path: Held(mode=words.split()[0], id=ObjectId(words.split()[2])) for words, _, path in cut}


def prove_checkout(git: Git, tree: ObjectId, index: Path) -> None:
    """Raises GitError where git would refuse to check `tree` out, as for a `.gitmodules` that is a link.

    `index` is used for nothing else and removed again. One git process.
    """
    try:
        git.run(*_NO_SYNC, "read-tree", tree, index=index)
    finally:
        forget(index)


def staged(git: Git, index: Path) -> dict[str, Held]:
    """What every path of an index holds; paths as the file system has them. One git process."""
    lines = os.fsdecode(git.run("ls-files", "-z", "--stage", index=index)).split("\0")[:-1]
    cut = (line.partition("\t") for line in lines)
    return {path: Held(mode=words.split()[0], id=ObjectId(words.split()[1])) for words, _, path in cut}


def contents(git: Git, ids: Iterable[ObjectId], *, size_max: int) -> dict[ObjectId, bytes]:
    """The bytes of the blobs among `ids` that hold `size_max` bytes at most; all others are left out.

    One git process, none without an id; a larger blob is passed over and never held in memory.
    """
    asked = tuple(dict.fromkeys(ids))
    if not asked:
        return {}
    found: dict[ObjectId, bytes] = {}
    with git.reading("cat-file", "--batch", "--buffer", stdin="\n".join((*asked, "")).encode()) as answer:
        for name in asked:
            kind, size = _header(answer.readline())
            if kind == b"blob" and size <= size_max:
                found[name] = answer.read(size)
            else:
                _pass_over(answer, size)
            if kind:
                answer.read(1)
    return found


def _header(line: bytes) -> tuple[bytes, int]:
    """The kind and size that a batch answers with; no kind for what is missing, or no id at all."""
    words = line.split()
    return (words[1], int(words[2])) if len(words) == 3 else (b"", 0)


def _pass_over(answer: IO[bytes], size: int) -> None:
    while size > 0:
        size -= len(answer.read(min(size, _CHUNK_BYTES))) or size


def store(git: Git, data: bytes) -> ObjectId:
    """The id of a blob that holds `data`, byte for byte. Not synced: for trees that are thrown away."""
    made = git.run(*_NO_SYNC, "hash-object", "-w", "--stdin", stdin=data)
    return ObjectId(made.decode().strip())


def grafted(
    git: Git, tree: ObjectId, entries: Iterable[tuple[bytes, str, ObjectId]], index: Path
) -> ObjectId:
    """`tree` with each path set to (mode, id), or removed where the mode is ABSENT. Not synced.

    A file where a folder stood takes its place and the reverse; a folder that has nothing left goes. `index` is
    used for nothing else and removed again. Three git processes, none without an entry.
    """
    lines = b"".join(b"%s %s\t%s\0" % (mode.encode(), name.encode(), path) for path, mode, name in entries)
    if not lines:
        return tree
    try:
        git.run(*_NO_SYNC, "read-tree", tree, index=index)
        git.run(*_NO_SYNC, "update-index", "-z", "--index-info", index=index, stdin=lines)
        made = git.run(*_NO_SYNC, "write-tree", index=index)
    finally:
        forget(index)
    return ObjectId(made.decode().strip())
