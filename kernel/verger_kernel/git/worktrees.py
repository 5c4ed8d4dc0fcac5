"""Worktrees of attempts and throw-away checkouts: made, recorded, set back, put away.

Each holds a small `.git` of its own that borrows the user's objects; `docs/decisions/0002` says why.
Not here: what an agent did with that `.git` (`tripwire.py`), removal (`removal.py`), commits (`commits.py`).
"""

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from verger_kernel.git import ignores, refs
from verger_kernel.git.command import Git, GitError
from verger_kernel.git.commits import commit_tree
from verger_kernel.git.ignores import IgnoreFiles
from verger_kernel.git.large_files import large_files
from verger_kernel.git.own_folder import forget
from verger_kernel.git.removal import remove, remove_entry
from verger_kernel.git.staging import add_all, synced
from verger_kernel.git.tripwire import nested_gits
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.scope import GITLINK, path_text

# A worktree and its index can be made again from the objects, so nothing waits for them to reach the disk.
_NO_SYNC = ("-c", "core.fsync=none")
_PUT_ASIDE = ".git-put-aside"


def create(
    git: Git, target: Path, tree: ObjectId, index: Path, *, root: Path, head: ObjectId | None = None
) -> None:
    """Makes `target` a checkout of `tree` with a `.git` of its own, and `index` the kernel's index of it.

    `tree` is a commit, or a tree of which `head` names a commit: HEAD becomes one that differs from it in its tree
    alone, so that nothing in there looks staged. What stood at `target` goes first; `target` must lie below `root`,
    and `index` not in it. One git process, two where `head` is another commit. Safe to do twice. Raises
    RemovalRefused and GitError.
    """
    remove(target, root)
    forget(index)
    target.mkdir(parents=True)
    index.parent.mkdir(parents=True, exist_ok=True)
    git.run(*_NO_SYNC, "read-tree", "--reset", "-u", tree, work_tree=target, index=index)
    _write_git_folder(git, target, head or tree, index)
    if head and head != tree:
        _write_twin(git, target, head, tree)


def record(git: Git, target: Path, index: Path, *, never: Iterable[str] = ()) -> ObjectId:
    """The tree of what stands in `target` now but for the paths `never`; its objects are durable. Two git processes.

    What the `.gitignore` files of `target` and the repository's own excludes name is left out, unless it was
    tracked before; `record_by` asks other rules. Ask `tripwire.escapes` first: a worktree that holds another
    repository is not recorded.
    """
    _remove_lock(index)
    add_all(git, target, index, never)
    return ObjectId(git.run("write-tree", work_tree=target, index=index).decode().strip())


def record_by(
    git: Git,
    target: Path,
    index: Path,
    rules: IgnoreFiles,
    keep: Callable[[str], bool],
    *,
    changed: int,
    never: Iterable[str] = (),
) -> tuple[ObjectId, tuple[str, ...]]:
    """The tree of what stands in `target`, and the files left out of it that `rules` do not ignore.

    The paths `never` are in neither: `rules` ignore them, whatever those of `target` now say.

    Of these a file that the change itself ignores is recorded where `keep` says so of its path. Paths are as
    `path_text` shows them. `changed` is about how many files there are to be stored. Two git processes while `target`
    has the same rules, else six at most.
    """
    _remove_lock(index)
    is_as_before = ignores.ignore_files(target) == rules
    add_all(git, target, index, () if is_as_before else never, *synced(changed))
    hidden = ignores.hidden(git, target, index, rules)
    kept = tuple(path for path in hidden.by_record if keep(path_text(path)))
    if kept:
        names = b"".join(b"%s\0" % path for path in kept)
        git.run("update-index", "--add", "-z", "--stdin", work_tree=target, index=index, stdin=names)
    left_out = sorted({*hidden.by_record, *hidden.by_nobody}.difference(kept))
    tree = git.run("write-tree", work_tree=target, index=index).decode().strip()
    return ObjectId(tree), tuple(map(path_text, left_out))


def too_large(git: Git, target: Path, index: Path, large: frozenset[bytes]) -> tuple[str, ...]:
    """Those of the `large` files in `target` that are new or changed: they cannot be recorded in time.

    As `path_text` shows them. No git process unless there is one so large.
    """
    if not large:
        return ()
    listed = git.run("ls-files", "-z", "--modified", "--others", work_tree=target, index=index)
    return tuple(path_text(path) for path in sorted(large.intersection(listed.split(b"\0"))))


def forget_seen(git: Git, index: Path, tree: ObjectId) -> None:
    """Makes `index` hold `tree` and vouch for no file, so that the next record reads every one anew.

    For when objects that it believes stored are gone. One git process.
    """
    _remove_lock(index)
    git.run(*_NO_SYNC, "read-tree", tree, index=index)


def restore(git: Git, target: Path, tree: ObjectId, index: Path, *, head: ObjectId) -> None:
    """Sets `target` back to exactly `tree`, whatever stands there, and its `.git` to a fresh one at `head`.

    Untracked and ignored files, foreign repositories and read-only folders go. Two git processes. Safe to do
    twice. A damaged `index` is made again.
    """
    _remove_lock(index)
    target.mkdir(parents=True, exist_ok=True)
    _remove_untracked(target, git.run("ls-tree", "-r", "-z", "--full-tree", tree))
    arguments = (*_NO_SYNC, "read-tree", "--reset", "-u", tree)
    try:
        git.run(*arguments, work_tree=target, index=index)
    except GitError:
        # A power loss can leave an index that git cannot read; without one every file is written again.
        index.unlink(missing_ok=True)
        _remove_lock(index)
        git.run(*arguments, work_tree=target, index=index)
    _write_git_folder(git, target, head, index)


def leftovers(git: Git, target: Path, index: Path) -> tuple[str, ...]:
    """The paths in `target` that differ from what `index` last recorded, ignored ones left out.

    In byte order, as `path_text` shows them. One git process.
    """
    arguments = ("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
    listing = git.run(*arguments, work_tree=target, index=index)
    return tuple(path_text(path) for path in sorted(set(listing.split(b"\0")[:-1])))


def altered(git: Git, target: Path, index: Path) -> bool:
    """Whether a tracked file in `target` is no longer what `index` last recorded. One git process."""
    return bool(git.run("ls-files", "-z", "--modified", "--deleted", work_tree=target, index=index))


def differs(git: Git, target: Path, index: Path, commit: ObjectId) -> bool:
    """Whether what `index` last recorded of `target` is another tree than that of `commit`. One git process."""
    return bool(git.run("diff-index", "--cached", commit, work_tree=target, index=index))


def quarantine(
    git: Git,
    target: Path,
    index: Path,
    ref: str,
    parent: ObjectId,
    utc_ms: int,
    *,
    never: Iterable[str] = (),
) -> ObjectId:
    """The commit on top of `parent` that keeps what stands in `target`, ignored files left out, under `ref`.

    The paths `never` are left out, too. A `.git` inside the tree is renamed first, so that its files are kept as files.
    `index` is left as it is. Safe to do twice with the same `utc_ms`. Raises RefMoved if `ref` names something else.
    """
    for place in nested_gits(target):
        place.rename(_free_name(place.parent))
    scratch = index.with_name(index.name + ".quarantine")
    try:
        git.run(*_NO_SYNC, "read-tree", parent, work_tree=target, index=scratch)
        tree = record(git, target, scratch, never=never)
    finally:
        forget(scratch)
    commit = commit_tree(git, tree, parent, f"verger: quarantine of {target.name}\n", utc_ms)
    refs.move_or_confirm(git, ref, commit, None)
    return commit


def _write_git_folder(git: Git, target: Path, head: ObjectId, index: Path) -> None:
    folder = target / ".git"
    with suppress(FileNotFoundError):
        remove_entry(folder)
    for name in ("", "objects", "objects/info", "refs", "info"):
        (folder / name).mkdir()
    (folder / "HEAD").write_text(f"{head}\n")
    (folder / "config").write_text(_config(git, head))
    (folder / "objects/info/alternates").write_bytes(_quoted(git.git_dir / "objects") + b"\n")
    for name in ("shallow", "info/exclude", "info/attributes"):
        if (git.git_dir / name).is_file():
            shutil.copyfile(git.git_dir / name, folder / name)
    _show_index(git, index, folder / "index")


def _show_index(git: Git, index: Path, target: Path) -> None:
    large = large_files(git, index)
    if not large:
        shutil.copyfile(index, target)
        return
    # An agent sees their bytes in their place: to its git, that would be a change.
    aside = index.with_name(index.name + ".shown")
    _remove_lock(aside)
    shutil.copyfile(index, aside)
    try:
        names = b"".join(os.fsencode(path) + b"\0" for path in large)
        git.run(*_NO_SYNC, "update-index", "--assume-unchanged", "-z", "--stdin", index=aside, stdin=names)
        shutil.copyfile(aside, target)
    finally:
        forget(aside)


def _write_twin(git: Git, target: Path, head: ObjectId, tree: ObjectId) -> None:
    """Makes HEAD of `target` a commit like `head` that holds `tree`, in the objects of `target` alone."""
    _, _, rest = git.run("cat-file", "commit", head).partition(b"\n")
    body = f"tree {tree}\n".encode() + rest
    raw = b"commit %d\0" % len(body) + body
    name = hashlib.new("sha256" if len(head) == 64 else "sha1", raw).hexdigest()
    place = target / ".git" / "objects" / name[:2] / name[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(raw))
    (target / ".git" / "HEAD").write_text(f"{name}\n")


def _config(git: Git, head: ObjectId) -> str:
    sha256 = len(head) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", "\tbare = false"]
    for key, value in git.settings:
        section, _, name = key.partition(".")
        if section == "core":
            lines.append(f"\t{name} = {value}")
    if sha256:
        lines += ["[extensions]", "\tobjectformat = sha256"]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> bytes:
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def _remove_lock(index: Path) -> None:
    # Only the holder of the tree's lock uses this index: a lock beside it was left by a git that was killed.
    index.with_name(index.name + ".lock").unlink(missing_ok=True)


def _remove_untracked(target: Path, listing: bytes) -> None:
    """Removes what `listing` does not name, or names as another kind; it is the output of `ls-tree -r -z`."""
    files, folders = _kinds(listing)
    pending = [""]
    while pending:
        folder = pending.pop()
        place = target / folder
        place.chmod(place.stat().st_mode | 0o700)
        for entry in list(os.scandir(place)):
            path = f"{folder}{entry.name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and path in folders:
                pending.append(f"{path}/")
            elif is_folder or path not in files:
                remove_entry(Path(entry.path))


def _kinds(listing: bytes) -> tuple[set[str], set[str]]:
    """The files and the folders that `listing` names; the folder of a submodule is one that holds nothing."""
    files: set[str] = set()
    folders: set[str] = set()
    for line in os.fsdecode(listing).split("\0")[:-1]:
        words, _, path = line.partition("\t")
        (folders if words.startswith(GITLINK) else files).add(path)
        while (path := path.rpartition("/")[0]) and path not in folders:
            folders.add(path)
    return files, folders


def _free_name(folder: Path) -> Path:
    number = 0
    while (free := folder / f"{_PUT_ASIDE}{number or ''}").exists():
        number += 1
    return free
