"""The real kernel on a machine that loses its power: it notes what it synced, dies, and what it did not sync is gone.

Not here: git, whose own syncs are taken for granted; `git/settings.py` asks for them.

`python -P powerless_kernel.py NOTES N BOOT -- ARGV…` notes every sync in the file NOTES and dies right after its N-th
record was written, or never for 0. To it, this is the boot BOOT.
"""

import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from verger_kernel.__main__ import main
from verger_kernel.disk.journal import Journal
from verger_kernel.rules.events import Event
from verger_kernel.rules.now import Now
from verger_probes import identity


def _dying(at: int) -> None:
    append, seen = Journal.append, [0]

    def append_and_die(journal: Journal, now: Now, event: Event) -> None:
        append(journal, now, event)
        seen[0] += 1
        if seen[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.append = append_and_die  # type: ignore[method-assign]  # the one seam: the moment of a record


def _noting(notes: Path) -> None:
    file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _noted(getattr(os, name), file))


def _noted(sync: Callable[[int], None], notes: int) -> Callable[[int], None]:
    def sync_and_note(descriptor: int) -> None:
        looks = os.fstat(descriptor)
        names = None
        if stat.S_ISDIR(looks.st_mode):
            names = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        sync(descriptor)
        line = json.dumps([looks.st_ino, looks.st_size, looks.st_mtime_ns, names])
        os.write(notes, line.encode() + b"\n")

    return sync_and_note


def _booted(name: str) -> None:
    known = identity.boot_id
    for module in list(sys.modules.values()):
        if getattr(module, "boot_id", None) is known:
            module.boot_id = lambda: name  # type: ignore[attr-defined]


def lose(folder: Path, notes: Path, spared: Collection[str] = ()) -> tuple[str, ...]:
    """Takes from `folder` all that the notes do not know as synced, as the harshest disk would; says what.

    A file that was synced and then grew has its old length, one that was rewritten is empty, and a name that its folder
    was not synced with is gone. Files with a name in `spared` reached the disk by luck.
    """
    files: dict[int, tuple[int, int]] = {}
    names: dict[int, dict[str, int]] = {}
    for line in notes.read_text().splitlines():
        inode, size, written, held = json.loads(line)
        if held is None:
            files[inode] = (size, written)
        else:
            names[inode] = held
    return tuple(_lost(folder, files, names, spared))


def _lost(
    folder: Path,
    files: dict[int, tuple[int, int]],
    names: dict[int, dict[str, int]],
    spared: Collection[str],
) -> list[str]:
    gone: list[str] = []
    held = names.get(folder.stat().st_ino, {})
    folder.chmod(0o700)
    for path in sorted(one for one in folder.iterdir() if one.name not in spared):
        looks = path.lstat()
        if held.get(path.name) != looks.st_ino:
            gone.append(path.name)
            if stat.S_ISDIR(looks.st_mode):
                _open(path)
                shutil.rmtree(path)
            else:
                path.unlink()
        elif stat.S_ISDIR(looks.st_mode):
            gone += _lost(path, files, names, spared)
        elif stat.S_ISREG(looks.st_mode):
            size, written = files.get(looks.st_ino, (0, 0))
            if looks.st_mtime_ns > written:
                gone.append(path.name)
                os.truncate(path, size if looks.st_size > size else 0)
    return gone


def _open(folder: Path) -> None:
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


if __name__ == "__main__":
    notes_file, number, boot, _, *argv = sys.argv[1:]
    _booted(boot)
    _noting(Path(notes_file))
    _dying(int(number))
    sys.argv = ["verger", *argv]
    sys.exit(main())
