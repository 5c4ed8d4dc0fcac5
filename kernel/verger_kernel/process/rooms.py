"""Rooms: a throw-away tree, and how a command is run so that it finds nothing above its own folder.

Not here: what the sealed layer holds (`disk/dependencies.py`), what lies above a tree (`ancestors.py`).
"""

import errno
import io
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from verger_kernel.process.environment import absolute_path

ROOM_FAILED = 125
"""The exit code of a program whose room could not be mounted; a line on stderr says why. See `Room.was_made`."""

_POINTS = ("/srv", "/mnt", "/media")
_TRIAL_S = 10.0

# By descriptor, not by path: overlayfs gives a meaning to comma, colon and backslash, and mountinfo shows no path.
_FOLDERS = "lowerdir=/proc/self/fd/3,upperdir=/proc/self/fd/4,workdir=/proc/self/fd/5"
_LAYERS = f"{_FOLDERS},index=off"
_OVERLAY = '"$1" -n -t overlay -o "$2" verger "$3" 3<"$4" 4<"$5" 5<"$6"'
_BIND = '"$1" -n --bind /proc/self/fd/4 "$3" 4<"$5"'
# bash, for dash drops variables whose names it does not like; -p, for BASH_ENV is the command's alone.
_ENTER = """\
why=$({mount} 2>&1) && cd -P -- "$3" && unset OLDPWD && : >"$7" || {{
    printf 'verger: cannot make the room: %s\\n' "$why" >&2
    exit {failed}
}}
shift 7
exec "$@"
"""


@dataclass(frozen=True)
class Entry:
    """How this user's commands enter a mounted room: the mount point, and the programs before and after the mount."""

    point: Path
    before: tuple[str, ...]
    mount: str
    options: str
    after: tuple[str, ...]

    @property
    def overlay_options(self) -> str:
        """The options beside the three folders, which are named another way where there is a sandbox."""
        return self.options.removeprefix(f"{_FOLDERS},")


@dataclass(frozen=True)
class Room:
    """One throw-away tree and how a command is run in it.

    `work` is the recorded tree; what commands write lands there, and what they remove of `layer` leaves marks of
    overlayfs there. `layer` is never written. `scratch` is a folder of this room alone, on the disk of `work`.
    """

    work: Path
    layer: Path | None
    scratch: Path
    entry: Entry | None = None
    identity: tuple[int, int] | None = None
    """Device and inode of `work` when the room was opened."""

    @property
    def stands(self) -> bool:
        """Whether `work` still is the folder that it was, and no command put another, or a link, in its place."""
        return _identity(self.work) == self.identity

    @property
    def mounted(self) -> bool:
        """Whether each command gets a mount namespace of its own, with the tree on a mount point below `/`."""
        return self.entry is not None

    @property
    def inside(self) -> Path:
        """The folder that a command sees as its own: the same in every room of this process where mounted."""
        return self.entry.point if self.entry else self.work

    def argv(self, command: str) -> tuple[str, ...]:
        """The program that runs `command` with bash in the room, in place of itself: pid, session, exit code, signals,
        descriptors and environment are the command's own. For one run; the room's commands come one after the other.
        """
        plain = ("bash", "-c", command)
        if self.entry is None:
            return plain
        enter = _ENTER.format(mount=_OVERLAY if self.layer else _BIND, failed=ROOM_FAILED)
        mark = self.scratch / f"made-{secrets.token_hex(8)}"
        places = (self.entry.point, self.layer or self.work, self.work, self._overlay, mark)
        arguments = (self.entry.mount, self.entry.options, *map(str, places))
        return *self.entry.before, "-c", enter, "verger", *arguments, *self.entry.after, *plain

    def was_made(self, argv: tuple[str, ...]) -> bool:
        """Whether the program `argv`, once it ended, got as far as the command. If not, its exit code says nothing.

        It may have failed before anything of ours ran: where the machine has no namespace left, for one.
        """
        if self.entry is None:
            return True
        return Path(argv[-len(self.entry.after) - 4]).exists()

    @property
    def _overlay(self) -> Path:
        return self.scratch / "overlay"


def can_mount(folder: Path | None = None) -> bool:
    """Whether rooms on the disk of `folder`, else of the temporary folder, are mounted.

    Found out once a process and disk, by trying it with what is allowed here. Never raises.
    """
    return _entry(folder or Path(tempfile.gettempdir())) is not None


def inside(work: Path) -> Path:
    """What `Room.inside` will be in a room of `work`, which need not be there yet."""
    entry = _entry(work)
    return entry.point if entry else work


def opened(work: Path, layer: Path | None, scratch: Path) -> Room:
    """The room of `work`, a fresh checkout that has no other room, over `layer`, whose files are never written.

    Where it cannot be mounted, what the tree does not have is copied from `layer` into it. Raises OSError.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    room = Room(work, layer, scratch, _entry(scratch), _identity(work))
    if room.mounted:
        room._overlay.mkdir(mode=0o700, exist_ok=True)
    elif layer is not None:
        copy_missing(layer, work)
    return room


def _identity(folder: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        looks = folder.lstat()
        return (looks.st_dev, looks.st_ino) if stat.S_ISDIR(looks.st_mode) else None
    return None


_entries: dict[int, Entry | None] = {}
"""How rooms are entered, by the device they lie on."""


def _entry(folder: Path) -> Entry | None:
    try:
        while not folder.exists():
            folder = folder.parent
        device = folder.stat().st_dev
        if device not in _entries:
            _entries[device] = next((one for one in known_entries() if _works(one, folder)), None)
        return _entries[device]
    except OSError:
        return None


@cache
def known_entries() -> tuple[Entry, ...]:
    """The ways into a mounted room that this machine has the programs for; whether one works is another question.

    First that of who may mount, then that of anybody: in a user namespace where only the own user exists, so that
    `sudo` fails there and files of others show as nobody's.
    """
    path = absolute_path(os.environ.get("PATH", "")) or os.defpath
    names = ("unshare", "bash", "mount", "setpriv")
    unshare, bash, mount, setpriv = (shutil.which(name, path=path) for name in names)
    point = _point()
    if not (point and unshare and bash and mount):
        return ()
    shell = (bash, "-p")
    found = [Entry(point, (unshare, "--mount", *shell), mount, f"{_LAYERS},metacopy=off,redirect_dir=on", ())]
    if setpriv:
        own = (unshare, "--user", "--map-current-user", "--keep-caps", "--mount")
        drop = (setpriv, "--ambient-caps=-all", "--inh-caps=-all")
        found.append(Entry(point, (*own, *shell), mount, f"{_LAYERS},userxattr", drop))
    return tuple(found)


def _point() -> Path | None:
    """A folder of root's, empty, with no ancestor but `/`: to mount on it hides nothing."""
    return next((place for place in map(Path, _POINTS) if _is_free(place)), None)


def _is_free(place: Path) -> bool:
    try:
        is_own_folder = place.is_dir() and not place.is_symlink() and place.stat().st_uid == 0
        return is_own_folder and not any(place.iterdir())
    except OSError:
        return False


def _works(entry: Entry, folder: Path) -> bool:
    """Whether a command in such a room sees both trees, may change both, and is who we are, with no right more."""
    with tempfile.TemporaryDirectory(prefix=".verger-room-", dir=folder) as name:
        room = Room(Path(name, "work"), Path(name, "layer"), Path(name, "scratch"), entry)
        for place in (room.work, room.layer, room.scratch, room._overlay):
            assert place is not None
            place.mkdir()
            (place / f"of-{place.name}").touch()
        (room._overlay / "of-overlay").unlink()
        argv = room.argv("rm of-layer of-work && : >new && cat /proc/self/status")
        try:
            ended = subprocess.run(
                argv, cwd=name, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_S, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return ended.returncode == 0 and _rights(ended.stdout) == _rights(
            Path("/proc/self/status").read_bytes()
        )


def _rights(status: bytes) -> list[bytes]:
    return [
        line for line in status.splitlines() if line.startswith((b"Uid:", b"Gid:", b"CapPrm:", b"CapEff:"))
    ]


def copy_missing(layer: Path, work: Path) -> None:
    """Copies what `layer` has and `work` has not, as overlayfs would show it: what is no folder in both is the tree's.

    No link is followed, and modes and times are kept. Never hard links: a write must not reach the layer.
    """
    made: list[tuple[str, os.stat_result]] = []
    pending = [(str(layer), str(work))]
    while pending:
        source, target = pending.pop()
        for found in os.scandir(source):
            place = f"{target}/{found.name}"
            if found.is_dir(follow_symlinks=False):
                if not os.path.lexists(place):
                    Path(place).mkdir(mode=0o700)
                    made.append((place, found.stat(follow_symlinks=False)))
                if stat.S_ISDIR(os.lstat(place).st_mode):
                    pending.append((found.path, place))
            elif not os.path.lexists(place):
                _copy_one(found, place)
    # Last and innermost first: a folder may be read-only, and to fill it changes its time.
    for place, looks in reversed(made):
        _dress(place, looks)


def _copy_one(source: os.DirEntry[str], target: str) -> None:
    if source.is_symlink():
        Path(target).symlink_to(Path(source.path).readlink())
        return
    with io.FileIO(source.path) as giver, io.FileIO(target, "x") as taker:
        looks = os.fstat(giver.fileno())
        if not _share(giver.fileno(), taker.fileno(), looks.st_size):
            with io.BufferedWriter(taker) as writer:
                shutil.copyfileobj(giver, writer)
    _dress(target, looks)


def _share(giver: int, taker: int, size: int) -> bool:
    """Whether the system itself copied all: it shares the blocks where the disk can, as btrfs and xfs do."""
    if not hasattr(os, "copy_file_range"):
        return False
    try:
        done = 0
        while done < size and (step := os.copy_file_range(giver, taker, size - done, done, done)):
            done += step
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        return False
    return done == size


def _dress(place: str, looks: os.stat_result) -> None:
    Path(place).chmod(looks.st_mode & 0o7777)
    os.utime(place, ns=(looks.st_atime_ns, looks.st_mtime_ns))
