"""Ignore rules: those of the base commit decide what a change may leave out, whatever it makes of them.

Not here: recording what is to be kept (`worktrees.py`), and which folders an item may write (`rules/scope.py`).
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from verger_kernel.git.command import Git
from verger_kernel.git.own_folder import forget
from verger_kernel.git.removal import remove_entry

NAME = b".gitignore"

IgnoreFiles = tuple[tuple[bytes, bytes], ...]
"""Each `.gitignore` of a tree: its path and what it says, in byte order."""


def ignore_files(target: Path) -> IgnoreFiles:
    """Every `.gitignore` below `target` that git would read. No git process.

    One that is a link, or cannot be read, says nothing, to git too.
    """
    return tuple(sorted(_ignore_files(os.fsencode(target))))


def _ignore_files(target: bytes) -> Iterator[tuple[bytes, bytes]]:
    pending = [b""]
    while pending:
        folder = pending.pop()
        for entry in _entries(target + b"/" + folder):
            if entry.is_dir(follow_symlinks=False):
                pending += [] if entry.name == b".git" else [folder + entry.name + b"/"]
            elif entry.name == NAME:
                yield folder + NAME, _words(entry.path)


def _entries(folder: bytes) -> list["os.DirEntry[bytes]"]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []


def _words(path: bytes) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(file, "rb") as words:
        return words.read() if stat.S_ISREG(os.fstat(file).st_mode) else b""


@dataclass(frozen=True)
class Hidden:
    """Files that a change keeps out of its own record, in byte order: the base's rules do not ignore them.

    `by_record` are ignored by a rule that is recorded with the change, `by_nobody` by a `.gitignore` that is not:
    caches and environments hide themselves like this.
    """

    by_record: tuple[bytes, ...]
    by_nobody: tuple[bytes, ...]


def hidden(git: Git, target: Path, index: Path, base: IgnoreFiles) -> Hidden:
    """What in `target` is not in `index` although the rules of `base` do not ignore it.

    To be asked right after everything was recorded. No git process if `target` has the rules of `base`, else
    three at most.
    """
    if ignore_files(target) == base:
        return Hidden((), ())
    left = git.run("ls-files", "-z", "--others", work_tree=target, index=index).split(b"\0")[:-1]
    lost = sorted(set(left) - ignored(git, left, base, index.with_name(f"{index.name}.ignores")))
    sources = _sources(git, target, index, lost)
    by_nobody = {path for path in lost if sources.get(path) in left}
    return Hidden(tuple(path for path in lost if path not in by_nobody), tuple(sorted(by_nobody)))


def _sources(git: Git, target: Path, index: Path, paths: list[bytes]) -> dict[bytes, bytes]:
    """For each of `paths` that is ignored, the file whose rule ignores it."""
    if not paths:
        return {}
    command = ("check-ignore", "--verbose", "-z", "--stdin")
    answer = git.run(*command, work_tree=target, index=index, stdin=_names(paths), ok=(0, 1))
    fields = answer.split(b"\0")[:-1]
    return {path.removeprefix(b"./"): source for source, path in zip(fields[::4], fields[3::4], strict=True)}


def ignored(git: Git, paths: Collection[bytes], rules: IgnoreFiles, scratch: Path) -> set[bytes]:
    """Those of `paths` that `rules` and the repository's own excludes ignore, as if nothing were tracked.

    `scratch` is a folder for this alone, removed again: git reads the rules there, exactly as it does anywhere.
    One git process, none without a path.
    """
    if not paths:
        return set()
    index = scratch.with_name(f"{scratch.name}.index")
    try:
        _write(scratch, rules)
        answer = git.run(
            *("check-ignore", "--no-index", "-z", "--stdin"),
            work_tree=scratch,
            index=index,
            stdin=_names(paths),
            ok=(0, 1),
        )
    finally:
        _clear(scratch)
        forget(index)
    return {path.removeprefix(b"./") for path in answer.split(b"\0")[:-1]}


def _names(paths: Iterable[bytes]) -> bytes:
    # With `./` before it, a name that begins with a colon is no pattern.
    return b"".join(b"./%s\0" % path for path in paths)


def _write(scratch: Path, rules: IgnoreFiles) -> None:
    _clear(scratch)
    scratch.mkdir()
    for path, words in rules:
        place = scratch / os.fsdecode(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(words)


def _clear(scratch: Path) -> None:
    if os.path.lexists(scratch):
        remove_entry(scratch)
