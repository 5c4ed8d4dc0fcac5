"""The frozen packet: what both lanes read, sealed by the digest of its manifest.

Not here: what goes into a packet; see `perform/packet.py`.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_kernel.rules.ids import Digest
from verger_probes.decoding import decoded

MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 64 << 20


class PacketFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of the packet by name and content."""

    path: str
    sha256: Digest
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the packet holds, files by path, and which call it is for."""

    schema_version: str
    run_id: str
    item_id: str
    attempt: int
    round: int
    files: tuple[PacketFile, ...]


def write(
    folder: Path, contents: Mapping[str, bytes], sealed: bytes, kept: Mapping[str, Path] | None = None
) -> None:
    """Writes a packet with the manifest `sealed`, read-only, in place of whatever stands there.

    What a file of `kept` holds already is that file once more: a run has one plan, however many packets it has.
    None of it waits for the disk: what a power cut takes is frozen again, and has the same digest.
    """
    if folder.exists():
        thaw(folder)
        shutil.rmtree(folder)
    linked = {name for name, file in (kept or {}).items() if _linked(folder / name, file)}
    rest = {name: data for name, data in contents.items() if name not in linked}
    lay_copy(folder, {**rest, MANIFEST: sealed})


def _linked(path: Path, file: Path) -> bool:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.hardlink_to(file)
    except OSError:
        # Too many already, or a disk that has none.
        return False
    path.chmod(0o400)
    return True


def manifest(contents: Mapping[str, bytes], *, run_id: str, item: str, attempt: int, round_: int) -> bytes:
    """The manifest of a packet that holds `contents`; its digest is the packet's."""
    files = tuple(
        PacketFile(path=name, sha256=digest_of(data), size_bytes=len(data))
        for name, data in sorted(contents.items())
    )
    told = Manifest(
        schema_version="verger.packet_manifest.v1",
        run_id=run_id,
        item_id=item,
        attempt=attempt,
        round=round_,
        files=files,
    )
    return msgspec.json.format(msgspec.json.encode(told, order="deterministic"), indent=2) + b"\n"


def _places(folder: Path, names: Iterable[str]) -> list[Path]:
    """Every folder of a packet, those within others first."""
    return [*sorted((folder / inner for inner in _folders(names)), reverse=True), folder]


def thaw(folder: Path) -> None:
    """Makes the folders of a packet writable again, for its writer and for whoever deletes a run."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        if place.is_dir():
            place.chmod(0o700)


class PacketChanged(Exception):
    """A packet that is no longer what was frozen; `paths` are what was changed, added or taken away."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(f"the packet changed: {', '.join(paths)}")
        self.paths = paths


def is_intact(folder: Path, packet: Digest) -> bool:
    """Whether the packet still has the digest it was frozen with and nothing was changed, added or taken away."""
    return not changed(folder, packet)


def changed(folder: Path, packet: Digest) -> tuple[str, ...]:
    """What was changed, added or taken away since the packet was frozen, by path, sorted; empty if nothing.

    Only the manifest is named when it was changed: nothing else can be told then.
    """
    try:
        contents(folder, packet)
    except PacketChanged as what:
        return what.paths
    return ()


def contents(folder: Path, packet: Digest) -> dict[str, bytes]:
    """Every file of the packet by path, its manifest too, proved to be what was frozen. Raises PacketChanged."""
    try:
        sealed = plain_content(folder / MANIFEST, MANIFEST_BYTES_MAX)
    except OSError:
        sealed = b""
    if digest_of(sealed) != packet:
        raise PacketChanged((MANIFEST,))
    files = decoded(sealed, Manifest).files
    found = {MANIFEST: sealed}
    for one in files:
        with suppress(OSError):
            found[one.path] = plain_content(folder / one.path, one.size_bytes)
    bad = {one.path for one in files if not _is_same(found.get(one.path), one)}
    names = {MANIFEST, *(one.path for one in files)}
    bad |= _entries(folder) ^ (names | _folders(names))
    if bad:
        raise PacketChanged(tuple(sorted(bad)))
    return found


def _is_same(data: bytes | None, file: PacketFile) -> bool:
    return data is not None and digest_of(data) == file.sha256


def lay_copy(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes `files` below the new `folder`, read-only; nothing waits for the disk, for it is thrown away again."""
    for place in reversed(_places(folder, files)):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        path.chmod(0o400)
    for place in _places(folder, files):
        place.chmod(0o500)


def remove_copy(folder: Path) -> None:
    """Throws a copy away."""
    thaw(folder)
    shutil.rmtree(folder)


def _entries(folder: Path) -> set[str]:
    # Links are named but not entered: a folder behind one is missing here, and so is what nobody may read.
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _folders(names: Iterable[str]) -> set[str]:
    return {parent.as_posix() for name in names for parent in Path(name).parents} - {"."}


def plain_content(path: Path, bytes_max: int) -> bytes:
    """The bytes of a plain file, one more than `bytes_max` at most. Raises OSError for anything else in its place."""
    # Not blocking: a named pipe in a file's place must be refused, not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(bytes_max + 1)


def digest_of(data: bytes) -> Digest:
    """The SHA-256 of `data`."""
    return Digest(hashlib.sha256(data).hexdigest())
