"""External evidence: a folder a person supplies, copied into the attempt and named by its digest.

Not here: whether an item needs any; the playbook says so.
"""

import hashlib
import shutil
from pathlib import Path

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import Digest
from verger_probes.exits import Exit
from verger_probes.records import write_record


def check(folder: Path) -> None:
    """Raises CommandError unless `folder` is a folder with at least one file and nothing but files and folders."""
    hint = "name a folder that holds the files the playbook asks for"
    if not folder.is_dir():
        raise CommandError(f"evidence folder {folder} is no folder", hint, Exit.INPUT)
    odd = _odd(folder)
    if odd:
        raise CommandError(
            f"evidence {odd} is no regular file with a readable name",
            "copy the file itself there",
            Exit.INPUT,
        )
    if not any(path.is_file() for path in folder.rglob("*")):
        raise CommandError(f"evidence folder {folder} is empty", hint, Exit.INPUT)


def _odd(folder: Path) -> Path | None:
    """The first link, pipe or device in `folder`, or name that is no Unicode: what no digest and no packet can hold."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()) or _is_no_unicode(path.name):
            return path
    return None


def _is_no_unicode(name: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in name)


def take(source: Path, attempt: AttemptFolder) -> Digest:
    """Copies `source` into the attempt, in place of a half-made copy; answers with the digest of what was copied.

    Raises OSError when it cannot be copied, or holds by now what `check` would refuse.
    """
    shutil.rmtree(attempt.evidence, ignore_errors=True)
    make_folder(attempt.evidence.parent)
    shutil.copytree(source, attempt.evidence, symlinks=True)
    odd = _odd(attempt.evidence)
    if odd:
        raise OSError(
            f"evidence {source / odd.relative_to(attempt.evidence)} is no regular file with a readable name"
        )
    digest = digest_folder(attempt.evidence)
    write_record(attempt.evidence_digest, digest.encode() + b"\n", durable=True)
    return digest


def digest_folder(folder: Path) -> Digest:
    """The SHA-256 over every file's path and content, paths sorted: `path NUL hex NUL` each."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        name = path.relative_to(folder).as_posix()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(name.encode("utf-8", "surrogateescape") + b"\0" + content.encode() + b"\0")
    return Digest(total.hexdigest())
