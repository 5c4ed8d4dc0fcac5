"""The frozen packet: what both lanes read, sealed by the digest of its manifest.

Not here: what goes into a packet; see `perform/packet.py`.
"""

import hashlib
import os
import shutil
import stat
from pathlib import Path

import msgspec

from verger_kernel.disk.durable import make_folder, sync_file
from verger_kernel.rules.ids import Digest
from verger_probes.records import sync_folder

MANIFEST = "manifest.json"


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
    folder: Path, contents: dict[str, bytes], *, run_id: str, item: str, attempt: int, round_: int
) -> Digest:
    """Writes a packet, read-only and durable, in place of whatever stands there; answers with its digest."""
    if folder.exists():
        thaw(folder)
        shutil.rmtree(folder)
    for name, data in sorted(contents.items()):
        _write(folder / name, data)
    files = tuple(
        PacketFile(path=name, sha256=digest_of(data), size_bytes=len(data))
        for name, data in sorted(contents.items())
    )
    manifest = Manifest(
        schema_version="verger.packet_manifest.v1",
        run_id=run_id,
        item_id=item,
        attempt=attempt,
        round=round_,
        files=files,
    )
    data = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"
    _write(folder / MANIFEST, data)
    for place in sorted({(folder / name).parent for name in contents} | {folder}, reverse=True):
        sync_folder(place)
        place.chmod(0o500)
    return digest_of(data)


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    path.write_bytes(data)
    path.chmod(0o400)
    sync_file(path)


def thaw(folder: Path) -> None:
    """Makes the folders of a packet writable again, for its writer and for whoever deletes a run."""
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]:
        if place.is_dir():
            place.chmod(0o700)


def is_intact(folder: Path, packet: Digest) -> bool:
    """Whether the packet still has the digest it was frozen with and nothing was changed, added or taken away."""
    try:
        data = _content(folder / MANIFEST)
        if digest_of(data) != packet:
            return False
        manifest = msgspec.json.decode(data, type=Manifest)
        names = {MANIFEST, *(one.path for one in manifest.files)}
        return _entries(folder) == names | _folders(names) and all(
            digest_of(_content(folder / one.path)) == one.sha256 for one in manifest.files
        )
    except OSError:
        return False


def _entries(folder: Path) -> set[str]:
    # Links are named but not entered: a folder behind one is missing here, and so is what nobody may read.
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _folders(names: set[str]) -> set[str]:
    return {parent.as_posix() for name in names for parent in Path(name).parents} - {"."}


def _content(path: Path) -> bytes:
    """The bytes of a plain file. Raises OSError for a link and for anything else that stands in its place."""
    # Not blocking: a named pipe in a file's place must be refused, not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read()


def digest_of(data: bytes) -> Digest:
    """The SHA-256 of `data`."""
    return Digest(hashlib.sha256(data).hexdigest())
