"""How a run at rest stands, read from its files: what it came to, what came for it, and what was done about it before.

Not here: what follows from it; see `rules/recovery.py`. Reads the disk, so it is not for the loop.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_daemon.roster import OnRecord
from verger_daemon.rules.causes import Situation
from verger_daemon.rules.records import Intervention
from verger_daemon.rules.recovery import Act
from verger_kernel.disk.layout import RunFolder
from verger_kernel.rules import state as s
from verger_kernel.rules.saved import decode, goes_on
from verger_kernel.snapshot import state_name
from verger_probes.decoding import decoded
from verger_probes.identity import boot_id
from verger_probes.locks import is_held
from verger_probes.records import RecordRefused, read_record

SETTLED_S = 1.0
"""For how long evidence must not have changed before it is taken: whoever copies it there may still be at it."""
_DIGESTED_BYTES = 64 << 20


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A run at rest. `words` are those of a kernel that goes on with it; `is_settling` says that evidence comes now."""

    situation: Situation
    past: tuple[Act, ...]
    words: tuple[str, ...]
    is_settling: bool


def inbox(run_root: Path) -> Path:
    """Where evidence for a waiting item is put: a folder named after the item."""
    return run_root / "inbox"


def look(folder: RunFolder, kept: OnRecord, *, breach: str = "") -> Found | None:
    """The run at `folder`, None where its state cannot be read; `breach` is why the daemon ended its kernel."""
    try:
        saved = decode(read_record(folder.run_state))
    except (OSError, RecordRefused, msgspec.DecodeError, UnicodeDecodeError):
        return None
    stage = saved.stage
    item = "" if isinstance(stage, s.Opening | s.Idle) else stage.spot.item
    came = inbox(folder.root) / item if isinstance(stage, s.BlockedExternal) else None
    files = _files(came) if came else ()
    is_settling = any(time.time() - file.stat.st_mtime < SETTLED_S for file in files)
    situation = Situation(
        run_id=saved.run_id,
        item=item,
        state=state_name(stage),
        exit_code=kept.exit_code,
        is_open=bool(saved.invocation),
        goes_on=goes_on(saved),
        passed=saved.passed.count,
        trouble=saved.trouble,
        park=saved.park,
        evidence=_digest(files) if files and not is_settling else "",
        breach=breach,
        is_held=is_held(folder.run_lock),
        is_stopped=kept.is_stopped,
        is_rebooted=kept.identity.boot_id != boot_id(),
    )
    words: tuple[str, ...] = ("--auto-advance",) if saved.auto_advance else ()
    if saved.items_left is not None:
        words += ("--max-items", str(saved.items_left))
    if situation.evidence:
        words += ("--external-evidence-dir", str(came))
    return Found(situation=situation, past=tuple(_acts(folder.root)), words=words, is_settling=is_settling)


class _File(msgspec.Struct, frozen=True):
    name: str
    path: str
    stat: os.stat_result


def _files(folder: Path) -> tuple[_File, ...]:
    """Every plain file below `folder`, by name; empty when there is no such folder."""
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)  # noqa: PTH118 - a Path a file is not needed
            with suppress(OSError):
                found.append(_File(os.path.relpath(path, folder), path, os.lstat(path)))
    return tuple(sorted(found, key=lambda file: file.name))


def _digest(files: tuple[_File, ...]) -> str:
    """What names this evidence: its names and bytes; of more than can be read at once the sizes alone."""
    is_small = sum(file.stat.st_size for file in files) <= _DIGESTED_BYTES
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.stat.st_size}\0".encode(errors="surrogateescape"))
        if is_small:
            with suppress(OSError), open(file.path, "rb") as data:  # noqa: PTH123
                digest.update(hashlib.file_digest(data, "sha256").digest())
    return digest.hexdigest()


def _acts(run_root: Path) -> Iterator[Act]:
    """What was done about the run by any daemon, oldest first; a record that cannot be read is left to people."""
    for path in sorted((run_root / "supervision" / "interventions").glob("[0-9]*.json")):
        with suppress(OSError, RecordRefused, msgspec.DecodeError):
            record = decoded(read_record(path), Intervention)
            if record.fingerprint:
                yield Act(
                    kind=record.action_kind, fingerprint=record.fingerprint, at_utc_ms=record.observed_utc_ms
                )
