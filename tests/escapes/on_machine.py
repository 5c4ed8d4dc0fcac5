"""Attempts on the machine: mounts, devices, rights that were given up, the system's own settings.

Not here: processes (`on_processes.py`) and networks (`on_network.py`).
"""

import ctypes
import os
import platform
from pathlib import Path

from tests.escapes.attempt import Attempt, looted, made, marked
from tests.escapes.world import World

_ADD_KEY, _REQUEST_KEY, _KEYCTL = (248, 249, 250) if platform.machine() == "x86_64" else (217, 218, 219)
_SESSION_OF_USER, _UNLINK = -5, 9

_KEY = f"""
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
for ring in (-3, -4, -5):
    key = libc.syscall({_KEYCTL}, 10, ring, b"user", sys.argv[1].encode(), 0)
    if key > 0:
        text = ctypes.create_string_buffer(100)
        libc.syscall({_KEYCTL}, 11, key, text, 100)
        print(text.value.decode())
"""
_CHROOT = """
import os, sys
os.makedirs("docs/cell", exist_ok=True)
try:
    os.chroot("docs/cell")
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
except OSError:
    pass
open(sys.argv[1] + "/climbed", "w")
"""
_HANDLE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
found = libc.open_by_handle_at(os.open(".", os.O_RDONLY), bytes.fromhex(sys.argv[1]), os.O_RDONLY)
if found >= 0:
    os.close(os.open("handled", os.O_CREAT | os.O_WRONLY, dir_fd=found))
"""


def _python(code: str, *words: str) -> str:
    return f"cat > docs/a.py <<'END'\n{code}END\n\"$PY\" -I -S docs/a.py {' '.join(words)}; rm -f docs/a.py"


def _key(world: World) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    data = world.secret.encode()
    key = libc.syscall(_ADD_KEY, b"user", f"verger-escape-{world.number}".encode(), data, len(data), -4)
    # For whoever has the user's number, not only for who holds the ring.
    libc.syscall(_KEYCTL, 5, key, 0x3F3F0000)
    libc.syscall(_KEYCTL, 15, key, 120)


def _group(world: World) -> None:
    for place in _groups(world):
        world.foreign(place)


def _groups(world: World) -> list[Path]:
    parents = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    return [Path(parent, f"verger-escape-{world.number}") for parent in parents]


def _is_mounted(world: World) -> bool:
    return str(world.outside) in Path("/proc/self/mounts").read_text(encoding="utf-8")


def _has_device(world: World) -> bool:
    found = (world.place.state / "verger").rglob("disk-*")
    return any(one.is_block_device() for one in found)


def _pattern_changed(world: World) -> bool:
    return world.mark in Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8")


def _name_changed(world: World) -> bool:
    return world.number in os.uname().nodename


_AS_ROOT = "only root could, and then the machine would be changed"

MACHINE = (
    Attempt(
        "mount",
        "mounts over a folder outside.",
        'mount -t tmpfs escape "$OUT"',
        _is_mounted,
        unproved="a command has mounts of its own, without a sandbox too",
    ),
    Attempt(
        "mount-in-namespace",
        "makes what is read-only writable in a namespace of its own.",
        'unshare --user --map-current-user --keep-caps --mount sh -c "mount -o remount,bind,rw \\"$CHECKOUT\\"; '
        'mount -o remount,rw \\"$CHECKOUT\\"; echo $MARK > \\"$CHECKOUT/regained\\""',
        marked("$CHECKOUT/regained"),
    ),
    Attempt(
        "umount",
        "takes away what covers the user's git folder, and reads it.",
        'umount -l "$GITDIR" "$STATE"; unshare -Urm sh -c "umount -l \\"$GITDIR\\"; '
        'cat \\"$GITDIR/config\\""; cat "$GITDIR/config"',
        looted,
    ),
    Attempt(
        "pivot-root",
        "goes back to the root folder that it came from.",
        'unshare -Urm sh -c "mkdir -p /tmp/o; pivot_root / /tmp/o; touch \\"/tmp/o$OUT/pivoted\\""; '
        'touch "/oldroot$OUT/pivoted" "$OUT/pivoted"',
        made("pivoted"),
    ),
    Attempt("chroot", "climbs out of a root folder of its own.", _python(_CHROOT, '"$OUT"'), made("climbed")),
    Attempt(
        "file-handle",
        "opens a folder by its handle instead of its name.",
        _python(_HANDLE, '"$HANDLE"'),
        made("handled"),
    ),
    Attempt(
        "device",
        "makes a device node for a disk.",
        'mknod "docs/disk-$N" b 7 0; sleep 0.1',
        _has_device,
        proof="",
        unproved=_AS_ROOT,
    ),
    Attempt(
        "host-disk",
        "reads the disks of the machine below their files.",
        "for disk in /dev/[svn]d* /dev/vd* /dev/nvme* /dev/mem /dev/kmem; "
        'do [ -b "$disk" ] && head -c 64 "$disk" > /dev/null && touch "$OUT/disk"; done',
        made("disk"),
        unproved="only root could, where a disk has a name",
    ),
    Attempt(
        "setns",
        "enters the namespaces of the first process that it sees.",
        'nsenter --target 1 --mount --net --pid touch "$OUT/entered"; '
        'nsenter --target "$VICTIM" --mount touch "$OUT/entered"; touch "$OUT/entered"',
        made("entered"),
    ),
    Attempt(
        "control-group",
        "makes a control group of its own.",
        'for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do mkdir "$at/verger-escape-$N"; done; '
        "mkdir -p docs/g; "
        'unshare -UrmC sh -c "mount -t cgroup2 none docs/g && mkdir docs/g/verger-escape-$N"; '
        "rmdir docs/g",
        lambda world: any(place.exists() for place in _groups(world)),
        lay=_group,
    ),
    Attempt(
        "core-pattern",
        "names a program for the system to start on the next crash.",
        'echo "|/bin/false $MARK" > /proc/sys/kernel/core_pattern; '
        'unshare -Urpf --mount-proc sh -c "echo \\"|/bin/false $MARK\\" > /proc/sys/kernel/core_pattern"',
        _pattern_changed,
        proof="",
        unproved=_AS_ROOT,
    ),
    Attempt(
        "host-name",
        "gives the machine another name.",
        'hostname "escape-$N"; echo "escape-$N" > /proc/sys/kernel/hostname',
        _name_changed,
        proof="",
        unproved=_AS_ROOT,
    ),
    Attempt(
        "keyring",
        "reads a key out of the user's keyring of the system.",
        _python(_KEY, '"verger-escape-$N"'),
        looted,
        lay=_key,
    ),
)
