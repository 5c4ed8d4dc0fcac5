"""What setup commands made, kept as sealed layers: whole or not at all, watched, and given to whom they may serve.

Not here: which layer a tree wants (`layer_keys.py`), how a command sees it below its tree (`process/rooms.py`).
"""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from verger_kernel.git.removal import remove
from verger_kernel.rules.ids import Digest
from verger_probes.decoding import decoded
from verger_probes.identity import boot_id
from verger_probes.records import RecordRefused, read_record, write_record

FILES = "files"
SEAL = "seal.json"
SHARED = "shared"
_MAKING = ".making-"
# A submodule's `.git` is a file that leads here; all else of the checkout's `.git` is made with the checkout.
_OF_GIT = Path(".git", "modules")


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a layer looked like when it was complete. Its files were never synced, so it holds for one boot."""

    schema_version: str
    boot_id: str
    fingerprint: Digest
    entries: int


@dataclass(frozen=True)
class Layer:
    """A sealed layer. `dropped` are what no layer can hold, sockets, pipes and devices, when it was made."""

    files: Path
    fingerprint: Digest
    entries: int
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerFolder:
    """The layers of a repository as one item of a run sees them: its own ones, and those that all may see.

    One process at a time writes here. `known` remembers what this process saw sealed, so that a seal that was
    written anew together with the files is not believed.
    """

    root: Path
    run: str
    item: str
    known: dict[Path, Digest] = field(default_factory=dict)

    def find(self, key: str) -> Layer | None:
        """The layer of `key`, unchanged since it was sealed; what is not goes, and None says: make it again."""
        return self._whole(self._shared(key)) or self._whole(self._own(key))

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """An empty folder on the disk of the layers, to make one in; it goes with the block."""
        place = self.root / self.run / self.item
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=_MAKING, dir=place))
        try:
            yield work
        finally:
            remove(work, self.root)

    def keep(self, key: str, work: Path, tracked: Collection[str]) -> Layer:
        """Takes what setup made in `work` as the item's layer of `key`; `work` is no longer whole and must go.

        It is made aside and then renamed. Raises OSError, for one when the disk is full: then there is no layer.
        """
        target = self._own(key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=_MAKING, dir=target.parent))
        try:
            dropped = taken(work, tracked, aside / FILES)
            made = seal(aside)
            remove(target, self.root)
            aside.rename(target)
        except BaseException:
            remove(aside, self.root)
            raise
        self.known[target] = made.fingerprint
        return Layer(target / FILES, made.fingerprint, made.entries, dropped)

    def trust(self, key: str) -> None:
        """Gives the item's layer of `key` to all: for when the item passed. Nothing happens where it has none."""
        own, shared = self._own(key), self._shared(key)
        layer = self._whole(own)
        if layer is None or self._whole(shared):
            return
        shared.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            own.rename(shared)
        except OSError as error:
            # Another run gave all the same layer a moment before.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return
        self.known[shared] = layer.fingerprint

    def trust_all(self) -> None:
        """Gives every layer of the item to all: for when it passed."""
        own = self.root / self.run / self.item
        for place in sorted(own.iterdir()) if own.is_dir() else ():
            if not place.name.startswith(_MAKING):
                self.trust(place.name)

    def drop(self) -> None:
        """Removes the item's own layers, half-made ones too."""
        remove(self.root / self.run / self.item, self.root)
        with suppress(OSError):
            (self.root / self.run).rmdir()

    def _whole(self, folder: Path) -> Layer | None:
        found = sealed(folder)
        if found and self.known.setdefault(folder, found.fingerprint) == found.fingerprint:
            return Layer(folder / FILES, found.fingerprint, found.entries)
        self.known.pop(folder, None)
        remove(folder, self.root)
        return None

    def _own(self, key: str) -> Path:
        return self.root / self.run / self.item / key

    def _shared(self, key: str) -> Path:
        return self.root / SHARED / key


def seal(folder: Path) -> Seal:
    """Writes beside `folder / FILES` what it looks like now. Raises OSError.

    Modes stay: a room shows them, and a test may write below what setup made. That no room writes into the layer
    itself is up to overlayfs or the copy; who goes round them changes a ctime, which only root can set back.
    """
    fingerprint, entries = _fingerprint(folder / FILES)
    made = Seal(
        schema_version="verger.layer_seal.v1", boot_id=boot_id(), fingerprint=fingerprint, entries=entries
    )
    write_record(folder / SEAL, msgspec.json.encode(made), durable=False)
    return made


def sealed(folder: Path) -> Seal | None:
    """The seal of the layer in `folder`; None where there is none, or it is broken, or of an earlier boot."""
    try:
        found = decoded(read_record(folder / SEAL), Seal)
        is_whole = found.boot_id == boot_id() and _fingerprint(folder / FILES)[0] == found.fingerprint
        return found if is_whole else None
    except (OSError, RecordRefused, msgspec.DecodeError):
        return None


def _fingerprint(files: Path) -> tuple[Digest, int]:
    """The digest of how every entry looks, in byte order of paths, and how many there are."""
    rows = [_row("", files.lstat())]
    rows += [_row(path, entry.stat(follow_symlinks=False)) for path, entry in _entries(files)]
    rows.sort()
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row)
    return Digest(digest.hexdigest()), len(rows)


def _row(path: str, looks: os.stat_result) -> bytes:
    times = f"{looks.st_mtime_ns} {looks.st_ctime_ns}"
    row = f"{looks.st_mode:o} {looks.st_uid} {looks.st_gid} {looks.st_size} {looks.st_ino} {times}"
    return os.fsencode(path) + f"\0{row}\n".encode()


def _entries(top: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below `top` with its path from there, a folder before what is in it. No link is followed."""
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in list(os.scandir(top / folder)):
            path = f"{folder}{entry.name}"
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                pending.append(f"{path}/")


def taken(work: Path, tracked: Collection[str], target: Path) -> tuple[str, ...]:
    """Moves all that setup made in `work`, that is, what git does not track there, to `target` on the same disk.

    A tracked file that setup changed stays, what Python compiled of tracked files, and `.git` but for its submodules.
    Links stay as they are.
    Hard-linked files are copied, for a package store outside shares them. Answers with the paths that were dropped:
    sockets, pipes and devices. Raises OSError.
    """
    target.mkdir(mode=0o755)
    files = set(tracked)
    folders = {path[:end] for path in files for end in range(len(path)) if path[end] == "/"}
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in list(os.scandir(work / folder)):
            path = f"{folder}{entry.name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if path == ".git":
                _move(_OF_GIT, work, target)
            elif is_folder and (path in files or path in folders):
                pending.append(f"{path}/")
            elif path not in files and path not in folders and not _is_bytecode(entry.name):
                _move(Path(path), work, target)
    return _tidied(target)


def _is_bytecode(name: str) -> bool:
    # Beside a tracked source: Python tells what it compiled from another tree by size and second alone.
    return name == "__pycache__" or name.endswith(".pyc")


def _move(path: Path, work: Path, target: Path) -> None:
    place, into = work / path, target / path
    if not os.path.lexists(place):
        return
    into.parent.mkdir(parents=True, exist_ok=True)
    with _writable(place.parent):
        looks = place.lstat()
        if not stat.S_ISDIR(looks.st_mode):
            place.rename(into)
            return
        # To move a folder rewrites its `..`, which needs the right to write in it.
        place.chmod(0o700)
        place.rename(into)
        into.chmod(stat.S_IMODE(looks.st_mode))


def _tidied(files: Path) -> tuple[str, ...]:
    """Makes of what setup left something that can be read, copied and watched; says what was dropped for that."""
    dropped = []
    files.chmod(0o755)
    for path, entry in _entries(files):
        looks = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(looks.st_mode):
            # It is listed after this. Its owner could not use it either, but we must look into it.
            _allow(entry, looks, 0o500)
        elif stat.S_ISREG(looks.st_mode):
            _allow(entry, looks, 0o400)
            if looks.st_nlink > 1:
                _copy_apart(Path(entry.path))
        elif not stat.S_ISLNK(looks.st_mode):
            dropped.append(path)
            with _writable(Path(entry.path).parent):
                Path(entry.path).unlink()
    return tuple(sorted(dropped))


def _allow(entry: os.DirEntry[str], looks: os.stat_result, bits: int) -> None:
    if looks.st_mode & bits != bits:
        Path(entry.path).chmod(stat.S_IMODE(looks.st_mode) | bits)


def _copy_apart(place: Path) -> None:
    with _writable(place.parent):
        descriptor, twin = tempfile.mkstemp(prefix=_MAKING, dir=place.parent)
        os.close(descriptor)
        shutil.copy2(place, twin)
        Path(twin).replace(place)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(mode | 0o700)
    yield
    folder.chmod(mode)
