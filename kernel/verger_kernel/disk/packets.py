"""The frozen packet: what both lanes read, sealed by the digest of its manifest.

Not here: what goes into a packet; see `perform/packet.py`.
"""

import hashlib
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
    """Writes a packet, read-only and durable, in place of a half-written one; answers with its digest."""
    thaw(folder)
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
    path.unlink(missing_ok=True)
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
        data = (folder / MANIFEST).read_bytes()
        if digest_of(data) != packet:
            return False
        manifest = msgspec.json.decode(data, type=Manifest)
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if found != {one.path for one in manifest.files} | {MANIFEST}:
            return False
        return all(digest_of((folder / one.path).read_bytes()) == one.sha256 for one in manifest.files)
    except OSError:
        return False


def digest_of(data: bytes) -> Digest:
    """The SHA-256 of `data`."""
    return Digest(hashlib.sha256(data).hexdigest())
