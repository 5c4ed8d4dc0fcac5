"""Whether an agent did something with git in its worktree: read from the files, never by running git there.

Not here: what it did to tracked files (`commits.changes`), and whether it may have; see `rules/scope.py`.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verger_kernel.git.ignores import IgnoreFiles, ignore_files
from verger_kernel.rules.ids import shown
from verger_kernel.rules.scope import path_text

# What git writes in its folder when it is only asked, or only stages. None of it is ever read by us.
_MAY_CHANGE = frozenset(
    ("index", "index.lock", "logs", "ORIG_HEAD", "FETCH_HEAD", "COMMIT_EDITMSG", "gc.log", "gc.pid")
)
# What git opens in any folder.
_READ_BY_GIT = frozenset((".gitignore", ".gitattributes", ".gitmodules"))
_SHOWN_CHARS_MAX = 200
_MEANINGS = {
    "HEAD": "a commit of its own or a branch switch",
    "refs": "a commit, branch, tag or stash of its own",
    "packed-refs": "a commit, branch, tag or stash of its own",
    "config": "a git configuration of its own",
    "hooks": "a git hook of its own",
}


@dataclass(frozen=True)
class Tripwire:
    """What stands in a worktree before an agent comes; the same for one just made and one set back.

    `gits` gives for each `.git` in the tree the digests of what lies in it; `hollow` are the empty folders,
    which in a fresh checkout are submodules that nobody filled; `unread` is what could not be read; `ignores` are
    the ignore rules. Paths are as `path_text` shows them, so that it can be written down as JSON.
    """

    gits: dict[str, dict[str, str]]
    hollow: tuple[str, ...]
    unread: tuple[str, ...]
    ignores: IgnoreFiles


def tripwire(target: Path) -> Tripwire:
    """What to compare with later by `escapes`."""
    gits: dict[str, dict[str, str]] = {}
    hollow: list[str] = []
    unread: list[str] = []
    for folder, entries in folders(target):
        if entries is None:
            unread.append(_text(folder))
        elif not entries:
            hollow.append(_text(folder))
        for entry in entries or ():
            if _is_git(entry):
                gits[_text(folder + entry.name)] = _digests(Path(entry.path))
            elif entry.name in _READ_BY_GIT and not (entry.is_symlink() or entry.is_file() or entry.is_dir()):
                # A pipe: whoever opens it waits for ever.
                unread.append(_text(folder + entry.name))
    return Tripwire(gits, tuple(sorted(hollow)), tuple(sorted(unread)), ignore_files(target))


def escapes(target: Path, before: Tripwire) -> tuple[str, ...]:
    """What an agent did with git in `target` since `before`, a sentence each; empty if nothing.

    Staging, and the index that a mere `git status` refreshes, do not count, nor do ignore rules. An unreadable
    folder does.
    """
    now = tripwire(target)
    said = [f"{_quoted(path)} cannot be read" for path in now.unread]
    for path in sorted(before.gits.keys() | now.gits.keys()):
        said += _differences(path, before.gits.get(path), now.gits.get(path))
    if before.hollow:
        filled = {_text(folder) for folder, entries in folders(target) if entries}.intersection(before.hollow)
        said += [f"{_quoted(path)} is the folder of a submodule and was filled" for path in sorted(filled)]
    return tuple(said)


def nested_gits(target: Path) -> tuple[Path, ...]:
    """Every `.git`, file or folder, below the top of `target`."""
    found = (entry for folder, entries in folders(target) if folder for entry in entries or ())
    return tuple(sorted(Path(entry.path) for entry in found if _is_git(entry)))


def folders(root: Path) -> Iterator[tuple[str, list["os.DirEntry[str]"] | None]]:
    """Each folder below `root` with a final slash, and what lies in it, None if it cannot be read.

    `root` itself comes first, as the empty text. A `.git` is not entered.
    """
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            yield folder, None
            continue
        yield folder, entries
        inner = (entry for entry in entries if entry.is_dir(follow_symlinks=False) and not _is_git(entry))
        pending += [f"{folder}{entry.name}/" for entry in inner]


def _is_git(entry: "os.DirEntry[str]") -> bool:
    # Any case: on some disks `.GIT` is the same folder, and git refuses to record it on all of them.
    return entry.name.lower() == ".git"


def _digests(place: Path) -> dict[str, str]:
    """What is in one `.git`, by the path inside it; the empty path is a `.git` that is a file or a link."""
    if not stat.S_ISDIR(place.lstat().st_mode):
        return {"": _digest(place)}
    found: dict[str, str] = {}
    for folder, entries in folders(place):
        if entries is None:
            found[_text(folder)] = "unreadable"
        for entry in entries or ():
            path = f"{folder}{entry.name}"
            if _counts(path) and not entry.is_dir(follow_symlinks=False):
                found[_text(path)] = _digest(Path(entry.path))
    return found


def _counts(path: str) -> bool:
    # Loose and packed objects come from staging too; where objects are borrowed from is another matter.
    if path.startswith("objects/"):
        return path.startswith("objects/info/")
    return path.partition("/")[0] not in _MAY_CHANGE


def _digest(place: Path) -> str:
    found = place.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"link to {_text(str(place.readlink()))}"
    if not stat.S_ISREG(found.st_mode):
        return "neither file nor folder"
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _differences(path: str, before: dict[str, str] | None, now: dict[str, str] | None) -> Iterator[str]:
    if before is None:
        yield f"{_quoted(path)} is a git repository inside the worktree"
    elif now is None:
        yield f"{_quoted(path)} is gone"
    elif "" in before.keys() ^ now.keys():
        yield f"{_quoted(path)} was replaced"
    else:
        for inner in sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)):
            meaning = _MEANINGS.get(inner.partition("/")[0], "something of its own")
            yield f"{_quoted(f'{path}/{inner}')} changed: the agent made {meaning}"


def _text(path: str) -> str:
    return path_text(os.fsencode(path or "."))


def _quoted(text: str) -> str:
    return shown(text, _SHOWN_CHARS_MAX)
