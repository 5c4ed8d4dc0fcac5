"""What a job sees of the machine and what it may write: one sandbox for agents and commands, as a plan for `inside.py`.

Not here: making it (`inside.py`, `inner_root.py`), and which folders hold the tools (`toolchains.py`).

Its root folder is an allowlist. All that is not named here or by the caller is not there: no socket under /run or /tmp,
no home, no state of Verger's.
"""

import os
import stat
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PROXY_PORT = 3128
"""Where the proxy listens on the loopback of a sandbox that may reach hosts."""
TREE = Path("/verger/tree")
"""The folder of a verification tree inside of every sandbox that has one: nothing lies above it."""

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix", "gnu")
# Of /etc what programs read to name users, find libraries, trust certificates and know the time; no secret.
# fmt: off
_ETC = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies",
    "debian_version", "environment", "fonts", "gai.conf", "group", "host.conf", "hosts", "inputrc",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs",
    "lsb-release", "magic", "mailcap", "maven", "mime.types", "networks", "nsswitch.conf", "os-release",
    "passwd", "perl", "pki", "profile", "profile.d", "protocols", "redhat-release", "rpc", "services", "sgml",
    "shells", "ssl", "terminfo", "timezone", "xml",
)
# fmt: on
_ETC_BEGINNINGS = ("java-", "python", "ruby", "php", "fedora-release", "alpine-release", "arch-release")
_COVERED = ("/etc/ssl/private", "/etc/pki/tls/private", "/usr/src")
_FRESH = (("/tmp", 0o1777), ("/run", 0o755), ("/var/tmp", 0o1777), ("/dev/shm", 0o1777))


@dataclass(frozen=True)
class Shown:
    """A file or folder of the machine that the job sees: `place`, real, at `at`."""

    place: Path
    at: Path
    is_writable: bool = False


@dataclass(frozen=True)
class Layers:
    """A throw-away tree: `work`, with what it lacks shown of `layer`, `scratch` beside it for overlayfs."""

    work: Path
    layer: Path | None
    scratch: Path
    options: str


@dataclass(frozen=True)
class Sandbox:
    """What a job gets. `hidden` are places that stay out of sight also where something shown holds them.

    `home` is a fresh folder unless something is shown there. `hosts`, each `host:port`, are what it may reach, by the
    proxy alone; without any there is no network but its own loopback. `folder` is where it begins.
    """

    folder: Path
    home: Path
    shown: tuple[Shown, ...] = ()
    hidden: tuple[Path, ...] = ()
    layers: Layers | None = None
    hosts: tuple[str, ...] = ()


def shown(places: Iterable[Path], *, writable: bool = False) -> tuple[Shown, ...]:
    """Each of `places` that is there, as it is named and, where that leads over links, as it really is."""
    found = {}
    for place in places:
        if real := real_place(place):
            found[place] = Shown(real, place, writable)
            found[real] = Shown(real, real, writable)
    return tuple(found.values())


def real_place(place: Path) -> Path | None:
    """Where `place` really is, by the system's own reading of its links; None where nobody like us gets there."""
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    finally:
        os.close(descriptor)


def environment(sandbox: Sandbox) -> dict[str, str]:
    """The variables that are different inside."""
    inside = {"HOME": str(sandbox.home), "TMPDIR": "/tmp"}
    if sandbox.hosts:
        address = f"http://127.0.0.1:{PROXY_PORT}"
        inside |= dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), address)
        if not any(map(_is_here, sandbox.hosts)):
            inside |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
    return inside


def _is_here(host: str) -> bool:
    """Whether a `host:port` lies on this machine, whose loopback is another one than that of a sandbox."""
    return host.startswith(("localhost:", "127.", "[::1]:"))


def plan(
    sandbox: Sandbox, argv: tuple[str, ...], env: Mapping[str, str], held: tuple[int, ...], bytes_max: int
) -> dict[str, Any]:
    """What `inside.py` is told, for marshal: of each step its word, where it is, and what it needs besides.

    `held` are descriptors that the sandbox keeps and the job does not get;
    `bytes_max` is what the job may write to places that are in memory only.
    """
    is_root = os.geteuid() == 0
    steps = sorted(_steps(sandbox), key=lambda step: _depth(step[1]))
    return {
        "parent": os.getpid(),
        "root": is_root,
        "uid_map": _own_map("uid_map") if is_root else "",
        "gid_map": _own_map("gid_map") if is_root else "",
        "bytes": bytes_max,
        "steps": (("processes", _shut() if is_root else ()), ("devices",), *steps),
        "writable": tuple(_writable(sandbox, steps)),
        "port": PROXY_PORT if sandbox.hosts else 0,
        "cwd": str(sandbox.folder),
        "argv": list(argv),
        "env": dict(env),
        "held": held,
    }


def _writable(sandbox: Sandbox, steps: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield from (str(one.at) for one in sandbox.shown if one.is_writable)
    yield from (step[1] for step in steps if step[0] == "fresh")
    if sandbox.layers:
        yield str(TREE)


def _depth(at: str) -> int:
    return 0 if at == "/" else at.count("/")


def _steps(sandbox: Sandbox) -> Iterator[tuple[Any, ...]]:
    own = {str(one.at): one for one in sandbox.shown}
    for step in _system():
        one = own.get(step[1])
        # What is asked for as it is anyway is no other thing.
        if one is None or (one.place == one.at and not one.is_writable):
            yield step
    known = frozenset(step[1] for step in _system() if step[0] == "show")
    for at, one in own.items():
        if one.is_writable or not (one.place == one.at and _below(at, known)):
            yield "show", at, str(one.place)
    if str(sandbox.home) not in own and not _below(str(sandbox.home), known):
        yield "fresh", str(sandbox.home), 0o700
    if sandbox.layers:
        yield _tree(sandbox.layers)
    places = {at: str(one.place) for at, one in own.items()} | {at: at for at in known}
    elsewhere: dict[str, list[str]] = {}
    for at, place in places.items():
        if at != place:
            elsewhere.setdefault(place, []).append(at)
    for hidden in map(str, sandbox.hidden):
        if hidden not in own:
            yield from _hiding(hidden, places, elsewhere)


def _hiding(
    hidden: str, places: Mapping[str, str], elsewhere: Mapping[str, list[str]]
) -> Iterator[tuple[Any, ...]]:
    """What takes `hidden` out of sight, where one of `places`, each with what is shown there, holds it.

    `elsewhere` says where what is shown at another place than its own is shown.
    """
    around = tuple(_upwards(hidden))
    nearest = next((at for at in around if at in places), None)
    if nearest is not None:
        found = Path(places[nearest] + hidden.removeprefix(nearest))
        yield from _out_of_sight(hidden, found)
    for place in around:
        for at in elsewhere.get(place, ()):
            yield from _out_of_sight(at + hidden.removeprefix(place), Path(hidden))


def _out_of_sight(at: str, found: Path) -> Iterator[tuple[Any, ...]]:
    if found.is_dir():
        yield "cover", at
    elif found.exists():
        yield "show", at, "/dev/null"


def _tree(layers: Layers) -> tuple[Any, ...]:
    if layers.layer is None:
        return "show", str(TREE), str(layers.work)
    places = (str(layers.layer), str(layers.work), str(layers.scratch))
    return "overlay", str(TREE), *places, layers.options


def _below(place: str, folders: Container[str]) -> bool:
    return any(one in folders for one in _upwards(place))


def _upwards(place: str) -> Iterator[str]:
    """`place` and the folders around it, the root folder last."""
    while place and place != "/":
        yield place
        place = place.rpartition("/")[0]
    yield "/"


@cache
def _system() -> tuple[tuple[Any, ...], ...]:
    """The steps that are the same for every job of this process."""
    steps: list[tuple[Any, ...]] = []
    for name in _SYSTEM:
        steps += _as_it_is(Path("/", name))
    for place in sorted(Path("/etc").iterdir()):
        if place.name in _ETC or place.name.startswith(_ETC_BEGINNINGS):
            steps += _as_it_is(place)
    steps += _as_it_is(Path("/sys/devices/system/cpu"))
    steps += [("cover", place) for place in _COVERED if Path(place).is_dir()]
    steps += [("fresh", *one) for one in _FRESH]
    steps.append(("link", "/var/run", "/run"))
    return tuple(steps)


def _as_it_is(place: Path) -> list[tuple[Any, ...]]:
    if not place.exists():
        return []
    if place.is_symlink() and place.parent == Path("/"):
        return [("link", str(place), str(place.readlink()))]
    return [("show", str(place), str(place.resolve()))]


@cache
def _shut() -> tuple[tuple[str, str], ...]:
    """What root must not write or read below /proc, each with what is mounted on it: root owns it, in a sandbox too."""
    found = []
    for place in sorted(Path("/proc").iterdir()):
        if place.name.isdigit() or place.is_symlink():
            continue
        mode = place.stat().st_mode
        if not stat.S_ISDIR(mode) and not mode & stat.S_IROTH:
            found.append(("/oldroot/dev/null", str(place)))
        elif stat.S_ISDIR(mode) or mode & 0o222:
            found.append((str(place), str(place)))
    return tuple(found)


def _own_map(name: str) -> str:
    """The ids of this process's own user namespace, each as itself in one below it."""
    rows = (line.split() for line in Path("/proc/self", name).read_text(encoding="ascii").splitlines())
    return "".join(f"{inner} {inner} {count}\n" for inner, _, count in rows)
