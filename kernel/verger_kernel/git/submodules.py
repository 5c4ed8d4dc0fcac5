"""What a checkout lacks that the user's repository has: submodules, and ignored files that `.worktreeinclude` names.

Not here: where it goes; see `perform/dependencies.py`. Nothing is fetched: what is not there stays empty.
"""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from verger_kernel.git.command import Git, GitError
from verger_kernel.git.config_file import Unreadable, entries
from verger_kernel.git.own_folder import forget
from verger_kernel.git.removal import remove_entry
from verger_kernel.git.trees import Held, contents, listing
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import GITLINK

INCLUDE = ".worktreeinclude"
MODULES = ".gitmodules"
_INCLUDE_BYTES_MAX = 1 << 20
MODULES_BYTES_MAX = 1 << 20
_WORLD = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
)


def fill(git: Git, target: Path, links: Mapping[str, ObjectId], index: Path) -> tuple[str, ...]:
    """Fills the folders of submodules in `target`, a checkout, and in them those of theirs; answers with those filled.

    `links` are commits by path. Each is taken from where `git submodule` keeps what it once fetched, `modules` in the
    git folder; one of which a part is missing stays empty. `index` is a place for an index, not in `target`. Raises
    GitError where the disk or time is to blame, and then some may be half full.
    """
    filled = []
    names = dict(_names(modules_in(target)))
    for path, commit in sorted(links.items()):
        module, place = _module(git, names.get(path, "")), target / path
        if module is None or place.is_symlink() or not place.is_dir():
            continue
        inner = replace(git, git_dir=module)
        theirs = _checked_out(inner, commit, place, index)
        if theirs is not None:
            filled.append(path)
            filled += [f"{path}/{one}" for one in fill(inner, place, theirs, index)]
    return tuple(filled)


def _checked_out(git: Git, commit: ObjectId, place: Path, index: Path) -> dict[str, ObjectId] | None:
    """The submodules of `commit`, which is at `place` now; None where it is not here as a whole."""
    # The lock of a git that was killed would be taken for that of one at work.
    forget(index)
    try:
        git.run("-c", "core.fsync=none", "read-tree", "--reset", "-u", commit, work_tree=place, index=index)
        return links_among(listing(git, commit, index=index))
    except GitError as error:
        if error.is_of_the_world():
            raise
        # Half of it would be taken for the whole.
        remove_entry(place)
        place.mkdir()
        return None
    finally:
        forget(index)


def fetched(git: Git, modules: bytes, links: Mapping[str, ObjectId], index: Path) -> dict[str, ObjectId]:
    """Those of `links`, commits by path, whose commits are here, and those of theirs.

    `modules` is what `.gitmodules` says, `index` a place for an index. One git process for each that `modules` names,
    and up to two more the first time. Raises GitError where the world is to blame.
    """
    found: dict[str, ObjectId] = {}
    names = dict(_names(modules)) if links else {}
    for path, commit in links.items():
        module = _module(git, names.get(path, ""))
        if module is None:
            continue
        inner = replace(git, git_dir=module)
        try:
            if not _has(inner, commit, index):
                continue
            theirs, their_modules = _inside(inner, commit, index)
        except GitError as error:
            if error.is_of_the_world():
                raise
            continue
        finally:
            forget(index)
        found[path] = commit
        found |= {f"{path}/{one}": its for one, its in fetched(inner, their_modules, theirs, index).items()}
    return found


def marks(git: Git, found: Mapping[str, ObjectId]) -> dict[str, str]:
    """What a layer that `fill` fills hangs on, for its key: what `fetched` found, and how files are written.

    By names that no path of a tree has.
    """
    return {f"/{path}": commit for path, commit in found.items()} | {
        f"//{key}": value for key, value in git.settings
    }


def _has(git: Git, commit: ObjectId, index: Path) -> bool:
    said = git.run("cat-file", "--batch-check", stdin=f"{commit}\n".encode(), index=index)
    return said.split()[1:2] == [b"commit"]


# What an id names never changes.
@lru_cache(maxsize=256)
def _inside(git: Git, commit: ObjectId, index: Path) -> tuple[dict[str, ObjectId], bytes]:
    """The submodules of a commit, and what its `.gitmodules` says."""
    held = listing(git, commit, index=index)
    links = links_among(held)
    if not links or MODULES not in held:
        return links, b""
    return links, git.run("cat-file", "blob", held[MODULES].id, index=index)


def links_of(git: Git, tree: ObjectId) -> dict[str, ObjectId]:
    """The submodules of a tree: commits by path. One git process."""
    return links_among(listing(git, tree))


def links_among(held: Mapping[str, Held]) -> dict[str, ObjectId]:
    """The submodules of what a tree or an index holds: commits by path."""
    return {path: one.id for path, one in held.items() if one.mode == GITLINK}


def modules_in(checkout: Path) -> bytes:
    """What `.gitmodules` of `checkout` says; nothing where it is no file, or longer than any would be."""
    if not is_plain(checkout, MODULES):
        return b""
    with suppress(OSError), (checkout / MODULES).open("rb") as file:
        said = file.read(MODULES_BYTES_MAX + 1)
        return said if len(said) <= MODULES_BYTES_MAX else b""
    return b""


def _names(modules: bytes) -> Iterator[tuple[str, str]]:
    """The name of each submodule by its path."""
    with suppress(Unreadable):
        for key, value in entries(modules):
            if key.startswith("submodule.") and key.endswith(".path"):
                yield value, key.removeprefix("submodule.").removesuffix(".path")


def _module(git: Git, name: str) -> Path | None:
    # The name stands in a file of the tree: whoever wrote that could lead elsewhere.
    modules = (git.git_dir / "modules").resolve()
    place = (modules / name).resolve()
    is_inside = bool(name) and place != modules and place.is_relative_to(modules)
    return place if is_inside and (place / "HEAD").is_file() else None


def included(git: Git, checkout: Path, base: ObjectId, index: Path) -> dict[str, str]:
    """The files in `checkout` that `.worktreeinclude` of `base` names and git does not track: digests by path.

    No link, nothing below a folder that a link leads to, and nothing that cannot be read. `index` is a place for an
    index and a file beside it.
    """
    held = listing(git, base)
    if INCLUDE not in held:
        return {}
    rules = contents(git, [held[INCLUDE].id], size_max=_INCLUDE_BYTES_MAX).get(held[INCLUDE].id, b"")
    patterns = index.with_name(f"{index.name}.patterns")
    patterns.write_bytes(rules)
    try:
        words = ("ls-files", "-z", "--others", "--ignored", f"--exclude-from={patterns}")
        named = os.fsdecode(git.run(*words, work_tree=checkout, index=index)).split("\0")
    finally:
        patterns.unlink()
        forget(index)
    inside = tuple(f"{path}/" for path in links_among(held))
    named_ones = (path for path in sorted({*named} - {*held}) if not path.startswith(inside))
    found = {path: _digest(checkout / path) for path in named_ones if is_plain(checkout, path)}
    return {path: digest for path, digest in found.items() if digest}


def is_plain(checkout: Path, path: str) -> bool:
    """Whether `path` in `checkout` is a file, of the user's and not of git's or ours, that no link leads to.

    One that cannot be looked at, for a path too long or a folder that is shut, is none.
    """
    inner = PurePosixPath(path)
    if not path or ".git" in inner.parts or inner.parts[0] == ".local":
        return False
    try:
        return (checkout / path).is_file() and not leads_over_links(checkout, inner)
    except OSError:
        return False


def leads_over_links(folder: Path, path: PurePosixPath) -> bool:
    """Whether `path` below `folder`, or a folder on the way there, is a link. Raises OSError."""
    return any((folder / one).is_symlink() for one in (path, *path.parents))


def _digest(file: Path) -> str:
    """Empty where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


def bring(checkout: Path, paths: Iterable[str], target: Path) -> None:
    """Copies files of `checkout` into `target`, where there is none of that name, with their modes.

    What went meanwhile, cannot be read, or has no room in `target` is left out, and nothing is brought over a link, for
    it could lead anywhere. Raises OSError where the disk is to blame.
    """
    for path in paths:
        try:
            if is_plain(checkout, path) and not leads_over_links(target, PurePosixPath(path)):
                _copy(checkout / path, target / path)
        except OSError as error:
            if error.errno in _WORLD:
                raise


def _copy(source: Path, place: Path) -> None:
    # It may be another than it was a moment ago: a pipe would be waited for, and a link could lead anywhere.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as giver:
        looks = os.fstat(descriptor)
        if stat.S_ISREG(looks.st_mode):
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as taker:
                shutil.copyfileobj(giver, taker)
            place.chmod(stat.S_IMODE(looks.st_mode))
